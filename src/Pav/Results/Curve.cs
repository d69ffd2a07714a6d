using System.Globalization;

namespace Pav;

/// <summary>One size of a method: a value for each problem (mean over seeds), in the order of the curve's problems.</summary>
internal sealed record CurvePoint(int N, int Seeds, double[] Correct, double[] PassRight, double[] Tokens, double[] Scored, double[] Seconds)
{
    public double Accuracy => Correct.Average();
    public double Pass => PassRight.Average();
    public double MeanTokens => Tokens.Average();
}

/// <summary>Accuracy against compute of one method with one α and prover, in order of N.</summary>
internal sealed record Curve(string Method, double? Alpha, string? Prover, IReadOnlyList<string> Problems, IReadOnlyList<CurvePoint> Points)
{
    public CurvePoint? At(int n) => Points.FirstOrDefault(p => p.N == n);

    public string Name => Method
        + (Prover is null ? "" : $" {Prover}")
        + (Alpha is null ? "" : string.Create(CultureInfo.InvariantCulture, $" alpha={Alpha}"));

    /// <summary>The curve over some of its problems; null if it lacks one of them.</summary>
    public Curve? On(IReadOnlyList<string> problems)
    {
        var index = Problems.Select((p, i) => (p, i)).ToDictionary(x => x.p, x => x.i);
        if (!problems.All(index.ContainsKey)) return null;
        double[] Of(double[] values) => [.. problems.Select(p => values[index[p]])];
        return this with
        {
            Problems = problems,
            Points = [.. Points.Select(p => new CurvePoint(p.N, p.Seeds, Of(p.Correct), Of(p.PassRight), Of(p.Tokens), Of(p.Scored), Of(p.Seconds)))],
        };
    }

    public MethodSummary Summarise(CurvePoint point)
    {
        var accuracy = Bootstrap.Mean(point.Correct);
        var method = SearchMethods.Find(Method);
        return new(
            Method, point.N, Alpha, Prover, Problems.Count, point.Seeds, accuracy.Value, accuracy.Low, accuracy.High,
            point.Pass, point.MeanTokens, point.Scored.Average(), point.Seconds.Average(), method?.Label ?? Method, method?.Kind, method?.Against);
    }

    /// <summary>The curves of a search, in the order in which they first appear.</summary>
    public static IReadOnlyList<Curve> All(IReadOnlyList<SearchRow> rows) =>
        [.. rows.GroupBy(r => (r.Method, r.Alpha, r.Prover)).Select(family =>
        {
            var problems = family.Select(r => r.Problem).Distinct().Order(StringComparer.Ordinal).ToList();
            var points = family.GroupBy(r => r.N).OrderBy(g => g.Key).Select(size =>
            {
                var byProblem = size.ToLookup(r => r.Problem);
                if (problems.FirstOrDefault(p => !byProblem.Contains(p)) is { } missing)
                {
                    throw new UserError($"the search rows of {family.Key.Method} at n = {size.Key} lack problem {missing}; finish the search before summing it up");
                }

                double[] Of(Func<SearchRow, double> value) => [.. problems.Select(p => byProblem[p].Average(value))];
                return new CurvePoint(
                    size.Key, size.Select(r => r.Seed).Distinct().Count(),
                    Of(r => r.Correct), Of(r => r.Pass), Of(r => r.GeneratedTokens), Of(r => r.ScoredTokens), Of(r => r.Seconds));
            });
            return new Curve(family.Key.Method, family.Key.Alpha, family.Key.Prover, problems, [.. points]);
        })];
}
