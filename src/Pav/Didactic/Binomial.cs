namespace Pav.Didactic;

/// <summary>Binomial counts by inversion.</summary>
internal static class Binomial
{
    /// <summary>The smallest c with P(C ≤ c) > u, C ~ Binomial(n, p): the count of a uniform u in [0, 1).</summary>
    public static int Draw(int n, double p, double u)
    {
        if (p <= 0) return 0;
        if (p >= 1) return n;
        if (p > 0.5) return n - Draw(n, 1 - p, u);
        var odds = p / (1 - p);
        var mass = Math.Pow(1 - p, n);
        var c = 0;
        for (; c < n && (u -= mass) >= 0; c++) mass *= odds * (n - c) / (c + 1);
        return c;
    }
}
