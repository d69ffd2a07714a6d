using System.Globalization;

namespace Pav.Report;

/// <summary>The rows of one search, made with labels and verifiers of one seed.</summary>
internal sealed record SeededRows(int Seed, IReadOnlyList<SearchRow> Rows);

/// <summary>One size of a method; every table is [seed][problem], a mean where a problem has several rows.</summary>
internal sealed record CurvePoint(
    double N, double[][] Correct, double[][] Pass, double[][] Tokens, double[][] Distinct, double[][]? ScoredTokens = null,
        double[][]? SecondsTaken = null)
{
    /// <summary>Tokens that verifiers read; 0 where a curve does not count them.</summary>
    public double MeanScored => ScoredTokens is null ? 0 : Mean(ScoredTokens);

    public double MeanSeconds => SecondsTaken is null ? 0 : Mean(SecondsTaken);

    public double Accuracy => Mean(Correct);

    public double MeanTokens => Mean(Tokens);

    public static double Mean(double[][] table) => table.Average(row => row.Average());

    /// <summary>The same over some of the problems, given by their places.</summary>
    public CurvePoint On(int[] problems)
    {
        double[][] Take(double[][] table) => [.. table.Select(row => problems.Select(p => row[p]).ToArray())];
        return new(
            N, Take(Correct), Take(Pass), Take(Tokens), Take(Distinct), ScoredTokens is null
                ? null : Take(ScoredTokens), SecondsTaken is null ? null : Take(SecondsTaken));
    }
}

/// <summary>A method over its sizes, on the same problems with every seed: accuracy against compute.</summary>
/// <param name="Kind">The method's id, by which it is coloured.</param>
internal sealed record Curve(string Name, string Kind, IReadOnlyList<int> Seeds, IReadOnlyList<string> Problems,
    IReadOnlyList<CurvePoint> Points)
{
    public CurvePoint? At(double n) => Points.FirstOrDefault(p => p.N == n);

    /// <summary>
    /// The rows that <paramref name="takes"/> takes, on the problems and at the sizes that all seeds have; null where there are none.
    /// </summary>
    /// <param name="x">The size of a row, if not its N.</param>
    /// <param name="on">Only these problems.</param>
    public static Curve? From(
        string name, string kind, IReadOnlyList<SeededRows> runs, Func<SearchRow, bool> takes, Func<SearchRow, double>? x = null,
            IReadOnlyCollection<string>? on = null)
    {
        var bySeed = runs.Select(run => (run.Seed, Rows: run.Rows.Where(takes).ToLookup(x ?? (r => r.N)))).ToList();
        if (bySeed.Count == 0 || bySeed.Any(s => s.Rows.Count == 0)) return null;
        var sizes = bySeed.Select(s => s.Rows.Select(g => g.Key)).Aggregate((a, b) => a.Intersect(b)).Order().ToList();
        var tables = (from s in bySeed from n in sizes select s.Rows[n].GroupBy(r => r.Problem).Select(g => g.Key)).ToList();
        if (tables.Count == 0) return null;
        var problems = tables.Aggregate((a, b) => a.Intersect(b)).Where(p => on is null || on.Contains(p)).Order(StringComparer.Ordinal)
            .ToList();
        if (problems.Count == 0) return null;
        return new(name, kind, [.. bySeed.Select(s => s.Seed)], problems, [.. sizes.Select(n =>
        {
            var rows = bySeed.Select(s => s.Rows[n].ToLookup(r => r.Problem)).ToList();
            double[][] Table(Func<SearchRow, double> value) => [.. rows.Select(r => problems.Select(p => r[p].Average(value)).ToArray())];
            return new CurvePoint(
                n, Table(r => r.Correct), Table(r => r.Pass), Table(r => r.GeneratedTokens), Table(r => r.Distinct),
                    Table(r => r.ScoredTokens), Table(r => r.Seconds));
        })]);
    }

    /// <summary>The curve over some of its problems; null if it lacks one of them.</summary>
    public Curve? On(IReadOnlyList<string> problems)
    {
        var place = Problems.Select((p, i) => (p, i)).ToDictionary(x => x.p, x => x.i);
        if (!problems.All(place.ContainsKey)) return null;
        int[] places = [.. problems.Select(p => place[p])];
        return this with { Problems = problems, Points = [.. Points.Select(p => p.On(places))] };
    }

    public Interval Bootstrapped(Func<CrossedSample, double> statistic, int repetitions = CrossedBootstrap.Repetitions) =>
        CrossedBootstrap.Interval(Seeds.Count, Problems.Count, statistic, repetitions: repetitions);

    /// <summary>Tokens and accuracy of every size on a sample.</summary>
    public (double Tokens, double Accuracy)[] On(CrossedSample sample) =>
        [.. Points.Select(p => (sample.Mean(p.Tokens), sample.Mean(p.Correct)))];
}

/// <summary>A curve of one search, with what sets it apart from the others there.</summary>
internal sealed record MethodCurve(string Method, double? Alpha, string? Prover, Curve Curve)
{
    /// <summary>The curves of a search, by method, α and prover, in the order in which they first appear. Seeds are those of the
    /// search.</summary>
    public static IReadOnlyList<MethodCurve> All(IReadOnlyList<SearchRow> rows) =>
        [.. rows.GroupBy(r => (r.Method, r.Alpha, r.Prover)).Select(family =>
        {
            var (method, alpha, prover) = family.Key;
            var problems = family.Select(r => r.Problem).Distinct().ToList();
            foreach (var size in family.GroupBy(r => (r.N, r.Seed)))
            {
                if (problems.Except(size.Select(r => r.Problem)).FirstOrDefault() is { } missing)
                    throw new UserError(
                        $"the search rows of {method} at n = {size.Key.N} lack problem {missing}; finish the search before summing it up");
            }

            var name = method + (prover is null ? "" : $" {prover}") + (alpha is null
                ? "" : string.Create(CultureInfo.InvariantCulture, $" alpha={alpha}"));
            var runs = family.GroupBy(r => r.Seed).OrderBy(g => g.Key).Select((g, i) => new SeededRows(i, [.. g])).ToList();
            return new MethodCurve(method, alpha, prover, Curve.From(name, method, runs, _ => true)!);
        })];

    public MethodSummary Summarise(CurvePoint point)
    {
        var accuracy = CrossedBootstrap.Interval(Curve.Seeds.Count, Curve.Problems.Count, s =>
            s.Mean(point.Correct), repetitions: Bootstrap.Repetitions);
        var method = SearchMethods.Find(Method);
        return new()
        {
            Method = Method, N = (int)point.N, Alpha = Alpha, Prover = Prover, Problems = Curve.Problems.Count, Seeds = Curve.Seeds.Count,
            Accuracy = accuracy.Value, Low = accuracy.Low, High = accuracy.High, Pass = CurvePoint.Mean(point.Pass),
            GeneratedTokens = point.MeanTokens, ScoredTokens = point.MeanScored, Seconds = point.MeanSeconds,
            Label = method?.Label ?? Method, Kind = method?.Kind, CompareWith = method?.Against,
        };
    }
}
