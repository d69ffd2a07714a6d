namespace Pav;

/// <summary>What a step earns besides the outcome of its trace (Sec. 3.2, App. G).</summary>
public enum DenseReward
{
    /// <summary>Nothing: outcome rewards only.</summary>
    None,

    /// <summary>α·A^μ(s_h, a_h): progress.</summary>
    Progress,

    /// <summary>α·Q^μ(s_h, a_h): the promise of the state it reaches, which a step that does nothing keeps.</summary>
    Q,
}

/// <summary>Which of a trace's step rewards a step is credited with.</summary>
public enum Credit
{
    /// <summary>Its own only.</summary>
    Own,

    /// <summary>Its own and all later ones, as a reward of the usual kind would be. Of A^μ the sum telescopes to Q^μ(end) − Q^μ(s_h) and
    /// adds nothing to the outcome.</summary>
    ToGo,
}

/// <summary>
/// Monte Carlo return of each step under the effective reward (Sec. 3.2, App. E): <c>R_h = Rex + α·A^μ(s_h, a_h)</c>. Each step is credited
/// with its own A^μ: a sum over later steps would telescope and add nothing to Rex. Worked: Rex = 1, α = 2, q^μ = (0.3, 0.5, 0.2) gives
/// (1.4, 0.4).
/// </summary>
public static class Returns
{
    /// <summary>
    /// The part of each step's return that is not the outcome: H values. Worked, α = 2 and q^μ = (0.3, 0.5, 0.2): Progress gives (0.4,
    /// −0.6), to go (−0.2, −0.6); Q gives (1, 0.4), to go (1.4, 0.4).
    /// </summary>
    /// <param name="qMu">H + 1 values of the prover; not read for <see cref="DenseReward.None"/>, for which <paramref name="steps"/> says
    /// how many there are.</param>
    public static double[] Dense(DenseReward reward, Credit credit, double alpha, IReadOnlyList<double>? qMu, int steps)
    {
        if (reward == DenseReward.None) return new double[steps];
        if (qMu?.Count != steps + 1)
            throw new ArgumentException($"{steps} steps need {steps + 1} values of the prover, there are {qMu?.Count ?? 0}", nameof(qMu));
        double[] dense = [.. (reward == DenseReward.Progress ? Advantage.OfSteps(qMu) : qMu.Skip(1)).Select(r => alpha * r)];
        if (credit == Credit.ToGo)
            for (var h = steps - 2; h >= 0; h--) dense[h] += dense[h + 1];
        return dense;
    }
}
