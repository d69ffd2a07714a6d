using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Torch;
using Pav.Torch.Optim;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

/// <summary>Ten checkpoints of four families against transformers v4.51.3: fixtures/*/expected.json and expected.safetensors.</summary>
public class FixtureTests
{
    private static readonly string[] Names =
    [
        "llama", "llama-rope3-tied-bf16", "llama-bias-mha-sharded", "llama-linear-rope", "qwen2", "qwen2-bf16-sharded", "qwen3",
            "qwen3-tied-f16", "gemma2", "gemma2-bf16",
    ];

    /// <summary>PAV_TEST_DEVICE=cuda runs the checkpoints on a GPU, whose float32 sums differ a little more.</summary>
    private static readonly Device Place = new(Environment.GetEnvironmentVariable("PAV_TEST_DEVICE") ?? "cpu");

    private static readonly double Near = Place.IsCpu ? 1e-4 : 5e-4;

    public static TheoryData<string> Folders => [.. Names];

    private static string At(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);

    private static JsonNode Expected(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(At(name), "expected.json")))!;

    private static int[] Ids(JsonNode? list) => [.. list!.AsArray().Select(i => i!.GetValue<int>())];

    private static int[] Prompt(JsonNode expected, int i) => Ids(expected["prompts"]![i]!["input_ids"]);

    private static Tensor Row(ReadOnlySpan<int> ids)
    {
        var wide = new long[ids.Length];
        for (var i = 0; i < ids.Length; i++) wide[i] = ids[i];
        return tensor(wide, 1, wide.Length).to(Place);
    }

    private static double Difference(Tensor a, Tensor b) => (a.cpu().reshape(-1) - b.cpu().reshape(-1)).abs().max().item<double>();

    [Theory]
    [MemberData(nameof(Folders))]
    public void Logits_and_hidden_states_match(string name)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var model = DecoderCheckpoint.Load(At(name), device: Place);
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        var expected = Expected(name);
        for (var i = 0; i < expected["prompts"]!.AsArray().Count; i++)
        {
            var hidden = model.hidden_states(Row(Prompt(expected, i)));
            Assert.InRange(Difference(model.logits(hidden[^1]), file.Read($"logits.{i}")), 0, Near);
            for (var k = 0; i == 2 && k < hidden.Length; k++) Assert.InRange(Difference(hidden[k], file.Read($"hidden.2.{k}")), 0, Near);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Right_padding_changes_nothing_before_it(string name)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var model = DecoderCheckpoint.Load(At(name), device: Place);
        var prompt = Prompt(Expected(name), 3);
        var alone = model.logits(model.forward(Row(prompt)));
        var padded = model.logits(model.forward(cat([Row([.. prompt, 511, 511, 511]), Row([.. prompt.Reverse(), 1, 2, 3])])));
        Assert.InRange(Difference(alone, padded.narrow(0, 0, 1).narrow(1, 0, prompt.Length)), 0, Near);
    }

    /// <summary>Folders, and whether the runner is the CPU's own or libtorch's.</summary>
    public static IEnumerable<object[]> Runners =>
        from name in Names from torch in new[] { false, true } select new object[] { name, torch };

    private static IRunner Open(string name, bool torch) =>
        torch ? new TorchRunner(DecoderCheckpoint.Load(At(name), device: Place), 1 << 24) : Runner.Open(At(name), new(1 << 24, Threads: 2));

    [Theory]
    [MemberData(nameof(Runners))]
    public void Runners_give_the_same_logits_and_greedy_tokens(string name, bool torch)
    {
        using var scope = NewDisposeScope();
        using var runner = Open(name, torch);
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        var expected = Expected(name);
        var greedy = expected["greedy"]!.AsArray();
        var segments = greedy.Select(_ => new KvSegment(runner.Pool, null)).ToArray();
        var next = greedy.Select(g => Prompt(expected, g!["prompt"]!.GetValue<int>())).ToArray();
        var found = greedy.Select(_ => new List<int>()).ToArray();
        for (var t = 0; t < 16; t++)
        {
            for (var i = 0; i < next.Length; i++) runner.Add(segments[i], next[i]);
            runner.Run();
            for (var i = 0; i < next.Length; i++)
            {
                var logits = runner.Output(i).ToArray();
                if (t == 0)
                {
                    var wanted = file.Read($"logits.{greedy[i]!["prompt"]}").select(0, -1).to_array<float>();
                    Assert.InRange(wanted.Zip(logits, (a, b) => Math.Abs(a - b)).Max(), 0, Near);
                }

                next[i] = [Array.IndexOf(logits, logits.Max())];
                found[i].Add(next[i][0]);
            }
        }

        for (var i = 0; i < greedy.Count; i++) Assert.Equal(Ids(greedy[i]!["tokens"]), found[i]);
    }

    /// <summary>Parts of a context in segments, several in one call, equal the whole at once.</summary>
    [Theory]
    [MemberData(nameof(Runners))]
    public void Contexts_may_be_cut_anywhere(string name, bool torch)
    {
        using var scope = NewDisposeScope();
        using var runner = Open(name, torch);
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        var prompt = Prompt(Expected(name), 4);
        KvSegment? segment = null;
        List<int> rows = [], ends = [];
        foreach (var part in prompt.Chunk(9))
        {
            segment = new(runner.Pool, segment);
            rows.Add(runner.Add(segment, part));
            ends.Add(segment.End);
        }

        runner.Run();
        for (var i = 0; i < rows.Count; i++)
        {
            var wanted = file.Read("logits.4").select(0, ends[i] - 1).to_array<float>();
            Assert.InRange(wanted.Zip(runner.Output(rows[i]).ToArray(), (a, b) => Math.Abs(a - b)).Max(), 0, Near);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradient_norms_and_four_AdamW_losses_match(string name)
    {
        using var scope = NewDisposeScope();
        using var model = DecoderCheckpoint.Load(At(name), device: Place);
        var expected = Expected(name);
        var training = expected["training"]!;
        var sequences = Ids(training["sequences"]).Select(i => Prompt(expected, i)).ToArray();
        var settings = training["adamw"]!;
        using var adam = new AdamW(model.Parameters.Select(p => (p.Key, p.Value)), settings["lr"]!.GetValue<double>(),
            weight_decay: settings["weight_decay"]!.GetValue<double>());
        var losses = settings["loss_before_each_step"]!.AsArray();
        for (var step = 0; step < losses.Count; step++)
        {
            using var inner = NewDisposeScope();
            adam.zero_grad();
            var logits = sequences.Select(ids => model.logits(model.forward(Row(ids))).select(0, 0).narrow(0, 0, ids.Length - 1)).ToArray();
            var targets = tensor(sequences.SelectMany(ids => ids.Skip(1).Select(i => (long)i)).ToArray());
            var loss = functional.cross_entropy(cat(logits), targets.to(Place));
            Assert.Equal(losses[step]!.GetValue<double>(), loss.item<double>(), 5e-4);
            loss.backward();
            if (step == 0)
                foreach (var (parameter, norm) in training["grad_l2"]!.AsObject())
                    Assert.Equal(1, model.Parameters[parameter].grad!.norm().item<double>() / norm!.GetValue<double>(), 1e-3);
            adam.step();
        }
    }
}
