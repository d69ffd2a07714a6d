namespace Pav.Report.Folders;

/// <summary>A way of RL, whose runs differ in the seed alone: its task, which it shares with ways that it can be compared with, and how it
/// rewards. Of folders and files the name counts, since each seed may have its own.</summary>
internal sealed record RlWay(string Reward, IReadOnlyDictionary<string, string> Task, IReadOnlyDictionary<string, string> Rewards)
{
    public const string AlphaName = "alpha", Outcome = "orm";

    public bool OutcomeOnly => Reward == Outcome;

    /// <summary>Are its steps rewarded by a prover, whose labels it then pays for?</summary>
    public bool UsesProver => Rewards.ContainsKey(AlphaName);

    public string TaskKey { get; } = Key(Task);

    public string WayKey { get; } = $"{Reward}\n{Key(Rewards)}\n{Key(Task)}";

    /// <summary>Reward and alpha, and of the other options those that vary among all: <c>orm</c>, <c>pav alpha=3</c>, <c>pav alpha=3
    /// best_of=8 kl=0.01</c>.</summary>
    public string NameAmong(IReadOnlyList<RlWay> all)
    {
        IEnumerable<string> alpha = !UsesProver ? [] : [$"{AlphaName}={Rewards[AlphaName]}"];
        return string.Join(" ",
            [Reward, .. alpha, .. Varying(Rewards, w => w.Rewards).Where(o => !o.StartsWith($"{AlphaName}=", StringComparison.Ordinal)),
            .. Varying(Task, w => w.Task)]);

        IEnumerable<string> Varying(IReadOnlyDictionary<string, string> options, Func<RlWay, IReadOnlyDictionary<string, string>> among) =>
            options.Where(o => all.Select(w => among(w).GetValueOrDefault(o.Key)).OfType<string>().Distinct().Count() > 1)
                .Select(o => $"{o.Key}={o.Value}");
    }

    private static string Key(IReadOnlyDictionary<string, string> options) => string.Join("\n", options.Select(o => $"{o.Key}={o.Value}"));
}

/// <summary>What the options of an RL run say of it.</summary>
/// <param name="Policy">Where it started.</param>
/// <param name="TestProblems">On what its last policy was measured; empty for nothing.</param>
/// <param name="Verifier">Whose progress it rewarded or watched; empty for none.</param>
internal sealed record RlAsked(RlWay Way, ulong Seed, string Policy, string TestProblems, string Verifier);
