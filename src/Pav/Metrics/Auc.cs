namespace Pav;

/// <summary>A trace's score and whether it is right.</summary>
public readonly record struct Judged(string Problem, double Score, bool Right);

/// <summary>
/// Area under the ROC curve: the chance that a right trace scores above a wrong one, ties counting half. Worked: right (0.8, 0.4), wrong
/// (0.4, 0.2): (1 + 1 + ½ + 1)/4 = 0.875.
/// </summary>
public static class Auc
{
    /// <summary>Over all pairs of a right and a wrong trace; NaN if there are none. Across problems it mostly measures how hard a problem
    /// is.</summary>
    public static double Pooled(IReadOnlyList<Judged> traces)
    {
        var (wins, pairs) = Wins(traces);
        return wins / pairs;
    }

    /// <summary>
    /// Over pairs of the same problem: problems' AUCs averaged with their pairs as weights, with a bootstrap interval over problems. This
    /// is what search needs, and the gate of ≥ 0.85.
    /// </summary>
    public static Interval WithinProblems(IReadOnlyList<Judged> traces, ulong seed = 1)
    {
        var problems = traces.GroupBy(t => t.Problem).Select(g => Wins([.. g])).Where(w => w.Pairs > 0).ToList();
        return Bootstrap.Interval(problems.Count, drawn => drawn.Sum(i => problems[i].Wins) / drawn.Sum(i => problems[i].Pairs), seed);
    }

    /// <summary>
    /// How much the second scores' AUC within problems is above the first's, with a bootstrap interval over problems that are drawn for
    /// both alike, and how many problems have a pair. Worked: of p, with one pair, the wins fall from 1 to 0; of q, with two, they stay
    /// at 1: (1 − 2)/3 = −1/3.
    /// </summary>
    /// <param name="after">The same traces as <paramref name="before"/>, in the same order.</param>
    public static (Interval Difference, int Problems) PairedDifference(
        IReadOnlyList<Judged> before, IReadOnlyList<Judged> after, ulong seed = 1)
    {
        if (!before.Select(t => (t.Problem, t.Right)).SequenceEqual(after.Select(t => (t.Problem, t.Right))))
            throw new ArgumentException("both must judge the same traces in the same order", nameof(after));
        var problems = before.Zip(after).GroupBy(t => t.First.Problem)
            .Select(g => (Before: Wins([.. g.Select(t => t.First)]), After: Wins([.. g.Select(t => t.Second)])))
            .Where(p => p.Before.Pairs > 0).ToList();
        var difference = Bootstrap.Interval(problems.Count, drawn =>
            drawn.Sum(i => problems[i].After.Wins - problems[i].Before.Wins) / drawn.Sum(i => problems[i].Before.Pairs), seed);
        return (difference, problems.Count);
    }

    private static (double Wins, double Pairs) Wins(IReadOnlyList<Judged> traces)
    {
        var (wins, wrongBelow) = (0.0, 0);
        foreach (var tie in traces.GroupBy(t => t.Score).OrderBy(g => g.Key))
        {
            var right = tie.Count(t => t.Right);
            var wrong = tie.Count() - right;
            wins += right * (wrongBelow + 0.5 * wrong);
            wrongBelow += wrong;
        }

        return (wins, (double)(traces.Count - wrongBelow) * wrongBelow);
    }
}
