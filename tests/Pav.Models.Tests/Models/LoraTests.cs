using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

public sealed class LoraTests : IDisposable
{
    private readonly TempFolder temporary = new();

    public void Dispose() => temporary.Dispose();

    private string Base => temporary["base"];

    private static Tensor Ids => tensor(new long[] { 3, 4, 5, 6, 7, 8 }, 2, 3);

    private DecoderModel Adapted(DecoderModel model, Lora lora)
    {
        model.Save(Base);
        var adapted = model.WithLora(lora, Base, 1);
        using var off = no_grad();
        foreach (var (name, weight) in adapted.Trained)
            if (name.EndsWith("lora_B.weight", StringComparison.Ordinal)) weight.normal_(0, 0.3);
        return adapted;
    }

    [Fact]
    public void It_begins_as_the_base_and_trains_nothing_else()
    {
        using var scope = NewDisposeScope();
        using var model = Toy.Scorer();
        using var adapted = model.WithLora(new(2, 4, "q_proj,down_proj"), Base, 1);
        Assert.True(equal(model.scores(model.forward(Ids)), adapted.scores(adapted.forward(Ids))));
        Assert.Equal(2 * 2 * 2 + 1, adapted.Trained.Count);
        adapted.scores(adapted.forward(Ids)).sum().backward();
        Assert.All(adapted.Trained, p => Assert.NotNull(p.Value.grad));
        Assert.All(adapted.Parameters.Where(p => !adapted.Trained.ContainsKey(p.Key)), p => Assert.Null(p.Value.grad));
        Assert.Contains("\"gate\"", Assert.Throws<UserError>(() => model.WithLora(new(2, 4, "gate"), Base, 1)).Message);
    }

    [Fact]
    public void Weights_are_those_of_the_formula()
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var model = Toy.Model();
        using var adapted = Adapted(model, new(2, 6, "v_proj"));
        const string projection = "model.layers.1.self_attn.v_proj";
        var expected = model.Parameters[projection + ".weight"] + adapted.Trained[projection + ".lora_B.weight"]
            .mm(adapted.Trained[projection + ".lora_A.weight"]) * 3;
        using var merged = adapted.Clone();
        Assert.True(expected.allclose(merged.Parameters[projection + ".weight"], 1e-5, 1e-6));
        Assert.InRange((adapted.logits(adapted.forward(Ids)) - merged.logits(merged.forward(Ids))).abs().max().item<double>(), 1e-9, 1e-4);
        Assert.False(model.logits(model.forward(Ids)).allclose(merged.logits(merged.forward(Ids)), 1e-3, 1e-3));
    }

    /// <summary>Names and keys as PEFT writes them; both engines run the folder.</summary>
    [Fact]
    public void It_is_saved_in_PEFTs_layout_and_loads_back()
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var trunk = Toy.Model();
        using var scorer = trunk.WithScoreHead();
        trunk.Save(Base);
        using var adapted = scorer.WithLora(new(2, 4, "q_proj,up_proj"), Base, 1);
        foreach (var weight in adapted.Trained.Values) weight.normal_(0, 0.2);
        var folder = temporary["adapter"];
        adapted.Save(folder);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "adapter_config.json")))!;
        Assert.Equal(("LORA", "SEQ_CLS", 2, 4.0, Base),
            ((string)json["peft_type"]!, (string)json["task_type"]!, (int)json["r"]!, (double)json["lora_alpha"]!,
            (string)json["base_model_name_or_path"]!));
        using (var file = new SafetensorsFile(Path.Combine(folder, "adapter_model.safetensors")))
        {
            string[] expected =
            [
                .. from layer in new[] { 0, 1 } from target in new[] { "mlp.up_proj",
                    "self_attn.q_proj" } from ab in "AB" select $"base_model.model.model.layers.{layer}.{target}.lora_{ab}.weight",
                "base_model.model.score.weight",
            ];
            Assert.Equal(expected, file.Entries.Keys.Order(StringComparer.Ordinal));
        }

        Assert.False(File.Exists(Path.Combine(folder, "model.safetensors")));
        Same(folder);

        // As PEFT leaves it: no config.json, a base without a score head.
        File.Delete(Path.Combine(folder, "config.json"));
        foreach (var none in (string[])["alora_invocation_tokens", "arrow_config", "corda_config", "exclude_modules", "layer_replication",
            "some_future_option"]) json[none] = null;
        (json["alpha_pattern"], json["ensure_weight_tying"], json["init_lora_weights"], json["peft_version"]) =
            (new JsonObject(), false, true, "0.18.0");
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), json.ToJsonString());
        Same(folder);

        // As torch.compile and data parallelism rename it.
        var weights = Path.Combine(folder, "adapter_model.safetensors");
        foreach (var wrapper in (string[])["_orig_mod.base_model.model.", "module.base_model.model._orig_mod."])
        {
            Dictionary<string, Tensor> tensors;
            using (var file = new SafetensorsFile(weights)) tensors = file.Entries.Keys.ToDictionary(name => name, file.Read);
            SafetensorsFile.Write(weights,
                tensors.Select(t => (wrapper + t.Key.Split("base_model.model.")[1].Replace("_orig_mod.", ""), t.Value)));
            Same(folder);
        }

        foreach (var (key, value) in new (string, JsonNode)[] { ("use_dora", true), ("use_rslora", true),
            ("init_lora_weights", "pissa_niter_4"), ("target_modules", "all-linear"), ("rank_pattern", new JsonObject { ["q_proj"] = 4 }),
            ("some_future_option", 1) })
        {
            var changed = json.DeepClone();
            changed[key] = value;
            File.WriteAllText(Path.Combine(folder, "adapter_config.json"), changed.ToJsonString());
            Assert.Contains($"\"{key}\"", Assert.Throws<UserError>(() => DecoderCheckpoint.Load(folder)).Message);
        }

        void Same(string name)
        {
            var expected = adapted.scores(adapted.forward(Ids)).select(1, -1).to_array<float>();
            using var again = DecoderCheckpoint.Load(name);
            Assert.Equal(adapted.Lora, again.Lora);
            Assert.Equal(expected, again.scores(again.forward(Ids)).select(1, -1).to_array<float>());
            foreach (var device in (Device?[])[default(Device?), CPU])
            {
                using var runner = Inference.Runner.Open(name, new(1 << 20, Threads: 1, Torch: device));
                int[] rows = [runner.Add(new(runner.Pool, null), [3, 4, 5]), runner.Add(new(runner.Pool, null), [6, 7, 8])];
                runner.Run();
                foreach (var (row, value) in rows.Zip(expected)) Assert.Equal(value, runner.Output(row)[0], 1e-4f);
            }
        }
    }
}
