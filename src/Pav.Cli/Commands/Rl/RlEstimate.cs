using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models.Training;

namespace Pav.Cli.Commands.Rl;

/// <summary>What RL would take, from its first iterations.</summary>
internal static class RlEstimate
{
    public static RlCost Tell(RlSettings settings, RlTask task, int tests, CommandContext context)
    {
        var options = settings.ToOptions(settings.TriesAlphas ? settings.AlphaGrid[0] : settings.FixedAlpha);
        var (iterations, measured) = Counts(settings, task.HeldOut.Count * task.HeldOutSamples, tests);
        var cost = RlCost.Estimate(task, options, iterations, measured, context.Cancel);
        context.Reporter.Say($"{cost.Iterations:N0} iterations, {Estimates.Count(cost.Traces)} traces of "
            + $"{cost.GeneratedTokens / cost.Traces:0.0} tokens on average: {Estimates.Count(cost.GeneratedTokens)} tokens generated");
        if (cost.ProverTokens > 0) context.Reporter.Say($"{Estimates.Count(cost.ProverTokens)} tokens generated for values of steps");
        if (cost.ScoredTokens > 0) context.Reporter.Say($"{Estimates.Count(cost.ScoredTokens)} tokens scored by the verifier");
        if (cost.MeasuredTraces > 0)
            context.Reporter.Say($"{Estimates.Count(cost.MeasuredTraces)} traces of {Estimates.Count(cost.MeasuredTokens)} tokens to "
                + "measure policies");
        if (settings.Refresh > 0) context.Reporter.Say("labels and trainings of --refresh are not counted"
            + (settings.LearnsFromSamples && settings.Verifier == "" ? ", nor what its verifier scores" : ""));
        context.Reporter.Say($"{Estimates.Time(cost.Seconds)} on this machine as it is now: {cost.SecondsPerIteration:0.##} s an "
            + "iteration");
        context.Reporter.Say($"memory: {RunFolder.PeakMemoryMb():N0} MB in the iterations that were tried");
        return cost;
    }

    /// <summary>
    /// Iterations, and traces sampled to measure policies, of the run and of those that choose alpha. Worked: 50 iterations, measured every
    /// 20 by 8 samples (at 0, 20, 40 and at the end), and 10 test problems with 4 samples: 50 iterations, 4·8 + 40 = 72 traces.
    /// </summary>
    internal static (int Iterations, long Measured) Counts(RlSettings settings, long heldOutSamples, int tests)
    {
        var all = settings.Rl.Iterations;
        var tried = settings.AlphaIterations > 0 ? settings.AlphaIterations : all;
        var alphas = settings.TriesAlphas ? settings.AlphaGrid.Distinct().Count() : 0;
        return (all + alphas * tried, heldOutSamples * (Times(all) + alphas * Times(tried)) + (long)tests * settings.TestSamples);

        long Times(int iterations) => (iterations + settings.Rl.EvaluateEvery - 1) / settings.Rl.EvaluateEvery + 1;
    }
}
