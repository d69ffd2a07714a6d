using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Commands.Label;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Commands.Train;
using Pav.Cli.Shared;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>RL of a base policy with outcome rewards and with progress, and the verifiers it takes.</summary>
internal sealed partial class ReproducePlan
{
    /// <summary>The start of RL: the base policy, fine-tuned on its own correct traces where the scale wants that.</summary>
    public string Rft(string model) => scale.RftSteps == 0 ? Base(model) : Add($"rft-{Short(model)}", "Fine-tune the base policy on its "
        + "own correct traces: the start of RL.", TrainCommands.Rft, new RftSettings
    {
        Model = Base(model), Labels = [Labels(model, 1)], Problems = [TrainProblems()], Steps = scale.RftSteps, Batch = 32, Rate = 1e-4,
            Warmup = $"{Math.Max(1, scale.RftSteps / 10)}",
        EvaluateEvery = scale.RftSteps, CheckpointEvery = scale.RftSteps, Prompt = settings.Prompt, MaxTokens = MaxTokens,
            Grader = settings.Grader, Seed = 1,
    });

    /// <summary>What that start does by itself on the test problems of RL.</summary>
    public string RlStart(string model) => Add($"rl-start-{Short(model)}", $"Measure the start of RL; what none of {scale.RlHardSamples} "
        + "samples solves is the hard set.", EvaluateCommand.Spec, new EvaluateSettings
    {
        Policy = Rft(model), Prompt = Untaught, Ends = settings.Ends,
        Problems = RlTest(), Samples = scale.RlTestSamples, HardSamples = Math.Max(scale.RlHardSamples,
        scale.RlTestSamples), Sampling = Sampling, Grader = settings.Grader,
        ProblemsPerBatch = 100, Seed = 1,
    });

    /// <summary>RL with one kind of reward: orm, pav or pqv.</summary>
    public string Rl(string model, string reward, int seed) => Rl(
        $"rl-{reward}-{Short(model)}-{seed}",
            $"RL with {reward switch { "orm" => "outcome rewards only", "pav" => "the progress of every step as a dense reward", _ => "Q of every step as a dense reward" }}.",
        model, seed, s =>
            s with { Verifier = RlVerifier(model), Reward = reward, Alpha = Text(reward == "pqv" ? 1 : scale.RlAlpha),
            HardBeam = scale.RlHardBeam });

    /// <summary>A verifier that learned from half the labels and from labels of RL's problems before it, as many as refreshes
    /// take.</summary>
    private string RlVerifier(string model) => settings.Verifier != "" ? settings.Verifier
        : Verifier($"verifier-rl-{Short(model)}", "Train a verifier of Q on labels of the problems that RL trains on, and others.",
            TrainCommands.Verifier, model, [HalfLabels(model), RlLabels(model)], scale.VerifierSteps, 1, RlTrain());

    /// <summary>RL with progress by the verifier of labels of other problems, as many.</summary>
    public string RlOfOthers(string model, int seed) => Rl(
        $"rl-others-{Short(model)}-{seed}", "RL with progress by the verifier that learned from labels of other problems.", model, seed,
        s => s with { Verifier = Verifier(model, 1), Reward = "pav", Alpha = Text(scale.RlAlpha), TestSamples = FewSamples, Hard = "" });

    /// <summary>RL with progress by a verifier of half the labels, refreshed with fresh ones of the present policy.</summary>
    public string RlRefreshed(string model, int seed, bool strong) => Rl(
        $"rl-refreshed{Strong(strong)}-{Short(model)}-{seed}",
            $"RL with {(strong ? "much weight on progress" : "progress")}, the verifier of half the labels being refreshed with fresh "
            + "ones of the present policy.", model, seed, s => s with
        {
            Verifier = Verifier($"verifier-half-{Short(model)}", "Train a verifier of Q on half the labels.", TrainCommands.Verifier,
                model, [HalfLabels(model)], scale.VerifierSteps, 1),
            Refresh = scale.RlRefresh, RefreshProblems = scale.RlRefreshProblems, RefreshNCov = scale.NCov, RefreshNMc = scale.NMc,
            Reward = "pav", Alpha = Text(strong ? scale.RlStrongAlpha : scale.RlAlpha), TestSamples = FewSamples, Hard = "",
        });

    /// <summary>RL with so much weight on progress that a verifier which is kept may be fooled.</summary>
    public string RlStrong(string model, int seed) => Rl(
        $"rl-kept-strong-{Short(model)}-{seed}",
            "RL with much weight on progress, by the verifier that learned from labels of RL's problems before.", model, seed, s => s with
        {
            Verifier = RlVerifier(model), Reward = "pav", Alpha = Text(scale.RlStrongAlpha), TestSamples = FewSamples, Hard = "",
        });

    private static string Strong(bool strong) => strong ? "-strong" : "";

    /// <summary>Enough for the accuracy of one sample.</summary>
    private int FewSamples => Math.Min(8, scale.RlTestSamples);

    /// <summary>Labels of the first half of the training problems.</summary>
    public string HalfLabels(string model) =>
        Label($"labels-half-{Short(model)}", "Collect labels of half the training problems.", model, TrainProblems(),
        new() { NCov = scale.NCov, NMc = scale.NMc, Seed = 105,
            Limit = Math.Max(2, (Given && File.Exists(TrainProblems())
            ? Pav.Models.Files.Problems.Read(TrainProblems()).Count : scale.TrainProblems) / 2) });

    /// <summary>Labels of as many of RL's problems as refreshes label, by the policy that RL starts from.</summary>
    public string RlLabels(string model) =>
        Label($"labels-rl-{Short(model)}", "Collect labels of RL's problems before it, as many as refreshes take.", model, RlTrain(),
        new() { NCov = scale.NCov, NMc = scale.NMc, Seed = 205, Limit = Math.Max(1, (scale.RlIterations - 1) / scale.RlRefresh)
            * scale.RlRefreshProblems });

    private string Rl(string name, string say, string model, int seed, Func<RlSettings, RlSettings> with) =>
        Add(name, say, RlCommand.Spec, with(new()
    {
        Policy = Rft(model), Prompt = Untaught, Ends = settings.Ends,
        Problems = RlTrain(),
        ValidProblems = Given ? ValidProblems() : Problems("rl-valid", "valid", 100, 88, RlLevel, scale.RlTraps), TestProblems = RlTest(),
            TestSamples = scale.RlTestSamples, Hard = RlStart(model),
        GuardAlpha = "1", Baseline = "leave_one_out", Grader = settings.Grader, ValidSamples = 2, Seed = (ulong)seed,
        Rl = new()
        {
            MaxTokens = MaxTokens, Iterations = scale.RlIterations, Batch = scale.RlBatch, Samples = scale.RlSamples, Rate = scale.RlRate,
            EvaluateEvery = Math.Max(1, scale.RlIterations / 15), CheckpointEvery = Math.Max(1, scale.RlIterations / 4),
        },
    }));

    /// <summary>How the start of RL is asked; nothing where 'train rft' has written that down.</summary>
    private PromptChoice Untaught => scale.RftSteps == 0 ? settings.Prompt : new();

    /// <summary>Ten lines, the longest there are, with traps among them: outcome rewards are sparse on them.</summary>
    private const int RlLevel = 10;

    private string RlTrain() => Given ? TrainProblems() : Problems("rl-train", "train", scale.TrainProblems, 87, RlLevel, scale.RlTraps);

    private string RlTest() => Given ? TestProblems() : Problems("rl-test", "test", scale.RlTestProblems, 89, RlLevel, scale.RlTraps);
}
