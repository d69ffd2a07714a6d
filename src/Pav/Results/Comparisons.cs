namespace Pav;

/// <summary>
/// Compute-matched comparisons (Fig. 4, 5a) with intervals from a bootstrap over problems. Between neighbouring N a curve is linear in the logarithm of its
/// generated tokens. Worked: best-of-N is 0.4 at 100 tokens and 0.6 at 400; at 200 tokens it counts as 0.5; a beam that is 0.3 at 50 and 0.7 at 200 tokens reaches 0.6 at
/// 50·4^0.75 = 141.4 tokens, so with 2.83 times fewer. Were best-of-N 0.6 at 100 tokens already, its own fewest for 0.6 would be 100: 0.71 times.
/// </summary>
internal static class Comparisons
{
    /// <summary>
    /// What can be said of a against b on a's problems; empty if b was not run on all of them, or nobody counted the tokens of either.
    /// </summary>
    public static IEnumerable<Comparison> Of(Curve a, Curve all)
    {
        if (all.On(a.Problems) is not { } b || a.Points.Concat(b.Points).Any(p => p.MeanTokens == 0)) yield break;
        foreach (var point in a.Points)
        {
            if (AtEqualTokens(a, point, b) is { } comparison) yield return comparison;
        }

        yield return TokensToReach("tokens-to-reach", a, b, b.Points[^1]);
        var peak = b.Points.MaxBy(p => p.Accuracy)!;
        if (peak != b.Points[^1]) yield return TokensToReach("tokens-to-reach-peak", a, b, peak);
    }

    /// <summary>Accuracy of a point of a minus b's at the same tokens; null outside b's range of tokens.</summary>
    private static Comparison? AtEqualTokens(Curve a, CurvePoint point, Curve b)
    {
        if (point.MeanTokens < b.Points[0].MeanTokens || point.MeanTokens > b.Points[^1].MeanTokens) return null;
        var difference = Bootstrap.Of(a.Problems.Count, drawn => Mean(point.Correct, drawn) - AccuracyAt(b, Mean(point.Tokens, drawn), drawn));
        return new("equal-tokens", $"{a.Name} n={point.N}", b.Name, difference.Value, difference.Low, difference.High, point.MeanTokens, point.MeanTokens);
    }

    private static Comparison TokensToReach(string claim, Curve a, Curve b, CurvePoint target)
    {
        var ratio = Bootstrap.Of(a.Problems.Count, drawn => LogTokens.Ratio(On(a, drawn), On(b, drawn), Mean(target.Correct, drawn)));
        var own = TokensFor(b, target.Accuracy, [.. Enumerable.Range(0, b.Problems.Count)]);
        double? tokens = ratio.Value > 0 ? own / ratio.Value : null;
        return new(claim, a.Name, $"{b.Name} n={target.N}", ratio.Value, ratio.Low, ratio.High, tokens, own);
    }

    private static double AccuracyAt(Curve curve, double tokens, IReadOnlyList<int> drawn) => LogTokens.AccuracyAt(On(curve, drawn), tokens);

    private static double TokensFor(Curve curve, double accuracy, IReadOnlyList<int> drawn) => LogTokens.TokensFor(On(curve, drawn), accuracy);

    private static (double Tokens, double Accuracy)[] On(Curve curve, IReadOnlyList<int> drawn) => [.. curve.Points.Select(p => (Mean(p.Tokens, drawn), Mean(p.Correct, drawn)))];

    private static double Mean(double[] values, IReadOnlyList<int> drawn)
    {
        var sum = 0.0;
        for (var i = 0; i < drawn.Count; i++) sum += values[drawn[i]];
        return sum / drawn.Count;
    }
}
