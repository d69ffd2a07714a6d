namespace Pav;

/// <summary>
/// Pass@N: the chance that at least one of N samples is right, unbiased from c right ones of n samples: <c>1 − C(n − c, N)/C(n, N)</c>, 1 ≤
/// N ≤ n.
/// Worked: n = 5, c = 1, N = 2 gives 1 − 6/10 = 0.4.
/// </summary>
public static class PassAtN
{
    public static double Compute(int samples, int right, int n) => BestOfK.FromCounts(new(samples, right), n);
}
