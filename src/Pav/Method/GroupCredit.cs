namespace Pav;

/// <summary>How the outcome of a trace is credited to its steps.</summary>
public enum OutcomeCredit
{
    /// <summary>Rex at every step, less the baseline; with the leave-one-out baseline this is RLOO.</summary>
    Plain,

    /// <summary>GRPO: Rex against the group's mean in units of its standard deviation, at every step.</summary>
    Group,

    /// <summary>λ-GRPO: the same divided at each token by how many traces of the group have it in common.</summary>
    SharedPrefixes,

    /// <summary>VinePPO and SPO-chain: how the policy's own success, counted by completions, changes over a segment of steps.</summary>
    Segments,
}

/// <summary>Credit of an outcome within a group: the traces that were drawn for one problem.</summary>
public static class GroupCredit
{
    /// <summary>
    /// <c>(Rex_i − mean) / sd</c> with the sample standard deviation (G − 1); zeros where all are equal. Worked: Rex 1, 0, 0, 0 has mean
    /// 0.25 and sd 0.5 and gives 1.5, −0.5, −0.5, −0.5.
    /// </summary>
    public static double[] Normalised(IReadOnlyList<double> rex)
    {
        if (rex.All(r => r == rex[0])) return new double[rex.Count];
        var mean = rex.Average();
        var deviation = Math.Sqrt(rex.Sum(r => (r - mean) * (r - mean)) / (rex.Count - 1));
        return [.. rex.Select(r => (r - mean) / deviation)];
    }

    /// <summary>
    /// |λ| of each token of each trace: how many traces of the group, itself included, are the same up to and including it. Worked: 5 6 7
    /// and 5 6 8 9 give 2, 2, 1 and 2, 2, 1, 1.
    /// </summary>
    public static int[][] Sharing(IReadOnlyList<IReadOnlyList<int>> traces) => [.. traces.Select(trace =>
    {
        var counts = new int[trace.Count];
        foreach (var other in traces)
            for (var t = 0; t < Math.Min(trace.Count, other.Count) && trace[t] == other[t]; t++) counts[t]++;
        return counts;
    })];

    /// <summary>
    /// The depths at which a trace of so many steps is cut into segments, its start and end included. Worked: 5 steps by 2: 0, 2, 4, 5.
    /// </summary>
    /// <param name="size">Steps of a segment, at least 1; the last segment has what is left.</param>
    public static int[] Cuts(int steps, int size) => [.. Enumerable.Range(0, (steps + size - 1) / size).Select(k => k * size), steps];

    /// <summary>
    /// Advantage of each step's segment, V(its end) − V(its start): H values from those at <see cref="Cuts"/>. An end by Rex and unbiased
    /// values elsewhere give an unbiased policy gradient, since no value looks at what is drawn after it. Worked: 0.3, 0.5, 1 at the cuts
    /// of 3 steps by 2 give 0.2, 0.2, 0.5.
    /// </summary>
    public static double[] Advantages(IReadOnlyList<double> values, int steps, int size) =>
        values.Count == Cuts(steps, size).Length
            ? [.. Enumerable.Range(0, steps).Select(h => values[(h / size) + 1] - values[h / size])]
            : throw new ArgumentException($"{steps} steps cut by {size} do not have {values.Count} values", nameof(values));
}
