using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Models.Training;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

/// <summary>
/// Families against NumPy's account of them (tests/numpy-decoders.py, numpy-qwen35.py): sampling, scoring and training on the CPU,
/// libtorch, score heads.
/// </summary>
public sealed class NumpyTests
{
    public static TheoryData<string> Folders => ["qwen2-yarn", "qwen3-yarn", "gemma3", "phi3", "smollm3", "olmo2", "granite",
        "phi3-longrope", "qwen3-moe", "qwen3-moe-plain", "qwen35", "qwen35-yarn"];

    private static string At(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", "numpy", name);

    private static (int[] Ids, float[] Hidden, float[] Logits) Expected(string name)
    {
        using var scope = NewDisposeScope();
        using var file = new SafetensorsFile(Path.Combine(At(name), "expected.safetensors"));
        float[] Values(string tensor) => file.Read(tensor).to_array<float>();
        return ([.. Values("ids").Select(id => (int)id)], Values("hidden"), Values("logits"));
    }

    private static void AreNear(float[] wanted, float[] found, double most)
    {
        Assert.Equal(wanted.Length, found.Length);
        Assert.InRange(wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max(), 0, most);
    }

    private static Tensor Row(int[] ids) => tensor(ids.Select(id => (long)id).ToArray(), 1, ids.Length);

    [Theory]
    [MemberData(nameof(Folders))]
    public void Libtorch_gives_the_same(string name)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var model = DecoderCheckpoint.Load(At(name));
        var (ids, wanted, logits) = Expected(name);
        var hidden = model.forward(Row(ids));
        AreNear(wanted, hidden.to_array<float>(), 1e-4);
        AreNear(logits, model.logits(hidden).to_array<float>(), 1e-4);
    }

    /// <summary>Whole, and in segments of nine tokens.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Sampling_gives_the_same(string name)
    {
        var (ids, _, logits) = Expected(name);
        foreach (var size in new[] { 64, 9 })
        {
            using var runner = Runner.Open(At(name), new(1 << 24, Threads: 2));
            KvSegment? segment = null;
            var (rows, ends) = (new List<int>(), new List<int>());
            foreach (var part in ids.Chunk(size))
            {
                segment = new(runner.Pool, segment);
                rows.Add(runner.Add(segment, part));
                ends.Add(segment.End);
            }

            runner.Run();
            var width = runner.Outputs;
            for (var i = 0; i < rows.Count; i++)
                AreNear(logits[((ends[i] - 1) * width)..(ends[i] * width)], runner.Output(rows[i]).ToArray(), 1e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Scoring_on_the_CPU_gives_the_same(string name)
    {
        using var model = DecoderCheckpoint.Load(At(name));
        using var decoder = CpuDecoder.From(model, 2);
        var (ids, _, logits) = Expected(name);
        decoder.Pack();
        AreNear(logits, decoder.Values([new(ids, [.. Enumerable.Range(0, ids.Length)])]), 1e-4);
    }

    /// <summary>Every weight's gradient of next tokens, with and without activations computed again, by both engines.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradients_of_both_engines_agree(string name)
    {
        using var model = DecoderCheckpoint.Load(At(name));
        var (ids, _, _) = Expected(name);
        var loss = NextToken.Batch([new TokenRow(ids, 1), new TokenRow(ids[5..20], 1)], new()).Parts.Single();
        var (expected, wanted) = Gradients(model, loss, native: false);
        foreach (var recompute in new[] { false, true })
        {
            model.Recompute = recompute;
            var (sum, found) = Gradients(model, loss, native: true);
            Assert.Equal(expected, sum, 1e-4);
            AreNear(wanted, found);
        }
    }

    /// <summary>Along its gradient each weight changes the loss by the gradient's length: by central differences of the CPU's own
    /// losses.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Gradients_are_the_slopes_of_the_loss(string name)
    {
        using var model = DecoderCheckpoint.Load(At(name));
        var (ids, _, _) = Expected(name);
        var loss = NextToken.Batch([new TokenRow(ids, 1)], new()).Parts.Single();
        var gradients = Gradients(model, loss, native: true).Gradients;
        foreach (var (index, (weight, values)) in gradients.OrderBy(g => g.Key).Index())
        {
            // Along its own gradient a weight's slope is the gradient's length.
            var length = Math.Sqrt(values.Sum(g => (double)g * g));
            // States that are carried on bend the loss sooner, and a longer way would take some tokens to other experts: a jump.
            var by = model.Config is { DeltaNet: null, Experts: null } ? 1e-2 : model.Config.Experts is null ? 3e-4 : 2e-3;
            float[] Moved(float[] start, double sign) => [.. start.Zip(values, (w, g) => (float)(w + (sign * by * g / length)))];
            var slope = (Loss(1) - Loss(-1)) / (2 * by);
            Assert.True(Math.Abs(slope - length) < 0.01 + (0.02 * length), $"{index} {weight}: slope {slope}, gradient {length}");

            double Loss(double sign)
            {
                var parameter = model.Parameters[weight];
                var start = parameter.to_array<float>();
                Set(parameter, Moved(start, sign));
                using var trainer = Trainer.From(model);
                var sum = trainer.Accumulate(loss);
                Set(parameter, start);
                return sum;
            }
        }

        static void Set(Tensor parameter, float[] values)
        {
            using var off = no_grad();
            using var from = tensor(values, parameter.shape);
            parameter.copy_(from);
        }
    }

    /// <summary>A score head reads the hidden states that NumPy gives; it learns alike in both engines and comes back from a
    /// folder.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void Verifiers_score_and_learn(string name)
    {
        using var scope = NewDisposeScope();
        using var trunk = DecoderCheckpoint.Load(At(name));
        using var model = trunk.WithScoreHead();
        var (ids, hidden, _) = Expected(name);
        var score = Enumerable.Range(0, 16).Select(i => MathF.Sin(i + 1)).ToArray();
        using (no_grad()) model.Parameters["score.weight"].copy_(tensor(score, 1, 16));
        var wanted = ids.Select((_, t) => score.Select((s, i) => s * hidden[(t * 16) + i]).Sum()).ToArray();
        int[] all = [.. Enumerable.Range(0, ids.Length)];
        using (var decoder = CpuDecoder.From(model, 1))
        {
            decoder.Pack();
            AreNear(wanted, decoder.Values([new(ids, all)]), 2e-4);
        }

        using var folder = new TempFolder();
        model.Save(folder.Path);
        using (var runner = Runner.Open(folder.Path, new(1 << 24, Threads: 1)))
        {
            var segment = new KvSegment(runner.Pool, null);
            var row = runner.Add(segment, ids);
            runner.Run();
            Assert.Equal(wanted[^1], runner.Output(row)[0], 2e-4);
        }

        var loss = new PrefixLoss([new(ids, [3, 17, 36])], [new([0.1, 0.7, 1], [1, 0.5, 2], [1], [true, false, false])], new(), 0.25);
        var (expected, gradients) = Gradients(model, loss, native: false);
        var (sum, found) = Gradients(model, loss, native: true);
        Assert.Equal(expected, sum, 1e-5);
        AreNear(gradients, found);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void What_is_saved_computes_the_same(string name)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var folder = new TempFolder();
        using (var model = DecoderCheckpoint.Load(At(name))) model.Save(folder.Path);
        using var again = DecoderCheckpoint.Load(folder.Path);
        var (ids, _, logits) = Expected(name);
        AreNear(logits, again.logits(again.forward(Row(ids))).to_array<float>(), 1e-4);
    }

    private static (double Loss, Dictionary<string, float[]> Gradients) Gradients(DecoderModel model, RowLoss loss, bool native)
    {
        model.Native = native;
        using var trainer = Trainer.From(model);
        var sum = trainer.Accumulate(loss);
        var gradients = trainer.Gradients().ToDictionary();
        foreach (var p in model.Trained.Values) p.grad = null;
        model.Native = true;
        return (sum, gradients);
    }

    private static void AreNear(Dictionary<string, float[]> wanted, Dictionary<string, float[]> found)
    {
        Assert.Equal(wanted.Keys.Order(), found.Keys.Order());
        foreach (var (name, values) in wanted)
        {
            var size = Math.Max(1e-3, values.Max(Math.Abs));
            Assert.True(values.Zip(found[name], (a, b) => Math.Abs(a - b)).Max() < 2e-3 * size, name);
        }
    }
}
