using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Models.Training;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

/// <summary>Qwen 3.5's text models against NumPy's account of them (tests/numpy-qwen35.py).</summary>
public sealed class Qwen35Tests
{
    public static TheoryData<string> Folders => ["qwen35", "qwen35-yarn"];

    private static string At(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", "numpy", name);

    private static (int[] Ids, float[] Logits) Expected(string name)
    {
        using var scope = NewDisposeScope();
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        return ([.. file.Read("ids").to_array<float>().Select(id => (int)id)], file.Read("logits").to_array<float>());
    }

    /// <summary>Logits at every position, of the ids in segments of a size, all in one call or each alone.</summary>
    private static float[] Logits(IRunner runner, int[] ids, int size, bool together)
    {
        List<float> logits = [];
        List<int> rows = [];
        KvSegment? segment = null;
        foreach (var part in ids.Chunk(size))
        {
            segment = new(runner.Pool, segment);
            foreach (var id in part)
            {
                rows.Add(runner.Add(segment, [id]));
                if (!together) Run();
            }
        }

        Run();
        return [.. logits];

        void Run()
        {
            runner.Run();
            foreach (var row in rows) logits.AddRange(runner.Output(row));
            rows.Clear();
        }
    }

    /// <summary>What a config says that is not run is refused by its name.</summary>
    [Theory]
    [InlineData("layer_types", """["linear_attention", "full_attention", "linear_attention", "full_attention"]""",
        "layer 1 differs from what")]
    [InlineData("layer_types", """["full_attention"]""", "it names 1 layers of num_hidden_layers = 4")]
    [InlineData("full_attention_interval", "5", "no layer of 4 would have attention")]
    [InlineData("linear_num_value_heads", "3", "a multiple of linear_num_key_heads = 2")]
    [InlineData("linear_key_head_dim", "12", "a multiple of 8")]
    [InlineData("linear_conv_kernel_dim", "2", "this program runs 4")]
    [InlineData("attn_output_gate", "false", "this program runs true")]
    [InlineData("output_gate_type", "\"sigmoid\"", "this program runs \"swish\"")]
    [InlineData("partial_rotary_factor", "0.6", "rope_parameters says 0.5")]
    [InlineData("attention_bias", "true", "this program runs false")]
    [InlineData("mlp_only_layers", "[1]", "this program does not have it")]
    [InlineData("num_experts", "4", "does not know it")]
    [InlineData("rope_parameters", """{"rope_type": "default", "partial_rotary_factor": 0.3}""", "an even number", "partial_rotary_factor")]
    [InlineData("rope_parameters", """{"rope_type": "dynamic"}""", "the rope types default, linear")]
    public void What_is_not_run_is_refused_by_name(string key, string value, string says, string? named = null)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(At("qwen35"), "config.json")))!.AsObject();
        config["text_config"]![key] = JsonNode.Parse(value);
        var message = Assert.Throws<UserError>(() => DecoderConfig.Parse(config, "config.json")).Message;
        Assert.StartsWith($"config.json, text_config: \"{named ?? key}\"", message);
        Assert.Contains(says, message);
    }

    [Theory]
    [InlineData("architectures", """["Qwen3_5ForCausalLM"]""", "Qwen3_5ForConditionalGeneration")]
    [InlineData("audio_config", "{}", "\"audio_config\"")]
    [InlineData("quantization_config", """{"quant_method": "fp8"}""", "the weights are quantised")]
    public void What_is_unknown_around_the_text_model_is_refused(string key, string value, string says)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(At("qwen35"), "config.json")))!.AsObject();
        config[key] = JsonNode.Parse(value);
        Assert.Contains(says, Assert.Throws<UserError>(() => DecoderConfig.Parse(config, "config.json")).Message);
    }

    /// <summary>A text model that keeps the name of the whole, and one whose config has the list of layers alone.</summary>
    [Fact]
    public void Other_ways_to_write_the_same_are_read()
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(At("qwen35-yarn"), "config.json")))!.AsObject();
        var expected = DecoderConfig.Parse(config, "config.json");
        config["model_type"] = "qwen3_5";
        config.Remove("full_attention_interval");
        Assert.Equal(expected with { Eos = [] }, DecoderConfig.Parse(config, "config.json") with { Eos = [] });
        Assert.Equal([true, false, true], Enumerable.Range(0, 3).Select(expected.IsRecurrent));
        Assert.Equal(6, expected.Rotated);
    }

    [Fact]
    public void A_checkpoint_without_a_tensor_of_the_recurrence_is_refused()
    {
        using var folder = new TempFolder();
        using (var model = DecoderCheckpoint.Load(At("qwen35"))) model.Save(folder.Path);
        var path = Path.Combine(folder.Path, "config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"linear_num_value_heads\": 4", "\"linear_num_value_heads\": 2"));
        Assert.Contains("linear_attn.", Assert.Throws<UserError>(() => DecoderCheckpoint.Load(folder.Path)).Message);
    }

    /// <summary>An adapter on all projections, those of the recurrent layers too: both engines learn it alike, and it comes back.</summary>
    [Fact]
    public void Adapters_are_learned_on_recurrent_layers()
    {
        using var temporary = new TempFolder();
        using var model = DecoderCheckpoint.Load(At("qwen35"));
        using var adapted = model.WithLora(new(2, 4, "q_proj,in_proj_qkv,in_proj_z,in_proj_a,in_proj_b,out_proj"), At("qwen35"), 1);
        Assert.Equal(2 * (1 + (3 * 5)), adapted.Trained.Count);
        using (no_grad())
            foreach (var (name, weight) in adapted.Trained)
                if (name.EndsWith("lora_B.weight", StringComparison.Ordinal)) weight.normal_(0, 0.3);
        var (ids, _) = Expected("qwen35");
        var loss = NextToken.Batch([new TokenRow(ids, 1), new TokenRow(ids[7..], 3)], new()).Parts.Single();
        var found = Gradients(native: true);
        foreach (var (name, wanted) in Gradients(native: false))
            Assert.InRange(wanted.Zip(found[name], (a, b) => Math.Abs(a - b)).Max(), 0, 2e-3 * Math.Max(1e-3, wanted.Max(Math.Abs)));
        adapted.Save(temporary.Path);
        using var again = Runner.Open(temporary.Path, new(1 << 22, Threads: 1));
        using var here = Runner.Create(adapted, new(1 << 22, Threads: 1));
        Assert.Equal(Logits(here, ids, 9, together: false), Logits(again, ids, 9, together: false));

        Dictionary<string, float[]> Gradients(bool native)
        {
            adapted.Native = native;
            using var trainer = Trainer.From(adapted);
            trainer.Accumulate(loss);
            var gradients = trainer.Gradients().ToDictionary();
            foreach (var p in adapted.Trained.Values) p.grad = null;
            adapted.Native = true;
            return gradients;
        }
    }

    /// <summary>Some entries of every weight's gradient, against NumPy's differences of its own losses in float64.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradients_are_those_of_NumPy(string name)
    {
        using var model = DecoderCheckpoint.Load(At(name));
        using var trainer = Trainer.From(model);
        trainer.Accumulate(NextToken.Batch([new TokenRow(Expected(name).Ids, 1)], new()).Parts.Single());
        var gradients = trainer.Gradients().ToDictionary();
        using var scope = NewDisposeScope();
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        var names = file.Entries.Keys.Where(key => key.StartsWith("slope.", StringComparison.Ordinal)).Select(key => key[6..]).ToList();
        Assert.Equal(gradients.Keys.Where(key => key != "lm_head.weight").Order(), names.Select(key => "model." + key).Order());
        foreach (var weight in names)
        {
            var (found, places) = (gradients["model." + weight], file.Read("at." + weight).to_array<float>());
            var size = found.Max(Math.Abs);
            Assert.True(size > 0, weight);
            foreach (var (place, slope) in places.Zip(file.Read("slope." + weight).to_array<float>()))
                Assert.True(Math.Abs(found[(int)place] - slope) < 1e-3 * Math.Max(size, 0.01),
                    $"{weight}[{place}]: {found[(int)place]}, and NumPy has {slope}");
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Sampling_gives_the_same(string name)
    {
        var (ids, logits) = Expected(name);
        using var runner = Runner.Open(At(name), new(1 << 24, Threads: 2));
        foreach (var size in new[] { 64, 9, 1 })
        {
            var found = Logits(runner, ids, size, together: false);
            Assert.Equal(logits.Length, found.Length);
            Assert.InRange(logits.Zip(found, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
        }
    }
}
