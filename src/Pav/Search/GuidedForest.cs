namespace Pav;

/// <summary>
/// Independent trees, each grown by a search of its own, and one vote over the traces that they end in. One wide search fills with traces that share their
/// mistakes and with what the verifier overrates; trees that share nothing make other mistakes, and a vote needs no single score to be right.
/// </summary>
public sealed record GuidedForest : Search
{
    /// <summary>Prefixes kept in each tree; a forest of n traces has n / width trees.</summary>
    public int Width { get; init; } = 1;

    public override bool IsNested => true;

    public override bool ComparesStates => Width > 1;

    public override bool Fits(int n) => n % Width == 0;

    public override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes)
    {
        var trees = await Task.WhenAll(Enumerable.Range(0, Trees(sizes[^1])).Select(i => Tree(site, i)));
        return [.. sizes.Select(n => Found.Together(n, trees[..Trees(n)]))];
    }

    private int Trees(int n) => n / Width;

    internal async Task<Found> Tree(SearchSite site, int index) =>
        (await new BeamSearch { ByProgress = ByProgress, Stream = $"tree {index}" }.Run(site, [Width]))[0];
}

/// <summary>
/// The same forest, grown one tree after the other until the vote is settled: the summed Q of the leading answer is ahead of the next by
/// <see cref="SearchOptions.Settle"/>. Its trees are those of <see cref="GuidedForest"/>. Worked: Q of 0.9 for 7 and 0.3 for 8 lead by 0.6; with settle 0.5 that
/// ends it after two trees, with settle 1 it goes on.
/// </summary>
public sealed record SequentialForest : Search
{
    public int Width { get; init; } = 1;

    public override bool IsNested => true;

    public override bool ComparesStates => Width > 1;

    public override bool Fits(int n) => n % Width == 0;

    public override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes)
    {
        var forest = new GuidedForest { ByProgress = ByProgress, Width = Width };
        var trees = new List<Found>();
        var settled = false;
        var found = new List<Found>();
        foreach (var n in sizes)
        {
            while (!settled && trees.Count < n / Width)
            {
                trees.Add(await forest.Tree(site, trees.Count));
                settled = Lead(site.Grader, trees) >= site.Options.Settle;
            }

            found.Add(Found.Together(n, [.. trees]));
        }

        return found;
    }

    /// <summary>Summed Q of the leading answer minus that of the next; 0 where no trace has an answer.</summary>
    internal static double Lead(Grader grader, IEnumerable<Found> trees)
    {
        var sums = trees.SelectMany(t => t.Candidates).Where(c => c.Trace.Ended)
            .GroupBy(c => grader.Extract(c.Trace.Text)).Where(g => g.Key is not null)
            .Select(g => g.Sum(c => c.Node!.Q)).OrderDescending().Take(2).ToList();
        return sums.Count == 0 ? 0 : sums[0] - sums.Skip(1).FirstOrDefault();
    }
}
