using Pav.Cli.Terminal;
using Pav.Models.Training;

namespace Pav.Cli.Commands.Train;

/// <summary>Says what a training would take.</summary>
internal static class TrainEstimate
{
    public static TrainCost Tell(TrainCost cost, Reporter reporter)
    {
        reporter.Say($"{cost.Steps:N0} steps of {cost.TokensPerStep:N0} tokens on average: {Estimates.Count(cost.Tokens)} tokens");
        reporter.Say($"{Estimates.Time(cost.Seconds)} on this machine as it is now: {1000 * cost.SecondsPerStep:0.#} ms a step");
        if (cost.Evaluations > 0)
            reporter.Say($"{cost.Evaluations:N0} measures on held-out data are in it, {cost.SecondsPerEvaluation:0.##} s each");
        reporter.Say($"memory: {cost.MemoryBytes / 1048576.0:N0} MB at most");
        return cost;
    }
}
