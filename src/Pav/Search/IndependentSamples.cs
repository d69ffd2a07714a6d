namespace Pav;

/// <summary>Traces that share nothing (the baselines of Sec. 4.1): one set of the largest size is drawn, and every n takes its first
/// n.</summary>
public sealed record IndependentSamples : Search
{
    /// <summary>Temperature 0.</summary>
    public bool Greedy { get; init; }

    public override Needs Needs => Needs.Nothing;

    public override bool SamplesCandidates => false;

    public override bool IsNested => true;

    public override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes)
    {
        var traces = await site.Samples(sizes[^1], Greedy ? RepeatedSampling.Greedy(site.Options.Sampling) : null);
        var candidates = traces.Select(t => new Candidate(t)).ToList();
        return [.. sizes.Select(n => new Found(n, candidates[..n], traces.Take(n).Sum(t => (long)t.TokensSince()), 0, []))];
    }
}
