namespace Pav;

/// <summary>A trace that a search may answer with.</summary>
/// <param name="Node">Its place in the search's tree; null where there is none.</param>
public sealed record Candidate(Prefix Trace, StepNode? Node = null);

/// <summary>What a search of one size found in one problem, and what it cost.</summary>
/// <param name="N"> Its size, in the same sense for all searches: the number of traces that it brings to their ends (samples, prefixes in a
/// beam, trees of width one, particles, simulations). What a trace costs differs: a search that samples three candidate steps pays three
/// times the tokens of a plain sample.
/// </param>
/// <param name="Candidates">In the order in which a choice prefers equals; never empty.</param>
/// <param name="Trees">Its trees, for showing; empty where it has none.</param>
public sealed record Found(int N, IReadOnlyList<Candidate> Candidates, long GeneratedTokens, long ScoredTokens,
    IReadOnlyList<StepTree> Trees)
{
    /// <summary>What a search found in one tree.</summary>
    public static Found In(StepTree tree, int n, IEnumerable<StepNode> nodes) =>
        new(n, [.. nodes.Select(node => new Candidate(node.Prefix, node))], tree.GeneratedTokens, tree.ScoredTokens, [tree]);

    /// <summary>What several searches found together.</summary>
    public static Found Together(int n, IReadOnlyList<Found> parts) => new(
        n, [.. parts.SelectMany(f => f.Candidates)], parts.Sum(f => f.GeneratedTokens), parts.Sum(f => f.ScoredTokens),
            [.. parts.SelectMany(f => f.Trees)]);
}
