namespace Pav;

/// <summary>
/// The largest of noisy scores: one right trace of mean Δ among n wrong ones of mean 0, all with Gaussian noise σ. It wins with probability
/// ∫ φ(z − Δ/σ)·Φ(z)^n dz, which falls with n; the width at which it wins half the time grows faster than exponentially in Δ/σ. The rule n
/// = exp(Δ²/2σ²), which takes σ√(2 ln n) for the largest of n noises, is three to five times too small: Δ/σ = 1.5, 2, 2.5, 3 give 3, 7, 23,
/// 90 by the rule and 9, 27, 99, 451 exactly. It is no width at which a search gets worse: of N traces a share is right, and among many the
/// highest score belongs to a right one.
/// </summary>
internal static class UsefulWidth
{
    private const double Far = 9, Step = 0.02;

    /// <summary>More than this is not told from no limit.</summary>
    public const long Most = 1_000_000_000;

    /// <summary>The chance that the right trace has the highest score among n wrong ones (n ≥ 0).</summary>
    /// <param name="ratio">Δ/σ.</param>
    /// <param name="n">Wrong traces.</param>
    public static double Chance(double ratio, double n)
    {
        var sum = 0.0;
        for (var x = -Far; x <= Far; x += Step) sum += Math.Exp(-x * x / 2) * Math.Pow(Cumulative(x + ratio), n);
        return sum * Step / Math.Sqrt(2 * Math.PI);
    }

    /// <summary>
    /// The most wrong traces among which the right one wins at least half the time; 0 where it does not even win against one.
    /// </summary>
    public static long Largest(double ratio)
    {
        var (wins, loses) = (0L, 1L);
        while (Chance(ratio, loses) >= 0.5)
        {
            if (loses >= Most) return Most;
            (wins, loses) = (loses, 2 * loses);
        }

        while (loses - wins > 1)
        {
            var middle = (wins + loses) / 2;
            if (Chance(ratio, middle) >= 0.5) wins = middle;
            else loses = middle;
        }

        return wins;
    }

    /// <summary>Φ(x), to about 1e-7 relative on the left and absolute on the right (Numerical Recipes' erfc).</summary>
    private static double Cumulative(double x)
    {
        var z = Math.Abs(x) / Math.Sqrt(2);
        var t = 1 / (1 + z / 2);
        double[] c =
        [
            -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
        ];
        var series = 0.0;
        for (var i = c.Length - 1; i >= 0; i--) series = series * t + c[i];
        var tail = t * Math.Exp(-z * z + series) / 2;
        return x < 0 ? tail : 1 - tail;
    }
}
