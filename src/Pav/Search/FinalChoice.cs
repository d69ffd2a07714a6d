namespace Pav;

/// <summary>What a final choice may know of a trace. A value that it did not ask for is 0.</summary>
/// <param name="Answer">The answer's text; null if the trace has none.</param>
/// <param name="Q">Q^π at the trace's end.</param>
/// <param name="Reward">The effective reward of the trace's last step.</param>
/// <param name="Outcome">The outcome verifier's score.</param>
/// <param name="LogOdds">Calibrated evidence for its answer (<see cref="VoteEvidence.Weight"/>).</param>
/// <param name="Share">The share of its search's draws that led to it (<see cref="StepNode.Share"/>); 1 where it has no tree.</param>
public readonly record struct JudgedTrace(string? Answer, double Q, double Reward, double Outcome, double LogOdds = 0, double Share = 1);

/// <summary>How the answer is chosen among the finished traces of a search. Any choice goes with any search.</summary>
/// <param name="Id">As in <c>beam-q+vote</c>.</param>
/// <param name="Words">As in "Beam on Q, weighted vote".</param>
/// <param name="Needs">What it must know of each trace.</param>
/// <param name="Pick">The index of the chosen trace among at least one; the first of equals.</param>
public sealed record FinalChoice(string Id, string Words, Needs Needs, Func<IReadOnlyList<JudgedTrace>, int> Pick)
{
    public static FinalChoice First { get; } = new("first", "the first", Needs.Nothing, _ => 0);

    public static FinalChoice Majority { get; } = new("majority", "majority", Needs.Nothing, traces => Voted(traces, _ => 1));

    public static FinalChoice Vote { get; } = new("vote", "vote weighted by Q", Needs.Verifier, traces => Voted(traces, t => t.Q));

    public static FinalChoice LogOdds { get; } =
        new("log-odds", "vote by calibrated log-odds", Needs.Verifier | Needs.Validation, traces => Voted(traces, t => t.LogOdds));

    public static FinalChoice MaxQ { get; } = new("max-q", "highest Q", Needs.Verifier, traces => Best(traces, t => t.Q));

    /// <summary>
    /// A vote in which a trace weighs Q·√share. A search that merges equal steps forgets how often the policy wrote them, and the highest Q
    /// of many different traces is often a mistake that the verifier misses and the policy hardly ever makes. With Q·π the vote would be
    /// that of endless samples; the root shrinks shares that a few draws estimate. Worked: Q 0.9 of a trace that 1 in 9 drew weighs 0.3, Q
    /// 0.6 of one that 4 in 9 drew 0.4.
    /// </summary>
    public static FinalChoice Likely { get; } =
        new("likely", "vote by Q and share of draws", Needs.Verifier, traces => Voted(traces, t => t.Q * Math.Sqrt(t.Share)));

    public static FinalChoice MaxReward { get; } =
        new("max-reward", "highest effective reward", Needs.Verifier | Needs.Prover, traces => Best(traces, t => t.Reward));

    public static FinalChoice MaxOutcome { get; } =
        new("max-outcome", "best by the outcome verifier", Needs.Outcome, traces => Best(traces, t => t.Outcome));

    /// <summary>All that <c>+choice</c> may name.</summary>
    public static IReadOnlyList<FinalChoice> All { get; } = [MaxQ, Vote, Likely, LogOdds, Majority, MaxReward, MaxOutcome];

    private static int Best(IReadOnlyList<JudgedTrace> traces, Func<JudgedTrace, double> value) =>
        Enumerable.Range(0, traces.Count).MaxBy(i => value(traces[i]));

    /// <summary>The first trace with the answer that wins the vote; of those the one that weighs most.</summary>
    private static int Voted(IReadOnlyList<JudgedTrace> traces, Func<JudgedTrace, double> weight)
    {
        var winner = Pav.Vote.Weighted(traces.Select(t => (t.Answer, weight(t))));
        return winner is null ? 0 : Enumerable.Range(0, traces.Count).Where(i => traces[i].Answer == winner).MaxBy(i => weight(traces[i]));
    }
}
