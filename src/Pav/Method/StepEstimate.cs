namespace Pav;

/// <summary>
/// Unbiased estimates, from counts, of what the two terms of Theorem 3.1 need of one step that π takes: Q^μ, (Q^μ)², Q^π and Q^μ·Q^π; NaN
/// where the completions are too few for one of them. A polynomial of degree K in Q needs n ≥ K completions, so (1 − Q)^K needs K, its
/// square 2K, its product with Q from the same completions K + 1. Worked: BoK(π), K = 2, counts (4, 1): Q^μ = 1 − C(3,2)/C(4,2) = 0.5, its
/// square 1 − 2·0.5 + 0 = 0, the product 0.25·(1 − C(3,2)/C(3,2)) = 0.
/// </summary>
/// <param name="Drawn">How often the step was drawn from π at its state; equal steps share their completions.</param>
/// <param name="Prover">Q^μ.</param>
/// <param name="ProverSquare">(Q^μ)²; <see cref="Prover"/> squared would hold its noise as well.</param>
/// <param name="Policy">Q^π.</param>
/// <param name="Product">Q^μ·Q^π.</param>
public readonly record struct StepEstimate(int Drawn, double Prover, double ProverSquare, double Policy, double Product)
{
    /// <summary>Unbiased estimate of the variance of <see cref="Prover"/> around Q^μ.</summary>
    public double Noise => Prover * Prover - ProverSquare;

    /// <summary>μ is another policy, or its BoK: completions of its own, independent of π's.</summary>
    /// <param name="prover">Counts of μ's completions.</param>
    /// <param name="policy">Counts of π's completions.</param>
    /// <param name="k">1 for μ itself.</param>
    /// <param name="ended">The step ends its trace: both values are its outcome, without noise.</param>
    public static StepEstimate FromOther(QEstimate prover, QEstimate policy, int k = 1, int drawn = 1, bool ended = false)
    {
        if (ended) return Outcome(policy, drawn);
        var (q, square) = BestOfKOf(prover, k);
        return new(drawn, q, square, policy.Value, q * policy.Value);
    }

    /// <summary>μ is BoK(π), read from π's own completions: the product must not be that of two estimates with the same noise.</summary>
    public static StepEstimate FromBestOf(int k, QEstimate policy, int drawn = 1, bool ended = false)
    {
        if (ended) return Outcome(policy, drawn);
        var (q, square) = BestOfKOf(policy, k);
        var product = policy.N <= k ? double.NaN : policy.C == 0 ? 0 : policy.Value * (1 - BestOfK.AllFail(policy.N - 1, policy.C - 1, k));
        return new(drawn, q, square, policy.Value, product);
    }

    private static StepEstimate Outcome(QEstimate counts, int drawn) => new(drawn, counts.Value, counts.Value, counts.Value, counts.Value);

    private static (double Q, double Square) BestOfKOf(QEstimate counts, int k)
    {
        if (counts.N < k) return (double.NaN, double.NaN);
        var fail = BestOfK.AllFail(counts.N, counts.C, k);
        return (1 - fail, counts.N < 2 * k ? double.NaN : 1 - 2 * fail + BestOfK.AllFail(counts.N, counts.C, 2 * k));
    }
}
