namespace Pav;

/// <summary>
/// Second term of Theorem 3.1: <c>E_s E_{a~π}[A^μ(s, a)·A^π(s, a)]</c>, in [−¼, ¼]. Because E_{a~π}[A^π] = 0 it is the covariance of Q^μ and Q^π over the
/// steps that π takes: <c>1/(m−1)·Σ_i (Q̂^μ_i − mean^μ)(Q̂^π_i − mean^π)</c>, unbiased if the completions of μ and of π are independent.
/// Worked: Q̂^μ = (0.25, 0.75), Q̂^π = (0.5, 1): 0.125.
/// </summary>
public static class Alignment
{
    /// <summary>One state: Q̂ of the same m ≥ 2 steps under μ and under π, from separate completions.</summary>
    public static double OfState(IReadOnlyList<QEstimate> prover, IReadOnlyList<QEstimate> policy)
    {
        var (mu, pi) = (prover.Average(s => s.Value), policy.Average(s => s.Value));
        return prover.Zip(policy, (m, p) => (m.Value - mu) * (p.Value - pi)).Sum() / (prover.Count - 1);
    }

    /// <summary>
    /// One state for the prover BoK(π), from π's counts alone. Both values then share their noise, so the product within a step is estimated apart:
    /// Q(1 − Q)^K by <c>c/n·C(n−c, K)/C(n−1, K)</c>. Needs n ≥ K + 1.
    /// </summary>
    public static double OfBestOf(int k, IReadOnlyList<QEstimate> steps)
    {
        var q = steps.Select(s => s.Value).ToList();
        var fail = steps.Select(s => BestOfK.AllFail(s.N, s.C, k)).ToList();
        return Pairs.MeanProduct(q, fail) - steps.Average(s => s.C == 0 ? 0 : s.Value * BestOfK.AllFail(s.N - 1, s.C - 1, k));
    }
}
