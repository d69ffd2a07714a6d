using Pav.Cli.Commands.Rl;
using Pav.Cli.Options;




namespace Pav.Cli.Report;

/// <summary>A way of RL, whose runs differ in the seed alone: its task, which it shares with ways that it can be compared with, and how it rewards. Of folders and files the name counts, since each seed may have its own.</summary>
internal sealed record RlWay(string Reward, IReadOnlyDictionary<string, string> Task, IReadOnlyDictionary<string, string> Rewards)
{
    /// <summary>Options that change where, how fast or how often a run is measured, and not what it learns.</summary>
    private static readonly HashSet<string> Free = Names(nameof(RlSettings.Seed), nameof(RlSettings.PassTokens), nameof(RlSettings.EvaluateEvery), nameof(RlSettings.CheckpointEvery));

    /// <summary>Options of step rewards; of RL with outcome rewards alone they say nothing.</summary>
    private static readonly HashSet<string> OfSteps = Names(
        nameof(RlSettings.Credit), nameof(RlSettings.Alpha), nameof(RlSettings.AlphaGrid), nameof(RlSettings.AlphaIterations), nameof(RlSettings.AlphaUntil), nameof(RlSettings.Verifier), nameof(RlSettings.BestOf),
        nameof(RlSettings.OracleRollouts), nameof(RlSettings.ProverPolicy), nameof(RlSettings.Refresh), nameof(RlSettings.RefreshProblems), nameof(RlSettings.RefreshNCov), nameof(RlSettings.RefreshNMc),
        nameof(RlSettings.RefreshSteps), nameof(RlSettings.RefreshRate), nameof(RlSettings.NoProgress), nameof(RlSettings.GuardWindow), nameof(RlSettings.StopOnHacking));

    private const string RewardName = "reward", AlphaName = "alpha", Outcome = "orm";

    public bool OutcomeOnly => Reward == Outcome;

    public string TaskKey { get; } = Key(Task);

    public string WayKey { get; } = $"{Reward}\n{Key(Rewards)}\n{Key(Task)}";

    public static RlWay Of(RlSettings settings)
    {
        var options = OptionSchema.Of(typeof(RlSettings)).Fields.Where(f => !f.Flag.Local && !f.Flag.AtEnd && !Free.Contains(f.SnakeName) && f.SnakeName != RewardName).ToDictionary(f => f.SnakeName, f => Shown(f, f.Get(settings)));
        return new(
            settings.Reward, options.Where(o => !OfSteps.Contains(o.Key)).ToDictionary(),
            settings.Reward == Outcome ? new Dictionary<string, string>() : options.Where(o => OfSteps.Contains(o.Key)).ToDictionary());
    }

    /// <summary>Reward and alpha, and of the other options those that vary among all: <c>orm</c>, <c>pav alpha=3</c>, <c>pav alpha=3 best_of=8 kl=0.01</c>.</summary>
    public string NameAmong(IReadOnlyList<RlWay> all)
    {
        IEnumerable<string> alpha = OutcomeOnly ? [] : [$"{AlphaName}={Rewards[AlphaName]}"];
        return string.Join(" ", [Reward, .. alpha, .. Varying(Rewards, w => w.Rewards).Where(o => !o.StartsWith($"{AlphaName}=", StringComparison.Ordinal)), .. Varying(Task, w => w.Task)]);

        IEnumerable<string> Varying(IReadOnlyDictionary<string, string> own, Func<RlWay, IReadOnlyDictionary<string, string>> of) =>
            own.Where(o => all.Select(w => of(w).GetValueOrDefault(o.Key)).OfType<string>().Distinct().Count() > 1).Select(o => $"{o.Key}={o.Value}");
    }

    private static HashSet<string> Names(params string[] properties) => [.. properties.Select(p => OptionField.Split(p, '_'))];

    private static string Key(IReadOnlyDictionary<string, string> options) => string.Join("\n", options.Select(o => $"{o.Key}={o.Value}"));

    private static string Shown(OptionField field, object? value)
    {
        var text = field.Flag.Input && value is string path ? Path.GetFileName(Path.TrimEndingDirectorySeparator(path)) : OptionField.Text(value);
        return text == "" ? "none" : string.Join("_", text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
