using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Tests.Models;

public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("pav-checkpoint").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static JsonObject Config(string name = "llama") =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "fixtures", name, "config.json")))!.AsObject();

    private UserError Refused(Action<JsonObject> change)
    {
        var json = Config();
        change(json);
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString());
        return Assert.Throws<UserError>(() => DecoderConfig.Load(folder));
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("llama-rope3-tied-bf16")]
    [InlineData("llama-bias-mha-sharded")]
    [InlineData("llama-linear-rope")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    public void Config_comes_back_as_written(string name)
    {
        var config = DecoderConfig.Parse(Config(name), name);
        var again = DecoderConfig.Parse(JsonNode.Parse(config.ToJson().ToJsonString())!.AsObject(), name);
        Assert.Equal(config with { Eos = [] }, again with { Eos = [] });
        Assert.Equal(config.Eos, again.Eos);
        Assert.Equal([510], config.Eos);
    }

    [Theory]
    [InlineData("sliding_window", "4096")]
    [InlineData("hidden_act", "\"gelu\"")]
    [InlineData("attention_dropout", "0.1")]
    [InlineData("pretraining_tp", "2")]
    [InlineData("model_type", "\"phi3\"")]
    [InlineData("architectures", "[\"LlamaForQuestionAnswering\"]")]
    [InlineData("rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 2}")]
    [InlineData("hidden_size", "\"64\"")]
    [InlineData("num_key_value_heads", "3")]
    [InlineData("attention_bias", "1")]
    public void Keys_that_cannot_be_used_are_refused_by_name(string key, string value)
    {
        var error = Refused(json => json[key] = JsonNode.Parse(value));
        Assert.Contains($"\"{key}\"", error.Message);
        Assert.Contains(Path.Combine(folder, "config.json"), error.Message);
    }

    [Fact]
    public void Unknown_rope_keys_and_missing_keys_are_refused()
    {
        Assert.Contains("\"beta\"", Refused(json => json["rope_scaling"] = new JsonObject { ["type"] = "linear", ["factor"] = 2, ["beta"] = 1 }).Message);
        Assert.Contains("\"vocab_size\" is missing", Refused(json => json.Remove("vocab_size")).Message);
        File.WriteAllText(Path.Combine(folder, "config.json"), "{");
        Assert.Contains("not valid JSON", Assert.Throws<UserError>(() => DecoderConfig.Load(folder)).Message);
    }

    [Fact]
    public void Weights_come_back_as_written()
    {
        using var model = Toy.Scorer();
        model.Save(folder);
        using var again = DecoderCheckpoint.Load(folder);
        Assert.Equal(DecoderHead.SequenceClassification, again.Config.Head);
        Assert.Equal(1, again.Config.Labels);
        Assert.Equal(model.Parameters.Keys, again.Parameters.Keys);
        foreach (var (name, weight) in model.Parameters) Assert.Equal(weight.to_array<float>(), again.Parameters[name].to_array<float>());
        Assert.Equal(model.Parameters.Values.Sum(w => w.numel), model.Config.Parameters);
    }

    [Fact]
    public void Missing_misshapen_and_unexpected_tensors_are_named()
    {
        using var model = Toy.Model();
        model.Save(folder);
        var weights = model.Parameters.ToDictionary(p => p.Key, p => p.Value);
        const string victim = "model.layers.1.mlp.up_proj.weight";
        using var wrong = torch.zeros([3, 5]);

        Assert.Contains(victim, Loading(w => w.Remove(victim)));
        var shapes = Loading(w => w[victim] = wrong);
        Assert.Contains(victim, shapes);
        Assert.Contains("[3, 5]", shapes);
        Assert.Contains("[40, 32]", shapes);
        Assert.Contains("model.layers.2.mlp.up_proj.weight", Loading(w => w["model.layers.2.mlp.up_proj.weight"] = wrong));

        string Loading(Action<Dictionary<string, Tensor>> change)
        {
            var changed = new Dictionary<string, Tensor>(weights);
            change(changed);
            SafetensorsFile.Write(Path.Combine(folder, "model.safetensors"), changed.Select(w => (w.Key, w.Value)));
            return Assert.Throws<UserError>(() => DecoderCheckpoint.Load(folder)).Message;
        }
    }

    [Fact]
    public void A_verifiers_record_comes_back_as_written()
    {
        var record = new VerifierRecord(VerifierKind.Value, "base", "last-number", "Check\n{problem}\n", new(10, 20, 100, 400), new(1.5, -0.25),
            new("q", "q", 0.87, 0.85, null, 0.9, 0.1, 0.05, null, 0.6, [new(0.15, 0.2, 7)]));
        record.Save(folder);
        var again = VerifierRecord.Load(folder);
        Assert.Equal(record with { Measures = null }, again with { Measures = null });
        Assert.Equal((0.87, null, new ReliabilityPoint(0.15, 0.2, 7)), (again.Measures!.AucWithin, again.Measures.AucWithinHigh, again.Measures.Reliability.Single()));
        Assert.Contains("{problem}", Assert.Throws<UserError>(() => new PromptTemplate("Check\n")).Message);
    }

    [Fact]
    public void A_training_pass_leaves_no_tensor_behind()
    {
        using var model = Toy.Model();
        Pass();
        foreach (var p in model.Parameters.Values) p.grad = null;
        var before = torch.live_tensors;
        Pass();
        foreach (var p in model.Parameters.Values) p.grad = null;
        Assert.Equal(before, torch.live_tensors);

        void Pass()
        {
            using var scope = torch.NewDisposeScope();
            model.logits(model.forward(torch.tensor(new long[] { 3, 4, 5, 6 }, 2, 2))).sum().backward();
        }
    }
}
