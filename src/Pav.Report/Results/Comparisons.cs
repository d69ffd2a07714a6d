namespace Pav.Report;

/// <summary>
/// Claims about two curves on the same problems and seeds (Fig. 4, 5a), paired on both. Between neighbouring N a curve is linear in the
/// logarithm of its generated tokens. Worked: best-of-N is 0.4 at 100 tokens and 0.6 at 400; at 200 tokens it counts as 0.5; a beam that is
/// 0.3 at 50 and 0.7 at 200 tokens reaches 0.6 at 50·4^0.75 = 141.4 tokens, so with 2.83 times fewer. Were best-of-N 0.6 at 100 tokens
/// already, its own fewest for 0.6 would be 100: 0.71 times.
/// </summary>
internal static class Comparisons
{
    /// <summary>Sizes of a whose tokens lie within those of b.</summary>
    public static IReadOnlyList<CurvePoint> Comparable(Curve a, Curve b) =>
        [.. a.Points.Where(p => p.MeanTokens >= b.Points[0].MeanTokens && p.MeanTokens <= b.Points[^1].MeanTokens)];

    /// <summary>Accuracy of a minus that of b at the tokens of a, the mean over all sizes of a within the range of b; null if there are
    /// none.</summary>
    public static Interval? AtEqualTokens(Curve a, Curve b) => Comparable(a, b) is { Count: > 0 } sizes ? AtEqualTokens(a, sizes, b) : null;

    private static Interval AtEqualTokens(Curve a, IReadOnlyList<CurvePoint> sizes, Curve b,
        int repetitions = CrossedBootstrap.Repetitions) =>
        Paired(a, b).Bootstrapped(sample =>
        {
            var other = b.On(sample);
            return sizes.Average(p => sample.Mean(p.Correct) - LogTokens.AccuracyAt(other, sample.Mean(p.Tokens)));
        }, repetitions);

    /// <summary>For the accuracy of b at a size (its largest, if not given): the fewest tokens with which b reaches it over the fewest with
    /// which a does; 0 where a never does.</summary>
    public static Interval TokenRatio(Curve a, Curve b, CurvePoint? target = null, int repetitions = CrossedBootstrap.Repetitions) =>
        Paired(a, b).Bootstrapped(sample => LogTokens.Ratio(a.On(sample), b.On(sample), sample.Mean((target ?? b.Points[^1]).Correct)),
            repetitions);

    /// <summary>The mean over the sizes that both have of a's value minus b's, at equal N.</summary>
    public static Interval? AtEqualN(Curve a, Curve b, Func<CurvePoint, double[][]> value)
    {
        var pairs = (from p in a.Points let q = b.At(p.N) where q is not null select (p, q)).ToList();
        return pairs.Count == 0
            ? null : Paired(a, b).Bootstrapped(sample => pairs.Average(x => sample.Mean(value(x.p)) - sample.Mean(value(x.q))));
    }

    /// <summary>What a summary says of a against b on a's problems; nothing if b was not run on all of them, or nobody counted the tokens
    /// of either.</summary>
    public static IEnumerable<Comparison> Between(Curve a, Curve all)
    {
        if (a.Seeds.Count != all.Seeds.Count || all.On(a.Problems) is not { } b || a.Points.Concat(b.Points).Any(p => p.MeanTokens == 0))
            yield break;
        foreach (var point in Comparable(a, b))
        {
            var difference = AtEqualTokens(a, [point], b, Bootstrap.Repetitions);
            yield return new("equal-tokens", $"{a.Name} n={point.N}", b.Name, difference.Value, difference.Low, difference.High,
                point.MeanTokens, point.MeanTokens);
        }

        yield return Reaching("tokens-to-reach", a, b, b.Points[^1]);
        var peak = b.Points.MaxBy(p => p.Accuracy)!;
        if (peak != b.Points[^1]) yield return Reaching("tokens-to-reach-peak", a, b, peak);
    }

    private static Comparison Reaching(string claim, Curve a, Curve b, CurvePoint target)
    {
        var ratio = TokenRatio(a, b, target, Bootstrap.Repetitions);
        var fewest = LogTokens.TokensFor([.. b.Points.Select(p => (p.MeanTokens, p.Accuracy))], target.Accuracy);
        return new(claim, a.Name, $"{b.Name} n={target.N}", ratio.Value, ratio.Low, ratio.High, ratio.Value > 0
            ? fewest / ratio.Value : null, fewest);
    }

    /// <summary>The tables of both are by the same seeds and problems, so that one sample draws from both.</summary>
    private static Curve Paired(Curve a, Curve b) =>
        a.Seeds.SequenceEqual(b.Seeds) && a.Problems.SequenceEqual(b.Problems)
            ? a : throw new ArgumentException($"{a.Name} and {b.Name} are not on the same seeds and problems", nameof(b));
}
