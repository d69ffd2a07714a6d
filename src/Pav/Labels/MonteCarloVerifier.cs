namespace Pav;

/// <summary>
/// The oracle: Q^π of every new prefix by n completions of a policy, kept by content, so that it is asked once for each step. It separates
/// what a learned verifier loses from what the search loses. <see cref="Scored.Tokens"/> are the tokens of its completions: each search
/// pays for every prefix that it scores, also where an earlier search had it counted, so that a cost depends neither on the order of
/// searches nor on resumption.
/// </summary>
/// <param name="n">Completions of each prefix.</param>
/// <param name="keep">Counts of so many prefixes outlive a search. Forgetting costs time and changes nothing: a prefix is counted alike
/// every time.</param>
public sealed class MonteCarloVerifier(IPolicy policy, Grader grader, int n, Sampling sampling, ulong seed, int drawsPerCall = 4096,
    int keep = 200_000) : IVerifier
{
    private readonly Rollouts rollouts = new(policy, grader, sampling, seed, drawsPerCall);
    private readonly Dictionary<Prefix, (QEstimate Counts, int Tokens)> known = [];
    private readonly HashSet<Prefix> charged = [];

    public string Name => $"mc{n}-{policy.Name}";

    public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
        Score(prefixes, (_, counts) => counts.Value, cancel);

    /// <summary>
    /// The prover BoK(π) by the unbiased estimate from the same counts, 1 ≤ K ≤ n (<see cref="BestOfK.FromCounts"/>); 1 − (1 − Q̂)^K would
    /// be biased. A search that asks both pays once. Ended traces keep their outcome. Of several K the values are averaged.
    /// </summary>
    public IVerifier BestOf(params int[] ks) => ks.All(k => k >= 1 && k <= n) ? new Transformed(this, ks)
        : throw new UserError($"bo{ks.First(k => k < 1 || k > n)} cannot be estimated without bias from the {n} "
            + $"completions of the oracle; give it at least {ks.Max()}, or leave this prover out");

    private async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, Func<Prefix, QEstimate, double> value,
        CancellationToken cancel)
    {
        var paths = prefixes.Select(p => p.Path()).ToList();
        var counted = await rollouts.Count(paths.SelectMany(p => p).Where(p => !known.ContainsKey(p)), n, "oracle", cancel);
        foreach (var (prefix, counts) in counted) known[prefix] = counts;
        return [.. paths.Select(path =>
            new Scored([.. path.Select(p => value(p, known[p].Counts))], path.Where(charged.Add).Sum(p => known[p].Tokens)))];
    }

    /// <summary>Ends a search: the next one pays anew. The counts stay while they are few enough.</summary>
    public void Reset()
    {
        charged.Clear();
        if (known.Count > keep) known.Clear();
    }

    private sealed class Transformed(MonteCarloVerifier oracle, int[] ks) : IVerifier
    {
        public string Name => ProverName.From(ks);

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            oracle.Score(
                prefixes, (prefix, counts) => prefix.Ended ? counts.Value : ks.Average(k => BestOfK.FromCounts(counts, k)), cancel);

        public void Reset() => oracle.Reset();
    }
}
