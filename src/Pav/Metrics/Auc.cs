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
