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
/// What b needs up to a level of held-out accuracy over what a needs, geometric mean over the seeds on which a gets there, with Student's t
/// over seeds and beside it a bootstrap over these seeds and held-out problems, crossed. Where b never gets there it counts at its end, so
/// the ratio is at least so much, and the upper ends of its intervals say nothing. Where a does not get there on problems that the
/// bootstrap drew, a counts at its end, and the ratio as 1 if b does not either: left out, such draws would raise the lower end.
/// </summary>
/// <param name="Reached">Seeds with a ratio.</param>
/// <param name="Never">Seeds on which a never gets there.</param>
/// <param name="FromStart">Seeds on which one of the two begins at the level: they have no ratio.</param>
/// <param name="AtLeast">Of those with a ratio, the seeds on which b never gets there.</param>
/// <param name="Student">Null where no seed has a ratio.</param>
/// <param name="Low">Of the crossed bootstrap.</param>
/// <param name="AtMost">The geometric mean with the seeds on which b alone gets there, a counted at its end: the ratio is no more; null
/// where there are no such seeds, or some on which neither does.</param>
internal sealed record RivalRatio(int Seeds, int Reached, int Never, int FromStart, int AtLeast, SeedInterval? Student, double? Low,
    double? High, double? AtMost)
{
    /// <summary>Does a get there on every seed that begins below, and are both intervals above that?</summary>
    public bool IsAbove(double limit) => Never == 0 && Reached >= 2 && Student?.Low > limit && Low > limit;

    /// <summary>Worked: b is at 0.4 after 20 iterations, a after 5: 4 times; on another seed b never is, in 40, and a after 10: at least
    /// (4·4)^½ = 4 over both.</summary>
    /// <param name="a">Held-out problems are those of b, in the same order.</param>
    /// <param name="level">Share of held-out samples that are right.</param>
    public static RivalRatio? From(IReadOnlyList<RivalCurve> a, IReadOnlyList<RivalCurve> b, double level, Func<RlPoint, double> cost,
        int repetitions = CrossedBootstrap.Repetitions)
    {
        var pairs = a.Join(b, x => x.Curve.Seed, x => x.Curve.Seed, (x, y) => (A: x, B: y)).ToList();
        if (pairs.Count == 0) return null;
        int[] all = [.. Enumerable.Range(0, pairs[0].A.Right[0].Length)];
        var races = pairs.Select(p => Race.Run(p.A, p.B, all, level, cost)).ToList();
        double[] ratios = [.. races.Select(r => r.Ratio).OfType<double>()];
        double[] bounded = [.. ratios, .. races.Select(r => r.Bound).OfType<double>()];
        var (never, fromStart) = (races.Count(r => r.Never), races.Count(r => r.FromStart));
        var there = pairs.Zip(races).Where(p => p.Second.Ratio is not null).Select(p => p.First).ToList();
        var crossed = ratios.Length == 0 ? default : CrossedBootstrap.Interval(there.Count, all.Length, sample =>
        {
            double[] drawn = [.. sample.Seeds.Select(s => Race.Run(there[s].A, there[s].B, sample.Problems, level, cost))
                .Where(r => !r.FromStart).Select(r => r.Ratio ?? r.Bound ?? 0)];
            return drawn.Length == 0 ? double.NaN : Math.Exp(drawn.Average());
        }, repetitions: repetitions);
        return new(pairs.Count, ratios.Length, never, fromStart, races.Count(r => r.AtLeast),
            ratios.Length == 0 ? null : RlComparison.Exponential(RlComparison.Over(ratios)),
            ratios.Length == 0 ? null : crossed.Low, ratios.Length == 0 ? null : crossed.High,
            never == 0 || bounded.Length < races.Count - fromStart ? null : Math.Exp(bounded.Average()));
    }

    /// <summary>One seed by some of the held-out problems.</summary>
    /// <param name="Ratio">Its logarithm, where a gets there.</param>
    /// <param name="Bound">Where b alone does: the logarithm of what the ratio is at most.</param>
    private sealed record Race(double? Ratio, double? Bound, bool Never, bool FromStart, bool AtLeast)
    {
        public static Race Run(RivalCurve a, RivalCurve b, int[] problems, double level, Func<RlPoint, double> cost)
        {
            var (x, y) = (On(a, problems), On(b, problems));
            if (x[0].Accuracy >= level || y[0].Accuracy >= level) return new(null, null, false, true, false);
            var (ours, theirs) = (RlComparison.First(x, level, cost), RlComparison.First(y, level, cost));
            return ours is { } mine ? new(Math.Log((theirs ?? cost(y[^1])) / mine), null, false, false, theirs is null)
                : new(null, theirs is { } t ? Math.Log(t / cost(x[^1])) : null, true, false, false);
        }
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
