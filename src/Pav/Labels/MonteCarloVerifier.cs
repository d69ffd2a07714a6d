namespace Pav;

/// <summary>
/// The oracle: Q^π of every new prefix by n completions of a policy, kept by content, so that a search asks once for each step. It separates what a
/// learned verifier loses from what the search loses. <see cref="Scored.Tokens"/> are the tokens of its completions.
/// </summary>
public sealed class MonteCarloVerifier(IPolicy policy, Grader grader, int n, Sampling sampling, ulong seed, int drawsPerCall = 4096) : IVerifier
{
    private readonly Rollouts rollouts = new(policy, grader, sampling, seed, drawsPerCall);
    private readonly Dictionary<Prefix, QEstimate> known = [];

    public string Name => $"mc{n}-{policy.Name}";

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        var paths = prefixes.Select(p => p.Path()).ToList();
        var counted = await rollouts.Count(paths.SelectMany(p => p).Where(p => !known.ContainsKey(p)), n, "oracle", cancel);
        foreach (var (prefix, (counts, _)) in counted) known[prefix] = counts;
        var charged = new HashSet<Prefix>();
        return [.. paths.Select(path => new Scored(
            [.. path.Select(p => known[p].Value)],
            path.Where(p => counted.ContainsKey(p) && charged.Add(p)).Sum(p => counted[p].Tokens)))];
    }
}
