namespace Pav.Report;

/// <summary>
/// A curve of accuracy over generated tokens, linear in the logarithm of tokens between neighbouring points. Worked: 0.4 at 100 tokens and
/// 0.6 at 400: at 200 tokens it counts as 0.5;
/// 0.3 at 50 and 0.7 at 200: 0.6 is reached at 50·4^0.75 = 141.4 tokens.
/// </summary>
internal static class LogTokens
{
    /// <summary>Accuracy at a number of tokens; beyond the curve's ends, that of the end.</summary>
    public static double AccuracyAt(IReadOnlyList<(double Tokens, double Accuracy)> curve, double tokens)
    {
        for (var i = 0; i < curve.Count; i++)
        {
            var (right, accuracy) = curve[i];
            if (tokens > right) continue;
            if (i == 0) return accuracy;
            var (left, before) = curve[i - 1];
            return before + (accuracy - before) * Math.Log(tokens / left) / Math.Log(right / left);
        }

        return curve[^1].Accuracy;
    }

    /// <summary>Tokens at which the curve first reaches an accuracy; infinite if it does not.</summary>
    public static double TokensFor(IReadOnlyList<(double Tokens, double Accuracy)> curve, double accuracy)
    {
        var (left, before) = (0.0, 0.0);
        for (var i = 0; i < curve.Count; i++)
        {
            var (right, here) = curve[i];
            if (here >= accuracy) return i == 0 ? right : left * Math.Pow(right / left, (accuracy - before) / (here - before));
            (left, before) = (right, here);
        }

        return double.PositiveInfinity;
    }

    /// <summary>
    /// Fewest tokens with which b reaches an accuracy over those with which a does; 0 where a never does. Worked: b is 0.5 at 100 tokens
    /// and 0.5 at 800, a is 0.5 at 200: 100/200 = 0.5, though b's last point is at 800.
    /// </summary>
    public static double Ratio(IReadOnlyList<(double Tokens, double Accuracy)> a, IReadOnlyList<(double Tokens, double Accuracy)> b,
        double accuracy) => TokensFor(b, accuracy) / TokensFor(a, accuracy);
}
