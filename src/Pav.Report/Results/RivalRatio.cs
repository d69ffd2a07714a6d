namespace Pav.Report;

/// <summary>One run of RL with its held-out measures problem by problem.</summary>
/// <param name="Right">For each point of the curve, the share of right samples of each held-out problem; their mean is its
/// accuracy.</param>
internal sealed record RivalCurve(RlCurve Curve, IReadOnlyList<double[]> Right);

/// <summary>What a way of RL costs up to a level of held-out accuracy, over its seeds.</summary>
/// <param name="Reached">Seeds that reach it.</param>
/// <param name="Value">Geometric mean of the cost over these, with a t interval; null where there are none.</param>
/// <param name="AtLeast">The same over all seeds, those that never reach it counted at their end: the mean is no less than this.</param>
internal sealed record CostToReach(int Reached, int Seeds, SeedInterval? Value, double AtLeast)
{
    /// <summary>Worked: ends at 100 iterations; one seed reaches the level at 25, the other never: 25 over 1 of 2, at least 50.</summary>
    public static CostToReach From(IReadOnlyList<RivalCurve> runs, double level, Func<RlPoint, double> cost)
    {
        var costs = runs.Select(r => (Cost: RlComparison.First(r.Curve.Points, level, cost), End: cost(r.Curve.Points[^1]))).ToList();
        // A start that is there at once costs nothing; a logarithm needs something.
        static double Log(double x) => Math.Log(Math.Max(x, 1e-9));
        var reached = costs.Where(c => c.Cost is not null).Select(c => Log(c.Cost!.Value)).ToList();
        return new(reached.Count, runs.Count, reached.Count == 0 ? null : RlComparison.Exponential(RlComparison.Over(reached)),
            Math.Exp(costs.Average(c => Log(c.Cost ?? c.End))));
    }
}

/// <summary>
/// What b needed for its own last held-out accuracy over what a needed for the same, geometric mean over the seeds on which a gets there,
/// with Student's t over seeds and beside it a bootstrap over seeds and held-out problems, crossed.
/// </summary>
/// <param name="Reached">Seeds with a ratio.</param>
/// <param name="Never">Seeds on which a never gets there.</param>
/// <param name="FromStart">Seeds on which b ends no higher than where one of the two began: they have no ratio.</param>
/// <param name="Student">Null where no seed has a ratio.</param>
/// <param name="Low">Of the crossed bootstrap.</param>
/// <param name="AtMost">The geometric mean, a counted at its end where it never gets there: with these seeds the ratio is no more.</param>
internal sealed record RivalRatio(int Seeds, int Reached, int Never, int FromStart, SeedInterval? Student, double? Low, double? High,
    double? AtMost)
{
    /// <summary>Does every seed that has a goal reach it, and are both intervals above that?</summary>
    public bool IsAbove(double limit) => Never == 0 && Reached >= 2 && Student?.Low > limit && Low > limit;

    /// <summary>Worked: b ends at 0.4 after 20 iterations; a is there after 5: 4 times; another seed's a never is, b after 20 and a's
    /// end at 20: at most (4·1)^½ = 2 over both.</summary>
    /// <param name="a">Held-out problems are those of b, in the same order.</param>
    /// <param name="b">The one that sets the level.</param>
    public static RivalRatio? From(IReadOnlyList<RivalCurve> a, IReadOnlyList<RivalCurve> b, Func<RlPoint, double> cost,
        int repetitions = CrossedBootstrap.Repetitions)
    {
        var pairs = a.Join(b, x => x.Curve.Seed, x => x.Curve.Seed, (x, y) => (A: x, B: y)).ToList();
        if (pairs.Count == 0) return null;
        int[] all = [.. Enumerable.Range(0, pairs[0].A.Right[0].Length)];
        var goals = pairs.Select(p => Goal(p.A, p.B, all, cost)).ToList();
        double[] ratios = [.. goals.Where(g => g.Ratio is not null).Select(g => g.Ratio!.Value)];
        var never = goals.Count(g => g.Never);
        double[] bounded = [.. ratios, .. goals.Where(g => g.Never).Select(g => g.Bound)];
        var crossed = ratios.Length == 0 ? default : CrossedBootstrap.Interval(pairs.Count, all.Length, sample =>
        {
            double[] drawn = [.. sample.Seeds.Select(s => Goal(pairs[s].A, pairs[s].B, sample.Problems, cost).Ratio).OfType<double>()];
            return drawn.Length == 0 ? double.NaN : Math.Exp(drawn.Average());
        }, repetitions: repetitions);
        return new(pairs.Count, ratios.Length, never, pairs.Count - ratios.Length - never,
            ratios.Length == 0 ? null : RlComparison.Exponential(RlComparison.Over(ratios)),
            ratios.Length == 0 ? null : crossed.Low, ratios.Length == 0 ? null : crossed.High,
            bounded.Length == 0 ? null : Math.Exp(bounded.Average()));
    }

    /// <summary>The logarithm of the ratio on one seed, by some of the held-out problems; where a never gets there its bound.</summary>
    private static (double? Ratio, bool Never, double Bound) Goal(RivalCurve a, RivalCurve b, int[] problems, Func<RlPoint, double> cost)
    {
        var (x, y) = (On(a, problems), On(b, problems));
        var level = y[^1].Accuracy;
        if (RlComparison.First(y, level, p => p.Iteration) is not > 0) return (null, false, 0);
        var theirs = Math.Log(RlComparison.First(y, level, cost)!.Value);
        return RlComparison.First(x, level, p => p.Iteration) switch
        {
            null => (null, true, theirs - Math.Log(cost(x[^1]))),
            0 => (null, false, 0),
            _ => (theirs - Math.Log(RlComparison.First(x, level, cost)!.Value), false, 0),
        };
    }

    private static IReadOnlyList<RlPoint> On(RivalCurve run, int[] problems) =>
        [.. run.Curve.Points.Select((p, i) => p with { Accuracy = Mean(run.Right[i], problems) })];

    private static double Mean(double[] right, int[] problems)
    {
        var sum = 0.0;
        foreach (var p in problems) sum += right[p];
        return sum / problems.Length;
    }
}
