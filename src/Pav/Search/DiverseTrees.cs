namespace Pav;

/// <summary>
/// Diverse verifier tree search (DVTS, search-and-learn): the n best first steps start n subtrees, and each keeps the best of its own next
/// steps. No subtree can take the place of another, so one overrated step cannot fill the search.
/// </summary>
public sealed record DiverseTrees : SizedSearch
{
    public override bool ComparesStates => false;

    protected override async Task<Found> Run(SearchSite site, int n)
    {
        var tree = site.Tree("dvts");
        var first = tree.Prune(await tree.Grow([(tree.Root, n * site.Candidates)], ByProgress), n);
        var heads = Enumerable.Range(0, n).Select(i => first[i % first.Count]).ToArray();
        while (Array.Exists(heads, tree.IsOpen))
        {
            var open = Enumerable.Range(0, n).Where(i => tree.IsOpen(heads[i])).ToList();
            var steps = await tree.Grow(open.Select(i => (heads[i], site.Candidates)), ByProgress);
            foreach (var node in steps) node.Fate = Fate.Pruned;
            foreach (var (i, candidates) in open.Zip(steps.SplitBy(open.Select(_ => site.Candidates))))
                heads[i] = candidates.MaxBy(s => s.Reward)!;
            foreach (var head in heads) tree.Keep(head);
        }

        return Found.In(tree, n, heads);
    }
}
