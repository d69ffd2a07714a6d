namespace Pav.Report.Reproduction;

/// <summary>Curves as lines of a chart, with bands and seeds.</summary>
internal static class CurveLines
{
    /// <summary>A line of <paramref name="y"/> (accuracy, if not given) over generated tokens.</summary>
    public static Line ToLine(this Curve curve, Func<CurvePoint, double[][]>? y = null, string? name = null, string? kind = null) =>
        Draw(curve, y, p => p.MeanTokens, (p, seed) => p.Tokens[seed].Average(), name, kind);

    /// <summary>The same over N.</summary>
    public static Line OverN(this Curve curve, Func<CurvePoint, double[][]>? y = null, string? name = null, string? kind = null) =>
        Draw(curve, y, p => p.N, (p, _) => p.N, name, kind);

    private static Line Draw(Curve curve, Func<CurvePoint, double[][]>? y, Func<CurvePoint, double> x,
        Func<CurvePoint, int, double> xOfSeed, string? name, string? kind)
    {
        y ??= p => p.Correct;
        return new(
            name ?? curve.Name, kind ?? curve.Kind, [.. curve.Points.Select(p => LinePoint.From(x(p), CrossedBootstrap.Mean(y(p)), p.N))],
            curve.Seeds.Count < 2
                ? [] : [.. curve.Seeds.Select((seed, s) =>
                new SeedLine(seed, [.. curve.Points.Select(p => new LinePoint(xOfSeed(p, s), y(p)[s].Average()))]))]);
    }
}
