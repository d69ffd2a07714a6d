namespace Pav;

/// <summary>
/// Where a search reads A^μ: either BoK(π), from the same scores as Q^π and at no further cost, or a verifier of its own.
/// </summary>
public sealed record Prover
{
    private readonly int k;

    private Prover(string name, IVerifier? verifier, int k) => (Name, Verifier, this.k) = (name, verifier, k);

    /// <summary><c>bo4</c>, or the verifier's name.</summary>
    public string Name { get; }

    /// <summary>The verifier to ask; null for BoK(π).</summary>
    public IVerifier? Verifier { get; }

    /// <summary>BoK(π) by the transform 1 − (1 − Q^π)^K, K ≥ 1; K = 1 is π itself.</summary>
    public static Prover BestOf(int k) => k >= 1
        ? new(ProverName.From(k), null, k) : throw new UserError($"the prover's K is {k}; it must be at least 1");

    /// <summary>The policy whose Q this verifier predicts.</summary>
    public static Prover By(IVerifier verifier) => new(verifier.Name, verifier, 0);

    /// <summary>The values Q^μ of a trace, from those of Q^π, where the prover is BoK(π).</summary>
    public double[] Derive(IReadOnlyList<double> q) => [.. q.Select(FromPolicy)];

    /// <summary>Q^μ where the prover is BoK(π).</summary>
    public double FromPolicy(double q) => BestOfK.FromQ(q, k);
}
