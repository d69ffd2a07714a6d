using System.Diagnostics;

namespace Pav.Models.Training;

/// <summary>What a training would take, from a few of its steps.</summary>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="TokensPerStep">Tokens of a step's rows on average, padding not counted.</param>
/// <param name="Tokens">Of all steps.</param>
/// <param name="SecondsPerStep">Of a step on this machine, as it is now.</param>
/// <param name="Evaluations">Measures on held-out data.</param>
/// <param name="SecondsPerEvaluation">0 without any.</param>
/// <param name="Seconds">Of steps and measures together.</param>
/// <param name="MemoryBytes">Most at once.</param>
public sealed record TrainCost(int Steps, double TokensPerStep, double Tokens, double SecondsPerStep, int Evaluations,
    double SecondsPerEvaluation, double Seconds, long MemoryBytes)
{
    /// <summary>Steps that are tried after the first, which warms up: until so many seconds are over, but at least and at most so
    /// many.</summary>
    private const double TrySeconds = 2;

    private const int Least = 2, Most = 20;

    /// <summary>Steps whose rows are counted.</summary>
    private const int Counted = 32;

    /// <summary>Trains a few steps in memory and throws them away.</summary>
    public static TrainCost Estimate(TrainingTask task, TrainOptions options, CancellationToken cancel = default)
    {
        options.Check();
        using var model = options.Setup.Ready(task.Start());
        using var trainer = Trainer.From(model, new(options.Beta2, options.WeightDecay, options.Fitted.Pack));
        var clock = new Stopwatch();
        var tried = 0;
        for (var step = 0; step <= Math.Min(Most, options.Steps) && (tried < Least || clock.Elapsed.TotalSeconds < TrySeconds); step++)
        {
            cancel.ThrowIfCancellationRequested();
            if (step > 0) clock.Start();
            foreach (var part in task.Next(step % options.Steps).Parts) trainer.Accumulate(part);
            trainer.Step(options.Rate / 100, options.Clip);
            clock.Stop();
            if (step > 0) tried++;
        }

        var evaluating = Stopwatch.StartNew();
        task.Evaluate?.Invoke(model);
        var stride = Math.Max(1, options.Steps / Counted);
        var tokens = Enumerable.Range(0, Math.Min(Counted, options.Steps)).Average(i => (double)task.Next(i * stride).Tokens);
        return From(options, tokens, clock.Elapsed.TotalSeconds / tried,
            task.Evaluate is null ? null : evaluating.Elapsed.TotalSeconds, MemoryAccount.Estimate(model, options, task).Peak);
    }

    /// <summary>Worked: 250 steps of 100 tokens and 0.1 s, measured every 100 for 2 s: 25,000 tokens, 3 measures (at 100, 200, 250),
    /// 31 s.</summary>
    internal static TrainCost From(TrainOptions options, double tokensPerStep, double secondsPerStep, double? secondsPerEvaluation,
        long memory)
    {
        var evaluations = secondsPerEvaluation is null ? 0 : (options.Steps + options.EvaluateEvery - 1) / options.EvaluateEvery;
        return new(options.Steps, tokensPerStep, options.Steps * tokensPerStep, secondsPerStep, evaluations, secondsPerEvaluation ?? 0,
            options.Steps * secondsPerStep + evaluations * (secondsPerEvaluation ?? 0), memory);
    }

    /// <summary>So many trainings alike, one after the other: members of a verifier.</summary>
    public TrainCost Times(int trainings) => this with
    {
        Steps = trainings * Steps, Tokens = trainings * Tokens, Evaluations = trainings * Evaluations, Seconds = trainings * Seconds,
    };
}
