using Pav.Cli.Commands.Rl;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>A policy along RL at which gradients are measured.</summary>
/// <param name="Traps">Least number of them in the problems; 0: problems as given.</param>
/// <param name="Run">Reward of the run.</param>
/// <param name="Iteration">0: the start.</param>
internal sealed record SignalPart(int Traps, string Run, int Iteration, string Folder);

/// <summary>The parts of the figure about RL's gradients.</summary>
internal sealed partial class ReproducePlan
{
    /// <summary>
    /// The start of RL, a third and two thirds of a run on outcomes and of one on progress; and on the hardest problems of the comparison
    /// at equal cost, where these differ, the start, the middle and the end of a run of a third as many iterations on progress by the
    /// verifier of fewest labels, which learns there.
    /// </summary>
    public IReadOnlyList<SignalPart> Signals(string model)
    {
        var (easy, hard) = (Given ? 0 : scale.RlTraps, RivalTraps.DefaultIfEmpty(scale.RlTraps).Max());
        var (third, sixth) = (Math.Max(1, scale.RlIterations / 3), Math.Max(1, scale.RlIterations / 6));
        return
        [
            .. new[] { "orm", "pav" }.SelectMany(reward =>
                Along(model, new(easy, RlTrain(), RlVerifier(model), reward, scale.RlIterations, third))),
            .. Given || hard == easy ? [] : Along(model, new(hard, RivalTrain(hard), Few(), "pav", 2 * sixth, sixth)),
        ];
        string Few() => Fewest is { } few ? RivalVerifier(model, few, 1) : RlVerifier(model);
    }

    /// <param name="Traps">Least number of them in the problems; 0: problems as given.</param>
    /// <param name="Every">Iterations between policies, of which two are measured beside the start.</param>
    private sealed record Watched(int Traps, string Problems, string Verifier, string Reward, int Iterations, int Every);

    private IReadOnlyList<SignalPart> Along(string model, Watched watched)
    {
        var (run, name) = (Run(model, watched), $"signal-{watched.Traps}-{Short(model)}");
        return
        [
            new(watched.Traps, watched.Reward, 0, Signal($"{name}-start", "the start of RL", model, watched, Rft(model))),
            .. from i in new[] { watched.Every, 2 * watched.Every }
               where i <= watched.Iterations
               select new SignalPart(watched.Traps, watched.Reward, i, Signal(
                   $"{name}-{watched.Reward}-{i}", $"iteration {i} of RL with {watched.Reward}", model, watched,
                   Path.Combine(run, "checkpoints", $"{i:00000}"))),
        ];
    }

    /// <summary>RL as for the other figures, without its tests, that keeps its policies on the way.</summary>
    private string Run(string model, Watched watched) => Add(
        $"rl-signal-{watched.Traps}-{watched.Reward}-{Short(model)}", $"RL with {watched.Reward}, keeping policies on the way.",
        RlCommand.Spec, new RlSettings
        {
            Policy = Rft(model), Prompt = Untaught, Ends = settings.Ends, Problems = watched.Problems, Verifier = watched.Verifier,
            Reward = watched.Reward, Alpha = Text(scale.RlAlpha), GuardAlpha = "1", Baseline = "leave_one_out",
            Grader = settings.Grader, Seed = 1,
            Rl = new()
            {
                MaxTokens = MaxTokens, Iterations = watched.Iterations, Batch = scale.RlBatch, Samples = scale.RlSamples,
                Rate = scale.RlRate, CheckpointEvery = Math.Max(1, watched.Iterations / 4), KeepEvery = watched.Every,
            },
        });

    private string Signal(string name, string policy, string model, Watched watched, string folder) => Add(
        name, $"Measure the gradients of RL's rewards at {policy}.", SignalCommand.Spec, new SignalSettings
        {
            Policy = folder, Prompt = folder == Rft(model) ? Untaught : new(), Ends = settings.Ends,
            ProverPolicy = folder == Rft(model) ? "" : Rft(model), Problems = watched.Problems, Verifier = watched.Verifier,
            Grader = settings.Grader, Batches = scale.SignalBatches, Batch = scale.RlBatch, Samples = Math.Max(2, scale.RlSamples),
            Alphas = [.. new[] { scale.RlAlpha, 1, 3 }.Distinct()], OracleRollouts = scale.SignalOracle, MaxTokens = MaxTokens, Seed = 21,
        });
}
