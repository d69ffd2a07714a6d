using Pav;

// A search of one's own, compared with the beam on the same problems. It is a record; draws, scores, duplicates and costs are the tree's.
var policy = new Adder();
Problem[] problems = [.. Enumerable.Range(1, 40).Select(i => new Problem($"sum-{i}", $"{i} + {i + 1} + 30 + 4 + 5", $"{2 * i + 40}"))];
var tools = new SearchTools(policy, Grader.Numeric, new MonteCarloVerifier(policy, Grader.Numeric, n: 4, new Sampling(), seed: 2));
var own = new SearchMethod("depth-first", "Depth first, best step first", MethodKind.Tree, new DepthFirst(), FinalChoice.MaxQ);

foreach (var (method, n) in new[] { (SearchMethods.Sample, 1), (SearchMethods.BeamByQ, 2), (own, 2) })
{
    var rows = (await SearchBatch.Run(problems, method, n, tools, new() { Candidates = 3 })).Select(r => r.Row).ToList();
    Console.WriteLine(
        $"{method.Label}: {rows.Average(r => r.Correct):0%} right, {rows.Average(r => r.GeneratedTokens):0} tokens a problem");
}

/// <summary>Goes on from the best of the steps just drawn, and takes the next best only when a trace has ended; n traces.</summary>
internal sealed record DepthFirst : SizedSearch
{
    protected override async Task<Found> Run(SearchSite site, int n)
    {
        var tree = site.Tree("depth-first");
        var (open, ended) = (new Stack<StepNode>([tree.Root]), new List<StepNode>());
        while (ended.Count < n && open.TryPop(out var node))
        {
            tree.Keep(node);
            if (!tree.IsOpen(node)) ended.Add(node);
            var steps = tree.IsOpen(node) ? await tree.Grow([(node, site.Candidates)], ByProgress) : [];
            foreach (var step in steps.Distinct().OrderBy(s => s.Reward)) open.Push(step);
        }

        return Found.In(tree, n, ended);
    }
}
