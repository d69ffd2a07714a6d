namespace Pav;

/// <summary>
/// The oracle: Q^π of every new prefix by n completions of a policy, kept by content, so that it is asked once for each step. It separates what a
/// learned verifier loses from what the search loses. <see cref="Scored.Tokens"/> are the tokens of its completions: each search pays for every prefix that it
/// scores, also where an earlier search had it counted, so that a cost depends neither on the order of searches nor on resumption.
/// </summary>
public sealed class MonteCarloVerifier(IPolicy policy, Grader grader, int n, Sampling sampling, ulong seed, int drawsPerCall = 4096) : IVerifier
{
    private readonly Rollouts rollouts = new(policy, grader, sampling, seed, drawsPerCall);
    private readonly Dictionary<Prefix, (QEstimate Counts, int Tokens)> known = [];
    private readonly HashSet<Prefix> charged = [];

    public string Name => $"mc{n}-{policy.Name}";

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        var paths = prefixes.Select(p => p.Path()).ToList();
        var counted = await rollouts.Count(paths.SelectMany(p => p).Where(p => !known.ContainsKey(p)), n, "oracle", cancel);
        foreach (var (prefix, counts) in counted) known[prefix] = counts;
        return [.. paths.Select(path => new Scored([.. path.Select(p => known[p].Counts.Value)], path.Where(charged.Add).Sum(p => known[p].Tokens)))];
    }

    /// <summary>Ends a search: the next one pays anew. The counts stay.</summary>
    public void Reset() => charged.Clear();
}
