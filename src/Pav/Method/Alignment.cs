namespace Pav;

/// <summary>
/// Second term of Theorem 3.1: <c>E_s E_{a~π}[A^μ(s, a)·A^π(s, a)]</c>, in [−¼, ¼]. Because E_{a~π}[A^π] = 0 it is the covariance of Q^μ
/// and Q^π over the steps that π takes: half the mean of (Q^μ_i − Q^μ_j)(Q^π_i − Q^π_j) over pairs of draws i ≠ j. Unbiased where the
/// products within a step are (<see cref="StepEstimate.Product"/>). Worked: Q̂^μ = (0.25, 0.75), Q̂^π = (0.5, 1) from separate completions:
/// 0.5·0.5/2 = 0.125.
/// </summary>
public static class Alignment
{
    /// <summary>One state, from the distinct steps that π drew there; NaN if a product is not known or there was one draw only.</summary>
    public static double OfState(IReadOnlyList<StepEstimate> steps) =>
        Pairs.MeanOver(steps, (a, b) => (a.Product + b.Product - a.Prover * b.Policy - b.Prover * a.Policy) / 2);
}
