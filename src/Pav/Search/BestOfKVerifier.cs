namespace Pav;

/// <summary>The prover BoK(π) from a verifier of Q^π: every value, those of ended traces too, becomes 1 − (1 − Q)^K. Of ratios of few
/// rollouts that is biased: there, <see cref="MonteCarloVerifier.BestOf"/>.</summary>
public sealed class BestOfKVerifier(IVerifier inner, int k) : IVerifier
{
    public string Name => ProverName.From(k);

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
        [.. (await inner.Score(prefixes, cancel)).Select(s => s with { Q = [.. s.Q.Select(q => BestOfK.FromQ(q, k))] })];

    public void Reset() => inner.Reset();
}
