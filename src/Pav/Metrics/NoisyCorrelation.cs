namespace Pav;

/// <summary>Two quantities of a step, each measured twice with independent noise; one that is known exactly has the same value
/// twice.</summary>
/// <param name="Problem">Of the step; intervals are over these.</param>
internal readonly record struct HalvedPair(string Problem, double X1, double X2, double Y1, double Y2);

/// <summary>
/// Pearson's correlation of what two noisy measures measure (disattenuated): <c>cov(x, y) / √(cov(x₁, x₂)·cov(y₁, y₂))</c> with cov(x, y)
/// the mean of cov(x₁, y₂) and cov(x₂, y₁). Noise is independent between halves, so it falls out of each covariance, also where x and y
/// share the noise of a half. Worked, x exact: x = 1, 2, 3, y₁ = 0, 2, 4, y₂ = 4, 2, 6: cov(x, y₁) = 4/3, cov(x, y₂) = 2/3, mean 1;
/// cov(x, x) = 2/3, cov(y₁, y₂) = 4/3, so 1/√(8/9) = 1.06; a sample's value may be above 1.
/// </summary>
internal static class NoisyCorrelation
{
    /// <summary>With its interval over problems; NaN where a covariance of halves is not above 0.</summary>
    public static Interval From(IEnumerable<HalvedPair> steps, ulong seed = 1)
    {
        var sums = steps.GroupBy(s => s.Problem, StringComparer.Ordinal).Select(g => g.Aggregate(new Sums(), (sum, s) => sum.Plus(s)))
            .ToList();
        return sums.Count == 0 ? new(double.NaN, double.NaN, double.NaN)
            : Bootstrap.Interval(sums.Count, drawn => drawn.Aggregate(new Sums(), (sum, i) => sum.Plus(sums[i])).Correlation, seed);
    }

    private readonly record struct Sums(
        double N, double X1, double X2, double Y1, double Y2, double X1X2, double Y1Y2, double XY)
    {
        public double Correlation
        {
            get
            {
                var (xx, yy) = (X1X2 / N - X1 * X2 / (N * N), Y1Y2 / N - Y1 * Y2 / (N * N));
                return xx > 0 && yy > 0 ? (XY / N - (X1 * Y2 + X2 * Y1) / (2 * N * N)) / Math.Sqrt(xx * yy) : double.NaN;
            }
        }

        public Sums Plus(HalvedPair s) => Plus(new Sums(
            1, s.X1, s.X2, s.Y1, s.Y2, s.X1 * s.X2, s.Y1 * s.Y2, (s.X1 * s.Y2 + s.X2 * s.Y1) / 2));

        public Sums Plus(Sums s) => new(
            N + s.N, X1 + s.X1, X2 + s.X2, Y1 + s.Y1, Y2 + s.Y2, X1X2 + s.X1X2, Y1Y2 + s.Y1Y2, XY + s.XY);
    }
}
