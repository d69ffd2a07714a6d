namespace Pav;

/// <summary>
/// The prover BoK(π) from a verifier of Q^π: every value, those of ended traces too, becomes 1 − (1 − Q)^K. Of ratios of few rollouts that
/// is biased: there, <see cref="MonteCarloVerifier.BestOf"/>. Of several K the values are averaged, so that progress is the mean of the
/// provers' progress and still sums to the change of value from a trace's start to its end. Worked, Bo2 and Bo8 of Q = (0.2, 0.5):
/// (0.36, 0.75) and (0.8322, 0.9961), progress 0.39 and 0.1639, on average 0.2769.
/// </summary>
/// <param name="inner">Of Q^π.</param>
/// <param name="ks">At least one, each at least 1.</param>
public sealed class BestOfKVerifier(IVerifier inner, params int[] ks) : IVerifier
{
    public string Name => ProverName.From(ks);

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
        [.. (await inner.Score(prefixes, cancel)).Select(s => s with { Q = [.. s.Q.Select(q => ks.Average(k => BestOfK.FromQ(q, k)))] })];

    public void Reset() => inner.Reset();
}
