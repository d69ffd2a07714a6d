using System.Diagnostics;
using Pav.Models.Decoders;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// One training step (forward, backward, clipping, AdamW) of the same Llama on rows of 128 tokens in float32, beside nothing but its matrix
/// products, forward and
/// backward, in the same run. The two take turns, so that other work on the machine hits both; medians.
/// </summary>
internal static class TrainingBench
{
    private const int Tokens = 128, Rounds = 3;

    public static void Run(int[] batches)
    {
        using var model = DecoderModel.RandomInit(Subject.Config, 1);
        model.Native = false;
        using var trainer = Trainer.From(model);
        Console.WriteLine(
            $"{Subject.Config.Parameters / 1e6:F1} M parameters, {torch.get_num_threads()} threads, libtorch {torch.version}");
        Console.WriteLine($"{"rows",5} {"tokens/s",9} {"step ms",8} {"GEMM ms",8} {"share",6} {"GFLOP/s",8}");
        foreach (var rows in batches)
        {
            var batch = NextToken.Batch([.. Enumerable.Range(0, rows)
                .Select(r =>
                new TokenRow([.. Enumerable.Range(0, Tokens + 1).Select(k => (r * 31 + k * k * 7) % Subject.Config.VocabSize)], 1))],
                new());
            List<double> steps = [], products = [];
            for (var round = 0; round <= Rounds; round++)
            {
                steps.Add(Seconds(() => Step(trainer, batch)));
                products.Add(Products(rows));
            }

            var (step, bare) = (Median(steps.Skip(1)), Median(products.Skip(1)));
            var flops = Shapes(rows).Sum(s => 3 * 2.0 * s.Batch * s.Rows * s.Inputs * s.Outputs * s.Times);
            Console.WriteLine(
                $"{rows,5} {rows * Tokens / step,9:F0} {1e3 * step,8:F0} {1e3 * bare,8:F0} {bare / step,6:P0} {flops / step / 1e9,8:F1}");
        }
    }

    private static void Step(ITrainer trainer, Minibatch batch)
    {
        trainer.Accumulate(batch.Parts[0]);
        trainer.Step(1e-4, 1);
    }

    /// <summary>Products x [Batch, Rows, Inputs] · w [Batch, Inputs, Outputs] of a forward pass.</summary>
    private static IEnumerable<(int Batch, int Rows, int Inputs, int Outputs, int Times)> Shapes(int rows)
    {
        var c = Subject.Config;
        var (all, heads) = (rows * Tokens, rows * c.Heads);
        yield return (1, all, c.HiddenSize, c.HiddenSize, 4 * c.Layers);
        yield return (1, all, c.HiddenSize, c.IntermediateSize, 2 * c.Layers);
        yield return (1, all, c.IntermediateSize, c.HiddenSize, c.Layers);
        yield return (heads, Tokens, c.HeadSize, Tokens, c.Layers);
        yield return (heads, Tokens, Tokens, c.HeadSize, c.Layers);
        yield return (1, all, c.HiddenSize, c.VocabSize, 1);
    }

    /// <summary>Seconds of each product of the forward pass and the two that its gradients take: y = x·w, dx = dy·wᵀ, dw = xᵀ·dy.</summary>
    private static double Products(int rows)
    {
        using var off = torch.no_grad();
        var total = 0.0;
        foreach (var s in Shapes(rows))
        {
            using var scope = torch.NewDisposeScope();
            var (x, w, dy) = (torch.randn([s.Batch, s.Rows, s.Inputs]), torch.randn([s.Batch, s.Inputs, s.Outputs]),
                torch.randn([s.Batch, s.Rows, s.Outputs]));
            var (xt, wt) = (x.transpose(1, 2), w.transpose(1, 2));
            total += Seconds(() =>
            {
                for (var i = 0; i < s.Times; i++)
                {
                    using (x.bmm(w)) { }
                    using (dy.bmm(wt)) { }
                    using (xt.bmm(dy)) { }
                }
            });
        }

        return total;
    }

    private static double Seconds(Action action)
    {
        var clock = Stopwatch.StartNew();
        action();
        return clock.Elapsed.TotalSeconds;
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);
}
