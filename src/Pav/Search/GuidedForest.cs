namespace Pav;

/// <summary>
/// Independent trees, each grown by a search of its own, and one vote over the traces that they end in. One wide search fills with traces
/// that share their mistakes and with what the verifier overrates; trees that share nothing make other mistakes, and a vote needs no single
/// score to be right.
/// </summary>
public sealed record GuidedForest : Search
{
    /// <summary>Prefixes kept in each tree; a forest of n traces has n / width trees.</summary>
    public int Width { get; init; } = 1;

    /// <summary>Trees whose candidates are half drawn first (<see cref="BeamSearch.Early"/>).</summary>
    public bool Early { get; init; }

    public override Needs Needs => Early ? base.Needs | Needs.HalfSteps : base.Needs;

    public override bool IsNested => true;

    public override bool IsForest => true;

    public override bool ComparesStates => Width > 1;

    public override bool Fits(int n) => n % Width == 0;

    public override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes)
    {
        var trees = await Task.WhenAll(Enumerable.Range(0, Trees(sizes[^1])).Select(i => Tree(site, i)));
        return [.. sizes.Select(n => Found.Together(n, trees[..Trees(n)]))];
    }

    private int Trees(int n) => n / Width;

    internal async Task<Found> Tree(SearchSite site, int index) =>
        (await new BeamSearch { ByProgress = ByProgress, Early = Early, Stream = $"tree {index}" }.Run(site, [Width]))[0];
}
