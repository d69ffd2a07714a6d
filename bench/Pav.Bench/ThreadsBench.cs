using System.Diagnostics;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Training;

namespace Pav.Bench;

/// <summary>
/// Training steps of the CPU's engine with one thread and with two, in turns in one run: next tokens, a verifier's labels, and an update of
/// online RL. Rows of a verifier and of RL have lengths from a half of what is given to all of it.
/// </summary>
internal static class ThreadsBench
{
    private const int Rounds = 15, Samples = 8;

    public static void Run(string folder, int rows, int tokens)
    {
        using var model = folder == "11M" ? DecoderModel.RandomInit(Subject.Config, 1) : DecoderCheckpoint.Load(folder);
        Console.WriteLine($"{model.Config.Parameters / 1e6:F2} M parameters, {rows} rows of {tokens} tokens");
        Console.WriteLine($"{"step",-10} {"tokens",6} | {"tokens/s: 1 thread",18} {"2 threads",9} {"ratio",5} | "
            + $"{"best: 1 thread",14} {"2 threads",9} {"ratio",5} | {"CPU ms: 1 thread",16} {"2 threads",9}");
        foreach (var (name, create) in new (string, Func<DecoderModel, int, int, (int, Action, IDisposable)>)[]
            { ("next token", NextTokens), ("verifier", Verifier), ("RL", Update) })
        {
            List<(double Wall, double Cpu)>[] found = [[], []];
            var work = new (int Tokens, Action Step, IDisposable Learner)[2];
            for (var t = 0; t < 2; t++)
            {
                Threads.Count = t + 1;
                work[t] = create(model, rows, tokens);
            }

            for (var round = 0; round < Rounds + 2; round++)
                for (var t = 0; t < 2; t++)
                {
                    Threads.Count = t + 1;
                    var (clock, before) = (Stopwatch.StartNew(), Spent());
                    work[t].Step();
                    if (round > 1) found[t].Add((clock.Elapsed.TotalSeconds, Spent() - before));
                }

            double Rate(int t, int order) => work[t].Tokens / found[t].Select(f => f.Wall).Order().ElementAt(order);
            double Cpu(int t) => 1e3 * found[t].Select(f => f.Cpu).Order().ElementAt(Rounds / 2);
            Console.WriteLine($"{name,-10} {work[0].Tokens,6} | {Rate(0, Rounds / 2),18:F0} {Rate(1, Rounds / 2),9:F0} "
                + $"{Rate(1, Rounds / 2) / Rate(0, Rounds / 2),5:F2} | "
                + $"{Rate(0, 0),14:F0} {Rate(1, 0),9:F0} {Rate(1, 0) / Rate(0, 0),5:F2} | {Cpu(0),16:F0} {Cpu(1),9:F0}");
            foreach (var (_, _, learner) in work) learner.Dispose();
        }
    }

    private static (int, Action, IDisposable) NextTokens(DecoderModel model, int rows, int tokens)
    {
        var copy = model.Clone();
        var trainer = Trainer.From(copy);
        var batch = NextToken.Batch([.. Enumerable.Range(0, rows).Select(r =>
            new TokenRow(Ids(model, r, tokens + 1), 1))], new());
        return (rows * tokens, () => Step(trainer, batch.Parts[0]), trainer);
    }

    private static (int, Action, IDisposable) Verifier(DecoderModel model, int rows, int tokens)
    {
        var trainer = Trainer.From(model.WithScoreHead());
        ReadRow[] read = [.. Enumerable.Range(0, rows).Select(r =>
        {
            var length = Length(r, rows, tokens);
            return new ReadRow(Ids(model, r, length), [.. Enumerable.Range(0, 5).Select(h => length / 2 + h * (length / 2 - 1) / 4)]);
        })];
        var targets = read.Select(row => new PrefixTargets([0.1, 0.3, 0.2, 0.8, 1], [1, 1, 1, 1, 1], [1], [true, true, true, true, false]));
        var loss = new PrefixLoss(read, [.. targets], new(), 1.0 / (5 * rows));
        return (read.Sum(row => row.Ids.Length), () => Step(trainer, loss), trainer);
    }

    private static (int, Action, IDisposable) Update(DecoderModel model, int rows, int tokens)
    {
        var options = new RlOptions { Iterations = 1000, Batch = Math.Max(1, rows / Samples), Samples = Samples, MaxTokens = tokens };
        var learner = new RlLearner(options, model.Clone(), model.Clone(), null);
        Episode[] episodes = [.. Enumerable.Range(0, rows).Select(r =>
        {
            var length = Length(r, rows, tokens);
            int[] steps = [.. Enumerable.Range(0, length - tokens / 4).Select(t => t % 2)];
            return new Episode(Ids(model, r, length), tokens / 4, steps, [1, 0.5], [0.3, 0.2]);
        })];
        var iteration = 0L;
        return (episodes.Sum(e => e.Ids.Length), () => learner.Update(episodes, 1e-3, iteration++), learner);
    }

    private static void Step(ITrainer trainer, RowLoss loss)
    {
        trainer.Accumulate(loss);
        trainer.Step(1e-5, 1);
    }

    private static int Length(int row, int rows, int tokens) => tokens / 2 + row * 7 % rows * (tokens / 2) / rows;

    private static int[] Ids(DecoderModel model, int row, int count) =>
        [.. Enumerable.Range(0, count).Select(k => (row * 31 + k * k * 7) % model.Config.VocabSize)];

    private static double Spent()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }
}
