namespace Pav;

/// <summary>
/// Compute where the verifier is unsure: beams of 1, 2, 4 … n, one after the other for as long as the best answer so far has a Q below a
/// threshold. Every beam that was run is paid for.
/// </summary>
public sealed record GrowingBeam : Search
{
    public double Threshold { get; init; } = 0.9;

    public override bool IsNested => true;

    public override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes)
    {
        var beams = new List<Found>();
        var found = new List<Found>();
        foreach (var n in sizes)
        {
            for (var width = 1 << beams.Count; width <= n && beams.All(IsUnsure); width = 1 << beams.Count)
                beams.Add((await new BeamSearch { ByProgress = ByProgress, Stream = $"beam of {width}" }.Run(site, [width]))[0]);
            found.Add(Found.Together(n, [.. beams]));
        }

        return found;
    }

    private bool IsUnsure(Found beam) => beam.Candidates.Max(c => c.Node!.Q) < Threshold;
}
