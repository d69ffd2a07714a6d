using Pav.Cli.Commands.Rl;
using Pav.Cli.Commands.Train;
using Pav.Models.Files;
using Pav.Models.Training;
using Pav.Report.Reproduction;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>A way of RL in the comparison at equal total cost.</summary>
/// <param name="Reward">As <c>rl --reward</c> names it.</param>
/// <param name="Rollouts">For values of segments, or of an oracle.</param>
/// <param name="Labels">The verifier learned from one in so many of the training problems; 0 where there is none before RL.</param>
/// <param name="Steps">Training steps of that verifier.</param>
/// <param name="Sampled">Its verifier learns from RL's own traces.</param>
internal sealed record Rival(string Id, string Name, string Reward, int Rollouts = 0, int Labels = 0, int Steps = 0, bool Sampled = false)
{
    public bool Oracle => Reward == "pav" && Rollouts > 0;

    /// <summary>Does it count the policy's own values by rollouts?</summary>
    public bool Counts => Reward == "vineppo";

    /// <summary>Does it reward progress, by means that are counted?</summary>
    public bool Counted => Reward == "pav" && !Oracle;
}

internal sealed partial class ReproducePlan
{
    private const int FirstTuningSeed = 101;

    /// <summary>Each difficulty of the comparison, by the least number of traps; one alone where problems are given.</summary>
    public IReadOnlyList<int> RivalTraps => Given ? [0] : scale.RivalTraps;

    public IReadOnlyList<Rival> Rivals =>
    [
        new("orm", "ORM", "orm"), new("grpo", "GRPO", "grpo"), new("lambda", "λ-GRPO", "lambda_grpo"),
        new("vineppo3", "VinePPO-3", "vineppo", 3), new("vineppo9", "VinePPO-9", "vineppo", 9),
        .. (settings.Verifier != "" ? [1] : scale.RivalLabels).Select(one => new Rival(one == 1 ? "pav" : $"pav-{one}",
            one == 1 ? "PAV" : $"PAV, 1/{one} of the labels", "pav", Labels: one, Steps: scale.RivalVerifierSteps)),
        .. settings.Verifier != "" || scale.RivalLongerSteps == 0 ? (Rival[])[]
            : [new("pav-longer", $"PAV, verifier of {scale.RivalLongerSteps} steps", "pav", Labels: 1, Steps: scale.RivalLongerSteps)],
        new("self", "PAV, self-labelled", "pav", Sampled: true),
        .. scale.RivalOracle == 0 ? (Rival[])[] : [new("oracle", "oracle A (its rollouts not counted)", "pav", scale.RivalOracle)],
    ];

    /// <summary>The verifier of the fewest labels: it chooses for all, and shows what limits RL.</summary>
    private Rival? Fewest => Rivals.Where(r => r.Labels > 0).MaxBy(r => r.Labels);

    /// <summary>The verifier that a rival's run begins with, of labels of that seed's own; empty for none.</summary>
    public string RivalVerifier(string model, Rival rival, int seed)
    {
        if (rival.Labels == 0) return "";
        if (settings.Verifier != "") return settings.Verifier;
        string Name(string what, int steps = 0) => $"rivals-{what}-{Short(model)}-{rival.Labels}{(steps > 0 ? $"-of{steps}" : "")}-{seed}";
        var all = Given && File.Exists(TrainProblems()) ? Pav.Models.Files.Problems.Read(TrainProblems()).Count : scale.TrainProblems;
        var labels = rival.Labels == 1 ? Labels(model, seed) : Label(Name("labels"),
            $"Collect labels of one in {rival.Labels} training problems.", model, TrainProblems(),
            new() { NCov = scale.NCov, NMc = scale.NMc, Seed = 305 + 1000 * (ulong)seed, Limit = Math.Max(2, all / rival.Labels) });
        var held = Label(Name("labels-valid"), "The same, a few, on validation problems.", model, ValidProblems(),
            new() { NCov = 4, NMc = 2, Seed = 306 + 1000 * (ulong)seed, Limit = Math.Max(4, scale.ValidProblems / rival.Labels) });
        return Add(Name("verifier", rival.Steps), "Train a verifier of Q on these labels.", TrainCommands.Verifier,
            Training(VerifierStart(model), model, [labels], rival.Steps, seed) with
            {
                // Its last step counts: few labels would choose a checkpoint of its warm-up.
                ValidLabels = [held], EvaluateEvery = rival.Steps, CheckpointEvery = rival.Steps,
            });
    }

    /// <summary>Whose trunk verifiers take over.</summary>
    private string VerifierStart(string model) => settings.Model != "" ? settings.Model : Given ? settings.Policy : model;

    /// <summary>A run of RL with the learning rate and α that did best on validation problems in runs of other seeds.</summary>
    public string Rival(string model, Rival rival, int traps, int seed)
    {
        var choices = Choices(model, rival);
        return Add(
            $"rl-rivals-{traps}-{rival.Id}-{Short(model)}-{seed}", $"RL of the comparison at equal cost: {rival.Name}.", RlCommand.Spec,
            RivalSettings(model, rival, traps, seed) with { TestProblems = RivalTest(traps), TestSamples = scale.RivalTestSamples },
            choices.SelectMany(c => c.Tried).SelectMany(t => t.Folders), options =>
            {
                var (rate, alpha) = RivalChoice.Best(RivalChoice.Taken(choices).Tried);
                var rl = (RlSettings)options;
                return rl with { Alpha = Text(alpha), Rl = rl.Rl with { Rate = rate } };
            });
    }

    /// <summary>
    /// What learning rate and α may be chosen by, best first: a way's own tries on the easiest problems, for every difficulty, as on harder
    /// ones chance alone would choose among short runs; where none of these begins, those of outcome rewards.
    /// </summary>
    public IReadOnlyList<RivalTries> Choices(string model, Rival rival) =>
        [new("", true, Tried(model, rival)), new($", as {Rivals[0].Name}", false, Tried(model, Rivals[0]))];

    private IReadOnlyList<RivalTry> Tried(string model, Rival rival)
    {
        // Those that differ in their labels alone, and the oracle, share the choice, which the one of fewest labels makes.
        var chosen = rival.Counted || rival.Oracle ? Fewest ?? rival : rival;
        double[] alphas = chosen.Reward == "pav" ? scale.RivalAlphas : [scale.RlAlpha];
        // Half of the few iterations of values by rollouts would end before anything begins.
        var iterations = chosen.Counts ? Iterations(chosen, RivalTraps[0]) : Iterations(chosen, RivalTraps[0]) / 2;
        var rates = chosen.Counts ? scale.RivalVineppoRates : scale.RivalRates;
        return [.. from rate in rates from alpha in alphas select new RivalTry(rate, alpha,
            [.. Enumerable.Range(FirstTuningSeed, chosen.Counts ? 1 : scale.RivalTuneSeeds).Select(seed => Try(rate, alpha, seed))])];

        string Try(double rate, double alpha, int seed)
        {
            var values = chosen.Reward == "pav" ? $"{Text(rate)}-{Text(alpha)}" : Text(rate);
            var options = RivalSettings(model, chosen, RivalTraps[0], seed);
            return Add($"rl-rivals-try-{RivalTraps[0]}-{chosen.Id}-{Short(model)}-{values}-{seed}",
                $"Try a learning rate{(chosen.Reward == "pav" ? " and α" : "")}: {chosen.Name}.", RlCommand.Spec, options with
                {
                    Alpha = Text(alpha), ValidSamples = 4, Warmup = Warmup(iterations), Rl = options.Rl with
                    {
                        Iterations = iterations, Rate = rate, EvaluateEvery = iterations, CheckpointEvery = iterations,
                    },
                });
        }
    }

    private RlSettings RivalSettings(string model, Rival rival, int traps, int seed) => new()
    {
        Policy = Rft(model), Prompt = Untaught, Ends = settings.Ends, Verifier = RivalVerifier(model, rival, seed), Reward = rival.Reward,
        Problems = RivalTrain(traps), ValidProblems = RivalValid(traps), ValidSamples = 2, Baseline = "leave_one_out",
        Grader = settings.Grader, OracleRollouts = rival.Oracle ? rival.Rollouts : 0, Alpha = Text(scale.RlAlpha), GuardAlpha = "1",
        Seed = (ulong)seed,
        RefreshLabels = rival.Sampled ? "sampled" : "drawn", Refresh = rival.Sampled ? scale.RivalRefresh : 0,
        RefreshProblems = rival.Sampled ? 16 : new RlSettings().RefreshProblems,
        RefreshNMc = rival.Sampled ? 4 : new RlSettings().RefreshNMc,
        RefreshSteps = scale.RivalRefreshSteps, RefreshRate = rival.Sampled ? scale.VerifierRate : new RlSettings().RefreshRate,
        RefreshModel = rival.Sampled ? VerifierStart(model) : "", RefreshTemplate = rival.Sampled && !Given ? Checking : "",
        Warmup = Warmup(Iterations(rival, traps)),
        Rl = new()
        {
            MaxTokens = MaxTokens, Iterations = Iterations(rival, traps), Batch = scale.RlBatch, Samples = scale.RlSamples,
            ValueRollouts = rival.Oracle || rival.Rollouts == 0 ? new RlOptions().ValueRollouts : rival.Rollouts,
            EvaluateEvery = Math.Max(1, Math.Min(scale.RivalIterations, Iterations(rival, traps)) / 15),
            CheckpointEvery = Math.Max(1, Iterations(rival, traps) / 2),
        },
    };

    /// <summary>As many iterations whatever the length of a run, so that longer ones do not begin later; a tenth of short ones.</summary>
    private string Warmup(int iterations) => $"{Math.Min(scale.RivalWarmup, iterations / 10)}";

    /// <summary>So many that all ways take about as much in all; more for outcome rewards where they begin late.</summary>
    private int Iterations(Rival rival, int traps) => rival switch
    {
        { Oracle: true } => Math.Max(2, scale.RivalIterations / 2),
        { Reward: "pav" } => scale.RivalIterations,
        { Counts: true, Rollouts: 3 } => scale.RivalVineppo3Iterations,
        { Counts: true } => scale.RivalVineppo9Iterations,
        _ => scale.RivalOutcomeIterations[Math.Min(RivalTraps.ToList().IndexOf(traps), scale.RivalOutcomeIterations.Length - 1)],
    };

    private string RivalTrain(int traps) => traps == scale.RlTraps || Given
        ? RlTrain() : Problems($"rivals-train-{traps}", "train", scale.TrainProblems, 87, RlLevel, traps);

    private string RivalValid(int traps) => Given
        ? ValidProblems() : Problems($"rivals-valid-{traps}", "valid", scale.RivalValidProblems, 88, RlLevel, traps);

    private string RivalTest(int traps) => Given
        ? TestProblems() : Problems($"rivals-test-{traps}", "test", scale.RivalTestProblems, 89, RlLevel, traps);
}

/// <summary>A learning rate and an α that were tried, and the runs with them.</summary>
internal sealed record RivalTry(double Rate, double Alpha, IReadOnlyList<string> Folders);

/// <summary>Tries that may choose for a way.</summary>
/// <param name="Words">Behind what was chosen: whose they are, where not the way's own.</param>
/// <param name="Own">They are the way's own.</param>
internal sealed record RivalTries(string Words, bool Own, IReadOnlyList<RivalTry> Tried);

/// <summary>Chooses by the last held-out accuracy.</summary>
internal static class RivalChoice
{
    /// <summary>The first tries among which one had begun to learn; the first of all where none had.</summary>
    public static RivalTries Taken(IReadOnlyList<RivalTries> choices) =>
        choices.FirstOrDefault(c => Gained(c.Tried) >= RivalArm.Begun) ?? choices[0];

    public static (double Rate, double Alpha) Best(IReadOnlyList<RivalTry> tried) =>
        Steadiest([.. tried.Select(t => (t.Rate, t.Alpha, t.Folders.Average(Last)))], Problems(tried[0].Folders[0]));

    /// <summary>The smallest rate, then the smallest α, of those whose mean accuracy is within one standard error √(p(1 − p)/problems) of
    /// the highest, p: among tries that chance alone tells apart, larger steps fail more often.</summary>
    /// <param name="problems">Held-out problems behind an accuracy.</param>
    internal static (double Rate, double Alpha) Steadiest(
        IReadOnlyList<(double Rate, double Alpha, double Accuracy)> tried, int problems)
    {
        var highest = tried.Max(t => t.Accuracy);
        var least = highest - Math.Sqrt(highest * (1 - highest) / problems) - 1e-9;
        var (rate, alpha, _) = tried.Where(t => t.Accuracy >= least).OrderBy(t => t.Rate).ThenBy(t => t.Alpha).First();
        return (rate, alpha);
    }

    private static int Problems(string folder) => JsonLines.Read<RlValidRow>(Path.Combine(folder, RlLoop.ValidName)).First().Right.Count;

    /// <summary>What the best try gained in held-out accuracy from its start to its end, mean over its seeds.</summary>
    public static double Gained(IReadOnlyList<RivalTry> tried) => tried.Max(t => t.Folders.Average(f => Last(f) - First(f)));

    private static double First(string folder) => Measures(folder).First();

    private static double Last(string folder) => Measures(folder).Last();

    private static IEnumerable<double> Measures(string folder) =>
        JsonLines.Read<RlRow>(Path.Combine(folder, RlLoop.MetricsName)).Select(r => r.ValidAccuracy).OfType<double>();
}
