namespace Pav;

/// <summary>
/// What one natural policy gradient step on Q^π + αA^μ gains, in the terms of Theorem 3.1, each summed over states with weights d^π(s).
/// V⁺(x) − V(x) is <see cref="Slope"/>·η + O(η²): the term that goes with Var[A^π] does not depend on the prover, and Var[A^μ] is not in
/// it.
/// </summary>
/// <param name="PolicyVariance">Σ_s d^π(s)·Var_{a∼π}[A^π(s, a)].</param>
/// <param name="ProverVariance">Distinguishability: Σ_s d^π(s)·Var_{a∼π}[A^μ(s, a)].</param>
/// <param name="Alignment">Σ_s d^π(s)·E_{a∼π}[A^μ(s, a)·A^π(s, a)].</param>
/// <param name="Disagreement">Σ_s d^π(s)·Var_{a∼π}[A^μ(s, a) − A^π(s, a)]; alignment is half of both variances less this.</param>
internal readonly record struct ImprovementTerms(double PolicyVariance, double ProverVariance, double Alignment, double Disagreement)
{
    /// <summary>First-order law: improvement per η, with weight α on A^μ.</summary>
    public double Slope(double alpha) => PolicyVariance + alpha * Alignment;

    /// <summary>Right side of Theorem 3.1 as printed, per η.</summary>
    public double Printed => ProverVariance + Alignment;

    /// <summary>From values of π and of μ at every node.</summary>
    public static ImprovementTerms From(TokenTree tree, double[] policy, double[] values, double[] proverValues)
    {
        var d = tree.Occupancy(policy);
        var (pi, mu) = (tree.Advantages(values), tree.Advantages(proverValues));
        var (vp, vm, al, dis) = (0.0, 0.0, 0.0, 0.0);
        for (var s = 0; s < tree.States; s++)
        {
            var row = new Range(s * tree.Steps, (s + 1) * tree.Steps);
            var terms = OfState(policy.AsSpan(row), pi.AsSpan(row), mu.AsSpan(row));
            (vp, vm, al, dis) = (vp + d[s] * terms.PolicyVariance, vm + d[s] * terms.ProverVariance, al + d[s] * terms.Alignment,
                dis + d[s] * terms.Disagreement);
        }

        return new(vp, vm, al, dis);
    }

    /// <summary>One state: π(a|s), A^π (or Q^π) and A^μ (or Q^μ) of its steps. Within a state the two differ by a constant, to which all
    /// four terms are blind.</summary>
    public static ImprovementTerms OfState(ReadOnlySpan<double> policy, ReadOnlySpan<double> pi, ReadOnlySpan<double> mu)
    {
        var (ep, em) = (0.0, 0.0);
        for (var a = 0; a < policy.Length; a++) (ep, em) = (ep + policy[a] * pi[a], em + policy[a] * mu[a]);
        var (pp, mm, pm) = (0.0, 0.0, 0.0);
        for (var a = 0; a < policy.Length; a++)
        {
            var (p, m) = (pi[a] - ep, mu[a] - em);
            (pp, mm, pm) = (pp + policy[a] * p * p, mm + policy[a] * m * m, pm + policy[a] * p * m);
        }

        return new(pp, mm, pm, pp + mm - 2 * pm);
    }
}
