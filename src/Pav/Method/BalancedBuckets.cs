namespace Pav;

/// <summary>
/// Labels are skewed, so two buckets, Q̂ &lt; 0.5 and Q̂ ≥ 0.5, are drawn with equal probability (App. D): P(i) = ½ / |bucket of i|. If one bucket
/// is empty the other is drawn always. Worked: labels (0, 0, 0.2, 0.9): the last one has P = ½, the others 1/6 each; as weights 2, ⅔, ⅔, ⅔.
/// </summary>
public sealed class BalancedBuckets
{
    private readonly int[] low, high;
    private readonly ulong seed;

    /// <param name="labels">Q̂ of each label, at least one.</param>
    public BalancedBuckets(IReadOnlyList<double> labels, ulong seed)
    {
        if (labels.Count == 0) throw new ArgumentException("there are no labels to draw", nameof(labels));
        low = [.. Enumerable.Range(0, labels.Count).Where(i => !IsHigh(labels[i]))];
        high = [.. Enumerable.Range(0, labels.Count).Where(i => IsHigh(labels[i]))];
        this.seed = seed;
    }

    /// <summary>The indices drawn at a step; they depend on seed, step and size alone.</summary>
    public int[] Batch(long step, int size)
    {
        var of = Seeds.Of(seed, "", "buckets", step);
        return [.. Enumerable.Range(0, size).Select(i =>
        {
            var bucket = high.Length > 0 && (low.Length == 0 || Seeds.Uniform(of, 2 * i) < 0.5) ? high : low;
            return bucket[(int)(Seeds.Uniform(of, 2 * i + 1) * bucket.Length)];
        })];
    }

    /// <summary>The same balance as weights of a plain mean over all labels, for batches that hold whole traces: <c>P(i)·labels</c>, mean 1.</summary>
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
