namespace Pav;

/// <summary>
/// First term of Theorem 3.1: <c>E_s Var_{a~π}[A^μ(s, a)]</c>, in [0, ¼]. Within a state A^μ and Q^μ differ by a constant, so it is the
/// variance of Q^μ over the steps that π takes: half the mean of (Q^μ_i − Q^μ_j)² over pairs of draws i ≠ j. Squares of Q̂^μ hold the Monte
/// Carlo noise too, unbiased estimates of the squares do not; two draws of the same step differ by 0. Unbiased for two and more draws;
/// single states may come out negative. Worked: counts (n, c) = (4, 1), (4, 3): ((0 + 0.5) − 2·0.25·0.75)/2 = 0.0625.
/// </summary>
public static class Distinguishability
{
    /// <summary>One state, from the distinct steps that π drew there; NaN if a square is not known or there was one draw only.</summary>
    public static double OfState(IReadOnlyList<StepEstimate> steps) =>
        Pairs.MeanOver(steps, (a, b) => (a.ProverSquare + b.ProverSquare) / 2 - a.Prover * b.Prover);
}
