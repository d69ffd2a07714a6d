namespace Pav;

/// <summary>
/// The prover BoK(π), which keeps a right one of K responses (Sec. 3.4): <c>Q^BoK = 1 − (1 − Q^π)^K</c>, K ≥ 1.
/// Worked: Q = 0.25, K = 4 gives 0.68359375. From n = 4, c = 2 and K = 2: 1 − C(2,2)/C(4,2) = 5/6, while the biased plug-in says 3/4.
/// </summary>
public static class BestOfK
{
    /// <summary>From an exact or learned Q in [0, 1]. Biased if Q is a ratio of few rollouts: then use <see cref="FromCounts"/>.</summary>
    public static double FromQ(double q, int k) => 1 - Math.Pow(1 - q, k);

    /// <summary>Unbiased from c right ones of n completions: <c>1 − C(n − c, K)/C(n, K)</c>, 1 ≤ K ≤ n.</summary>
    public static double FromCounts(QEstimate counts, int k) =>
        k >= 1 && k <= counts.N
            ? 1 - AllFail(counts.N, counts.C, k) : throw new ArgumentOutOfRangeException(nameof(k), k, $"1 ≤ K ≤ n = {counts.N}");

    /// <summary>C(n − c, k)/C(n, k): the chance that k of the n completions, drawn without replacement, are all wrong. Fewer than k
    /// completions cannot tell.</summary>
    internal static double AllFail(int n, int c, int k)
    {
        if (k > n) throw new ArgumentOutOfRangeException(nameof(k), k, $"needs as many completions, there are {n}");
        var p = 1.0;
        for (var i = 0; i < k && p > 0; i++) p *= Math.Max(0, n - c - i) / (double)(n - i);
        return p;
    }
}
