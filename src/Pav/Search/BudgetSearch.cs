namespace Pav;

/// <summary>
/// Reward-balanced search: at every depth a budget of n steps, less one for each finished trace, is shared out over the states by the
/// softmax of their reward / T (REBASE, arXiv 2408.00724). With <see cref="ByDirection"/> the share counts per direction, not per state
/// (DORA, arXiv 2506.15707): it is multiplied by how much of its own cluster a state makes up, the diagonal of the row-wise softmax of
/// similarities / <see cref="Spread"/>. The similarity of two steps is the share of words that they have in common.
/// </summary>
public sealed record BudgetSearch : SizedSearch
{
    /// <summary>Temperature T of the shares, in units of reward.</summary>
    public double Temperature { get; init; } = 0.1;

    public bool ByDirection { get; init; }

    /// <summary>Temperature of similarities, from 0 (only equal steps are one direction) upwards.</summary>
    public double Spread { get; init; } = 0.2;

    public override bool SamplesCandidates => false;

    protected override async Task<Found> Run(SearchSite site, int n)
    {
        var tree = site.Tree("rebase");
        var finished = new List<StepNode>();
        var shares = new List<(StepNode Node, int Count)> { (tree.Root, n) };
        while (shares.Count > 0)
        {
            var steps = (await tree.Grow(shares, ByProgress)).Distinct().ToList();
            foreach (var step in steps) step.Fate = Fate.Pruned;
            finished.AddRange(steps.Where(s => !tree.IsOpen(s)));
            var open = steps.Where(tree.IsOpen).ToList();
            var counts = open.Count == 0 ? [] : Apportion.Share(Math.Max(0, n - finished.Count), Weights(open));
            shares = [.. open.Zip(counts).Where(s => s.Second > 0)];
            foreach (var node in finished.Concat(shares.Select(s => s.Node))) tree.Keep(node);
        }

        return Found.In(tree, n, finished);
    }

    private double[] Weights(IReadOnlyList<StepNode> open)
    {
        var weights = Softmax.From([.. open.Select(o => o.Reward / Temperature)]);
        if (!ByDirection) return weights;
        var words = open.Select(o => o.Prefix.Step.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToHashSet()).ToList();
        var similar = words.Select((w, i) => Softmax.From([.. words.Select(v => Similarity(w, v) / Spread)])[i]).ToArray();
        var sum = weights.Zip(similar, (w, o) => w * o).Sum();
        return [.. weights.Zip(similar, (w, o) => w * o / sum)];
    }

    /// <summary>Words in common over words in either; 1 for two steps without words.</summary>
    private static double Similarity(HashSet<string> a, HashSet<string> b)
    {
        var common = a.Count(b.Contains);
        return a.Count + b.Count == 0 ? 1 : (double)common / (a.Count + b.Count - common);
    }
}
