using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Files;

namespace Pav.Models.Tests.Models;

/// <summary>
/// Configs after those of published families (fixtures/configs.jsonl): which are read, with how many weights, and what is said of the
/// others.
/// </summary>
public sealed class FamilyTests
{
    private sealed record Row(string Name, JsonObject Config, long? Parameters, string? Says);

    private static IReadOnlyList<Row> Rows { get; } =
        [.. JsonLines.ReadInput(Path.Combine(AppContext.BaseDirectory, "fixtures", "configs.jsonl"))
            .Select(line => line.Row.Deserialize<Row>(Json.Line)!)];

    [Fact]
    public void Families_that_are_run_are_read_whole()
    {
        var known = Rows.Where(row => row.Parameters is not null).ToList();
        Assert.True(known.Count >= 40);
        Assert.All(known, row =>
        {
            var config = DecoderConfig.Parse(row.Config, row.Name);
            Assert.Equal(row.Parameters, config.Parameters);
            Assert.Equal(config.Parameters,
                DecoderConfig.Parse(JsonNode.Parse(config.ToJson().ToJsonString())!.AsObject(), row.Name).Parameters);
        });
    }

    [Fact]
    public void Families_that_are_not_run_are_refused_with_the_reason_and_the_way_by_a_server()
    {
        var refused = Rows.Where(row => row.Says is not null).ToList();
        Assert.True(refused.Count >= 30);
        Assert.All(refused, row =>
        {
            var message = Assert.Throws<UserError>(() => DecoderConfig.Parse(row.Config, row.Name)).Message;
            Assert.StartsWith(row.Name + ": ", message);
            Assert.Contains(row.Says!, message);
            Assert.Contains("--policy http://host:8000/v1", message);
        });
    }

    [Fact]
    public void A_saved_InternLM_is_a_Llama_with_biases()
    {
        var config = DecoderConfig.Parse(Rows.Single(row => row.Name == "internlm-7b").Config, "internlm-7b");
        Assert.True(config is { QkvBias: true, OutputBias: true, MlpBias: false });
        Assert.Equal("llama", config.ToJson()["model_type"]!.ToString());
    }

    [Theory]
    [InlineData("is_decoder", "true")]
    [InlineData("add_cross_attention", "true")]
    [InlineData("pruned_heads", """{"0": [1]}""")]
    [InlineData("activation", "\"relu\"")]
    [InlineData("a_new_key", "1")]
    public void Keys_that_would_change_the_model_are_still_refused(string key, string value)
    {
        var config = Rows.First(row => row.Name == "Llama-2-7b").Config.DeepClone().AsObject();
        config[key] = JsonNode.Parse(value);
        Assert.Contains($"\"{key}\"", Assert.Throws<UserError>(() => DecoderConfig.Parse(config, "config.json")).Message);
    }
}
