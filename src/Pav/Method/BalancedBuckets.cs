namespace Pav;

/// <summary>
/// Labels are skewed, so two buckets, Q̂ &lt; 0.5 and Q̂ ≥ 0.5, are drawn with equal probability (App. D): P(i) = ½ / |bucket of i|, and 1
/// / labels if one of them is empty.
/// Worked: labels (0, 0, 0.2, 0.9): the last one has P = ½, the others 1/6 each; as weights 2, ⅔, ⅔, ⅔.
/// </summary>
internal static class BalancedBuckets
{
    /// <summary>The weights of a plain mean over all labels that come to the same, for batches that hold whole traces: <c>P(i)·labels</c>,
    /// mean 1.</summary>
    public static double[] Weights(IReadOnlyList<double> labels)
    {
        var high = labels.Count(IsHigh);
        var low = labels.Count - high;
        return high == 0 || low == 0
            ? [.. labels.Select(_ => 1.0)]
            : [.. labels.Select(q => 0.5 * labels.Count / (IsHigh(q) ? high : low))];
    }

    private static bool IsHigh(double q) => q >= 0.5;
}
