using Pav.Cli.Commands.Rl;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>The parts of the figure about RL's gradients.</summary>
internal sealed partial class ReproducePlan
{
    /// <summary>Policies along RL at which gradients are measured: the start of both runs, and each third of either.</summary>
    public IReadOnlyList<(string Run, int Iteration, string Folder)> Signals(string model)
    {
        var third = Math.Max(1, scale.RlIterations / 3);
        int[] thirds = [.. Enumerable.Range(1, 3).Select(k => k * third).Where(i => i <= scale.RlIterations)];
        var start = Signal($"signal-{Short(model)}-start", "the start of RL", model, Rft(model), true);
        return
        [
            .. from reward in (string[])["orm", "pav"]
               let run = Watched(model, reward, third)
               from iteration in thirds.Prepend(0)
               select (reward, iteration, iteration == 0 ? start : Signal(
                   $"signal-{Short(model)}-{reward}-{iteration}", $"iteration {iteration} of RL with {reward}", model,
                   Path.Combine(run, "checkpoints", $"{iteration:00000}"), false)),
        ];
    }

    /// <summary>RL as for the other figures, without its tests, that keeps its policies on the way.</summary>
    private string Watched(string model, string reward, int every) => Add(
        $"rl-signal-{reward}-{Short(model)}", $"RL with {reward}, keeping policies on the way.", RlCommand.Spec, new RlSettings
        {
            Policy = Rft(model), Prompt = Untaught, Ends = settings.Ends, Problems = RlTrain(), Verifier = RlVerifier(model),
            Reward = reward, Alpha = Text(scale.RlAlpha), GuardAlpha = "1", Baseline = "leave_one_out", Grader = settings.Grader, Seed = 1,
            Rl = new()
            {
                MaxTokens = MaxTokens, Iterations = scale.RlIterations, Batch = scale.RlBatch, Samples = scale.RlSamples,
                Rate = scale.RlRate, CheckpointEvery = Math.Max(1, scale.RlIterations / 4), KeepEvery = every,
            },
        });

    private string Signal(string name, string policy, string model, string folder, bool start) => Add(
        name, $"Measure the gradients of RL's rewards at {policy}.", SignalCommand.Spec, new SignalSettings
        {
            Policy = folder, Prompt = start ? Untaught : new(), Ends = settings.Ends, ProverPolicy = start ? "" : Rft(model),
            Problems = RlTrain(), Verifier = RlVerifier(model), Grader = settings.Grader, Batches = scale.SignalBatches,
            Batch = scale.RlBatch, Samples = Math.Max(2, scale.RlSamples), Alphas = [.. new[] { scale.RlAlpha, 1, 3 }.Distinct()],
            OracleRollouts = scale.SignalOracle, MaxTokens = MaxTokens, Seed = 21,
        });
}
