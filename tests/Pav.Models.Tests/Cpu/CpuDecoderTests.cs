using System.Text.Json.Nodes;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Cpu;

/// <summary>The CPU's engine on the ten fixtures, and value by value against libtorch.</summary>
public sealed unsafe class CpuDecoderTests
{
    public static TheoryData<string> Folders =>
    [
        "llama", "llama-rope3-tied-bf16", "llama-bias-mha-sharded", "llama-linear-rope", "qwen2", "qwen2-bf16-sharded", "qwen3", "qwen3-tied-f16", "gemma2", "gemma2-bf16",
    ];

    private static string Folder(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);

    private static JsonNode Expected(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(Folder(name), "expected.json")))!;

    private static int[] Ids(JsonNode? list) => [.. list!.AsArray().Select(i => i!.GetValue<int>())];

    /// <summary>Rows whose every next token is learned.</summary>
    private static ReadRow[] Rows(IEnumerable<int[]> texts) => [.. texts.Select(ids => new ReadRow(ids[..^1], [.. Enumerable.Range(0, ids.Length - 1)]))];

    private static LossAt NextToken(IReadOnlyList<int[]> texts)
    {
        int[] targets = [.. texts.SelectMany(ids => ids.Skip(1))];
        return (place, values, gradient) =>
        {
            var top = 0f;
            foreach (var v in values) top = MathF.Max(top, v);
            var sum = 0.0;
            for (var i = 0; i < values.Length; i++) sum += gradient[i] = MathF.Exp(values[i] - top);
            for (var i = 0; i < values.Length; i++) gradient[i] = (float)(gradient[i] / sum / targets.Length);
            gradient[targets[place]] -= 1f / targets.Length;
            return (Math.Log(sum) + top - values[targets[place]]) / targets.Length;
        };
    }

    private static Dictionary<string, float[]> Gradients(CpuDecoder decoder, DecoderModel model)
    {
        var (found, offset) = (new Dictionary<string, float[]>(), 0);
        foreach (var (name, weight) in model.Trained)
        {
            found[name] = new ReadOnlySpan<float>(decoder.Gradients.Data + offset, (int)weight.numel).ToArray();
            offset += (int)weight.numel;
        }

        return found;
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Logits_match(string name)
    {
        using var scope = NewDisposeScope();
        using var model = DecoderCheckpoint.Load(Folder(name));
        using var decoder = CpuDecoder.From(model, 2);
        using var file = new SafetensorsFile(Path.Combine(Folder(name), "expected.safetensors"));
        int[][] prompts = [.. Expected(name)["prompts"]!.AsArray().Select(p => Ids(p!["input_ids"]))];
        decoder.Pack();
        var values = decoder.Values([.. prompts.Select(ids => new ReadRow(ids, [.. Enumerable.Range(0, ids.Length)]))]);
        var wanted = prompts.SelectMany((_, i) => file.Read($"logits.{i}").to_array<float>()).ToArray();
        Assert.Equal(wanted.Length, values.Length);
        Assert.InRange(wanted.Zip(values, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradients_are_those_of_libtorch_and_of_the_fixtures(string name)
    {
        using var model = DecoderCheckpoint.Load(Folder(name));
        var (expected, training) = (Expected(name), Expected(name)["training"]!);
        int[][] texts = [.. Ids(training["sequences"]).Select(i => Ids(expected["prompts"]![i]!["input_ids"]))];
        foreach (var (threads, recompute) in new[] { (1, false), (2, true) })
        {
            using var decoder = CpuDecoder.From(model, threads, recompute);
            decoder.Pack();
            var loss = decoder.Accumulate(Rows(texts), NextToken(texts));
            Assert.Equal(training["mean_cross_entropy"]!.GetValue<double>(), loss, 1e-4);
            var found = Gradients(decoder, model);
            foreach (var (parameter, norm) in training["grad_l2"]!.AsObject())
                Assert.Equal(1, Math.Sqrt(found[parameter].Sum(g => (double)g * g)) / norm!.GetValue<double>(), 1e-3);
            foreach (var (parameter, wanted) in Torch(model, texts))
            {
                var largest = wanted.Max(Math.Abs);
                Assert.True(wanted.Zip(found[parameter], (a, b) => Math.Abs(a - b)).Max() <= 1e-4 * largest + 1e-7, $"{parameter} differs by {wanted.Zip(found[parameter], (a, b) => Math.Abs(a - b)).Max()} of {largest}");
            }
        }
    }

    private static Dictionary<string, float[]> Torch(DecoderModel model, int[][] texts)
    {
        using var scope = NewDisposeScope();
        var logits = texts.Select(ids => model.logits(model.forward(tensor([.. ids[..^1].Select(i => (long)i)], 1, ids.Length - 1)))[0]).ToArray();
        var loss = functional.cross_entropy(cat(logits), tensor(texts.SelectMany(ids => ids.Skip(1).Select(i => (long)i)).ToArray()));
        loss.backward();
        var gradients = model.Trained.ToDictionary(p => p.Key, p => p.Value.grad!.to_array<float>());
        foreach (var p in model.Trained.Values) p.grad = null;
        return gradients;
    }
}
