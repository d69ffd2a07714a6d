namespace Pav;

internal static class Pairs
{
    /// <summary>Mean of x_i·y_j over i ≠ j: unbiased for E[X]·E[Y] when the items are independent.</summary>
    public static double MeanProduct(IReadOnlyList<double> x, IReadOnlyList<double> y) =>
        (x.Sum() * y.Sum() - x.Zip(y, (a, b) => a * b).Sum()) / ((double)x.Count * (x.Count - 1));
}
