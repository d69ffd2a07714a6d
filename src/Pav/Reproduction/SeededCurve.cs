namespace Pav.Reproduction;

/// <summary>The rows of one search, made with labels and verifiers of one seed.</summary>
public sealed record SeededRows(int Seed, IReadOnlyList<SearchRow> Rows);

/// <summary>One size of a method; every table is [seed][problem].</summary>
internal sealed record SeededPoint(double N, double[][] Correct, double[][] Pass, double[][] Tokens, double[][] Distinct);

/// <summary>A method over its sizes, on the same problems with every seed.</summary>
internal sealed record SeededCurve(string Name, string Kind, IReadOnlyList<int> Seeds, IReadOnlyList<string> Problems, IReadOnlyList<SeededPoint> Points)
{
    public SeededPoint? At(double n) => Points.FirstOrDefault(p => p.N == n);

    /// <summary>The rows that <paramref name="of"/> takes, on the problems that all seeds and sizes have; null where there are none. X is N, if not given.</summary>
    public static SeededCurve? Of(string name, string kind, IReadOnlyList<SeededRows> runs, Func<SearchRow, bool> of, Func<SearchRow, double>? x = null, IReadOnlyCollection<string>? on = null)
    {
        var at = x ?? (r => r.N);
        var mine = runs.Select(run => (run.Seed, Rows: run.Rows.Where(of).ToLookup(at))).ToList();
        if (mine.Count == 0 || mine.Any(m => m.Rows.Count == 0)) return null;
        var sizes = mine.Select(m => m.Rows.Select(g => g.Key)).Aggregate((a, b) => a.Intersect(b)).Order().ToList();
        var tables = (from m in mine from n in sizes select m.Rows[n].GroupBy(r => r.Problem).Select(g => g.Key)).ToList();
        if (tables.Count == 0) return null;
        var problems = tables.Aggregate((a, b) => a.Intersect(b)).Where(p => on is null || on.Contains(p)).Order(StringComparer.Ordinal).ToList();
        if (problems.Count == 0) return null;
        return new(name, kind, [.. mine.Select(m => m.Seed)], problems, [.. sizes.Select(n =>
        {
            var bySeed = mine.Select(m => m.Rows[n].ToLookup(r => r.Problem)).ToList();
            double[][] Of(Func<SearchRow, double> value) => [.. bySeed.Select(rows => problems.Select(p => rows[p].Average(value)).ToArray())];
            return new SeededPoint(n, Of(r => r.Correct), Of(r => r.Pass), Of(r => r.GeneratedTokens), Of(r => r.Distinct));
        })]);
    }

    public Interval Bootstrapped(Func<CrossedSample, double> statistic) => CrossedBootstrap.Of(Seeds.Count, Problems.Count, statistic);

    /// <summary>A line of <paramref name="y"/> (accuracy, if not given) over generated tokens, with bands and seeds.</summary>
    public Line ToLine(Func<SeededPoint, double[][]>? y = null, string? name = null, string? kind = null) =>
        Draw(y, p => p.Tokens.Average(t => t.Average()), (p, seed) => p.Tokens[seed].Average(), name, kind);

    /// <summary>The same over N.</summary>
    public Line OverN(Func<SeededPoint, double[][]>? y = null, string? name = null, string? kind = null) => Draw(y, p => p.N, (p, _) => p.N, name, kind);

    private Line Draw(Func<SeededPoint, double[][]>? y, Func<SeededPoint, double> x, Func<SeededPoint, int, double> xOfSeed, string? name, string? kind)
    {
        y ??= p => p.Correct;
        return new(
            name ?? Name, kind ?? Kind, [.. Points.Select(p => LinePoint.Of(x(p), CrossedBootstrap.Mean(y(p)), p.N))],
            Seeds.Count < 2 ? [] : [.. Seeds.Select((seed, s) => new SeedLine(seed, [.. Points.Select(p => new LinePoint(xOfSeed(p, s), y(p)[s].Average()))]))]);
    }

    public (double Tokens, double Accuracy)[] On(CrossedSample sample) => [.. Points.Select(p => (sample.Mean(p.Tokens), sample.Mean(p.Correct)))];
}

/// <summary>Claims about two curves on the same problems and seeds.</summary>
internal static class SeededComparisons
{
    /// <summary>Sizes of a whose tokens lie within those of b.</summary>
    public static IReadOnlyList<SeededPoint> Comparable(SeededCurve a, SeededCurve b)
    {
        double Tokens(SeededPoint p) => p.Tokens.Average(t => t.Average());
        return [.. a.Points.Where(p => Tokens(p) >= Tokens(b.Points[0]) && Tokens(p) <= Tokens(b.Points[^1]))];
    }

    /// <summary>Accuracy of a minus that of b at the tokens of a, the mean over all sizes of a within the range of b; null if there are none.</summary>
    public static Interval? AtEqualTokens(SeededCurve a, SeededCurve b)
    {
        var sizes = Comparable(a, b);
        return sizes.Count == 0 ? null : Paired(a, b).Bootstrapped(sample =>
        {
            var other = b.On(sample);
            return sizes.Average(p => sample.Mean(p.Correct) - LogTokens.AccuracyAt(other, sample.Mean(p.Tokens)));
        });
    }

    /// <summary>For the accuracy of b at its largest N: the fewest tokens with which b reaches it over the fewest with which a does; 0 where a never does.</summary>
    public static Interval TokenRatio(SeededCurve a, SeededCurve b) =>
        Paired(a, b).Bootstrapped(sample =>
        {
            var other = b.On(sample);
            return LogTokens.Ratio(a.On(sample), other, other[^1].Accuracy);
        });

    /// <summary>The mean over the sizes that both have of a's value minus b's, at equal N.</summary>
    public static Interval? AtEqualN(SeededCurve a, SeededCurve b, Func<SeededPoint, double[][]> value)
    {
        var pairs = (from p in a.Points let q = b.At(p.N) where q is not null select (p, q)).ToList();
        return pairs.Count == 0 ? null : Paired(a, b).Bootstrapped(sample => pairs.Average(x => sample.Mean(value(x.p)) - sample.Mean(value(x.q))));
    }

    /// <summary>The tables of both are by the same seeds and problems, so that one sample draws from both.</summary>
    private static SeededCurve Paired(SeededCurve a, SeededCurve b) =>
        a.Seeds.SequenceEqual(b.Seeds) && a.Problems.SequenceEqual(b.Problems) ? a : throw new ArgumentException($"{a.Name} and {b.Name} are not on the same seeds and problems", nameof(b));
}
