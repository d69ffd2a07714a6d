namespace Pav;

/// <summary>Resampling of weighted particles.</summary>
internal static class Resampling
{
    /// <summary>Effective sample size (Σw)² / Σw², from 1 to the number of weights. Worked: (3, 1) has 16 / 10 = 1.6.</summary>
    public static double EffectiveSize(IReadOnlyList<double> weights)
    {
        var sum = weights.Sum();
        return sum * sum / weights.Sum(w => w * w);
    }

    /// <summary>
    /// Systematic resampling: particle i is taken ⌊n·w_i⌋ or ⌈n·w_i⌉ times and n·w_i times in the mean (w normalised). The points are (k +
    /// u) / n.
    /// Worked: weights (0.5, 0.25, 0.25), u = 0.5: points 1/6, 3/6, 5/6 take (0, 1, 2).
    /// </summary>
    /// <param name="weights">Non-negative, not all 0.</param>
    /// <param name="u">Uniform in [0, 1).</param>
    /// <returns>As many indices as there are weights, ascending.</returns>
    public static int[] Systematic(IReadOnlyList<double> weights, double u)
    {
        var (n, sum) = (weights.Count, weights.Sum());
        var taken = new int[n];
        var (i, reached) = (0, weights[0] / sum);
        for (var k = 0; k < n; k++)
        {
            while ((k + u) / n >= reached && i < n - 1) reached += weights[++i] / sum;
            taken[k] = i;
        }

        return taken;
    }
}
