namespace Pav;

/// <summary>
/// First term of Theorem 3.1: <c>E_s Var_{a~π}[A^μ(s, a)]</c>, in [0, ¼]. Within a state A^μ and Q^μ differ by a constant, so it is the variance of Q^μ over
/// the steps that π takes. The sample variance of Q̂ also holds the Monte Carlo noise E[Q(1 − Q)/n], which is subtracted:
/// <c>1/(m−1)·Σ_i (Q̂_i − mean)² − 1/m·Σ_i Q̂_i(1 − Q̂_i)/(n_i − 1)</c>, unbiased for m ≥ 2 steps of n_i ≥ 2 completions; single states may come out negative.
/// Worked: counts (n, c) = (4, 1), (4, 3): 0.125 − 0.0625 = 0.0625.
/// </summary>
public static class Distinguishability
{
    /// <summary>One state, from the counts of steps that π sampled there (equal steps listed as often as they were drawn).</summary>
    public static double OfState(IReadOnlyList<QEstimate> steps)
    {
        var mean = steps.Average(s => s.Value);
        return steps.Sum(s => (s.Value - mean) * (s.Value - mean)) / (steps.Count - 1) - steps.Average(s => s.NoiseVariance);
    }

    /// <summary>
    /// One state for the prover BoK(π), from π's counts: with F = (1 − Q)^K it is Var_a[F] = E[F²] − E[F]². F̂ = C(n−c, K)/C(n, K) and its square
    /// C(n−c, 2K)/C(n, 2K) are unbiased. Needs n ≥ 2K. For K = 1 it equals <see cref="OfState"/>.
    /// </summary>
    public static double OfBestOf(int k, IReadOnlyList<QEstimate> steps)
    {
        var fail = steps.Select(s => BestOfK.AllFail(s.N, s.C, k)).ToList();
        return steps.Average(s => BestOfK.AllFail(s.N, s.C, 2 * k)) - Pairs.MeanProduct(fail, fail);
    }
}
