using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Tests.Training;

/// <summary>What makes a training fit into memory changes no gradient.</summary>
public partial class FitTests
{
    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint keep);

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);

    private static string At(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);

    private static TokenRow[] Rows(string name) =>
        [.. JsonNode.Parse(File.ReadAllText(Path.Combine(At(name), "expected.json")))!["prompts"]!.AsArray().Skip(1)
            .Select(p => new TokenRow([.. p!["input_ids"]!.AsArray().Select(i => i!.GetValue<int>())], 1))];

    private static (double Loss, Dictionary<string, float[]> Gradients) Gradients(DecoderModel model, TokenRow[] rows, TrainFit fit)
    {
        (model.Recompute, model.Native) = (fit.Recompute, fit.Native);
        using var trainer = Trainer.From(model, new(Pack: fit.Pack));
        var loss = NextToken.Batch(rows, fit).Parts.Sum(trainer.Accumulate);
        var gradients = trainer.Gradients().ToDictionary();
        foreach (var p in model.Trained.Values) p.grad = null;
        return (loss, gradients);
    }

    [Theory]
    [InlineData("llama-bias-mha-sharded")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    public void Recomputing_packing_and_accumulating_change_no_gradient(string name)
    {
        using var model = DecoderCheckpoint.Load(At(name));
        var rows = Rows(name);
        var (loss, gradients) = Gradients(model, rows, new("torch"));
        TrainFit[] fits = [new(Recompute: true), new(Pack: true), new(Accumulate: 3), new(Recompute: true, Accumulate: 2, Pack: true)];
        foreach (var fit in fits.SelectMany(fit => new[] { fit, fit with { Device = "torch" } }).Prepend(new()))
        {
            var (expected, found) = Gradients(model, rows, fit);
            Assert.Equal(loss, expected, 1e-5);
            foreach (var (parameter, values) in gradients)
            {
                var largest = values.Max(Math.Abs);
                Assert.InRange(values.Zip(found[parameter], (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4 * largest + 1e-7);
            }
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3")]
    public void In_bfloat16_masters_and_gradients_are_float32_and_nearly_the_same(string name)
    {
        using var model = DecoderCheckpoint.Load(At(name));
        var rows = Rows(name);
        var (loss, gradients) = Gradients(model, rows, new("torch"));
        model.ComputeType = torch.bfloat16;
        var (rough, found) = Gradients(model, rows, new("torch"));
        Assert.Equal(1, rough / loss, 0.02);
        Assert.NotEqual(loss, rough);
        double ab = 0, aa = 0, bb = 0;
        foreach (var (parameter, values) in gradients)
            for (var i = 0; i < values.Length; i++)
            {
                var (a, b) = ((double)values[i], (double)found[parameter][i]);
                (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
            }

        Assert.InRange(ab / Math.Sqrt(aa * bb), 0.98, 1);
    }

    /// <summary>Qwen2.5-1.5B under a score head, 16 rows of 1024 tokens: an adapter fits on a GPU of 24 GB when activations are computed
    /// again, all weights do not fit at any rate.</summary>
    [Fact]
    public void By_the_account_a_verifier_of_1500_million_parameters_fits_on_one_GPU_as_an_adapter()
    {
        const double gb = 1e9;
        var config = new DecoderConfig
        {
            Family = Family.Qwen2, VocabSize = 151_936, HiddenSize = 1536, IntermediateSize = 8960, Layers = 28, Heads = 12, KvHeads = 2,
                HeadSize = 128, QkvBias = true, TiedEmbeddings = true,
            Head = DecoderHead.SequenceClassification,
        };
        Assert.InRange(config.Parameters, 1_540_000_000, 1_550_000_000);
        Assert.InRange(Account(new Lora(), new("cuda", BFloat16: true, Recompute: true, Accumulate: 2)).Peak, 3.1 * gb, 8 * gb);
        Assert.True(Account(new Lora(), new("cuda", BFloat16: true)).Peak > 24 * gb);
        Assert.True(Account(null, new("cuda", BFloat16: true, Recompute: true, Accumulate: 16)).Peak > 24 * gb);

        MemoryAccount Account(Lora? lora, TrainFit fit) =>
            MemoryAccount.Estimate(config, new() { Steps = 1, Batch = 16, Rate = 1e-4, Lora = lora, Fit = fit }, 1024, 0, torch.bfloat16);
    }

    /// <summary>The account that is told before training, against the most that the process grew by.</summary>
    [Theory]
    [InlineData("torch", false, 0, 128)]
    [InlineData("torch", true, 0, 128)]
    [InlineData("torch", false, 8, 128)]
    [InlineData("torch", true, 8, 128)]
    [InlineData("torch", true, 8, 1024)]
    [InlineData("cpu", false, 0, 128)]
    [InlineData("cpu", true, 0, 128)]
    [InlineData("cpu", false, 8, 1024)]
    public void The_memory_account_is_what_a_step_takes(string device, bool recompute, int rank, int predicted)
    {
        // Tensors get pages of their own, which go back at once: no holes in the heap are counted.
        const int mmapThreshold = -3;
        mallopt(mmapThreshold, 1 << 16);
        var (rows, length) = (2048 / predicted, predicted + 1);
        var config = new DecoderConfig { VocabSize = 512, HiddenSize = 256, IntermediateSize = 688, Layers = 6, Heads = 4, KvHeads = 4,
            HeadSize = 64, MaxPositions = 1024, TiedEmbeddings = true };
        var options = new TrainOptions
        {
            Steps = 1, Batch = rows, Rate = 1e-3, Lora = rank == 0 ? null : new(rank), Fit = new(device, Recompute: recompute),
        };
        Minibatch Batch(int count) =>
            NextToken.Batch([.. Enumerable.Range(0, count)
            .Select(r => new TokenRow([.. Enumerable.Range(0, length).Select(t => (7 * r + t * t) % 512)], 1))], options.Fitted);
        using var whole = DecoderModel.RandomInit(config, 1);
        using var model = options.Setup.Ready(rank == 0 ? whole.Clone() : whole.WithLora(options.Lora!, "", 1));
        var account = MemoryAccount.Estimate(model, options, new(() => model, _ => Batch(rows), null, _ => { }, length - 1, length - 1));
        // What the measured trainer allocates once, a first one has compiled and given back.
        using (var first = Trainer.From(model)) Step(first, Batch(1));
        using var trainer = Trainer.From(model);
        var held = account.Weights + account.Optimizer;
        if (options.Fitted.Native) held = model.Parameters.Concat(model.Trained).DistinctBy(p => p.Key).Sum(p => 4 * p.Value.numel);
        else Step(trainer, Batch(1));
        Settle();
        var before = Status("VmRSS");
        File.WriteAllText("/proc/self/clear_refs", "5");
        Step(trainer, Batch(rows));
        Step(trainer, Batch(rows));
        var taken = Status("VmHWM") - before + held;
        mallopt(mmapThreshold, 1 << 25);
        Assert.True(taken / (double)account.Peak is > 0.8 and < 1.25, $"took {taken >> 20} MB; {account}");

        static void Step(ITrainer trainer, Minibatch batch)
        {
            trainer.Accumulate(batch.Parts[0]);
            trainer.Step(1e-3, 1);
        }

        static void Settle()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            _ = malloc_trim(0);
        }

        static long Status(string key) =>
            1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith(key, StringComparison.Ordinal))
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1]);
    }
}
