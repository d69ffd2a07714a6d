namespace Pav.Models.Training;

/// <summary>The policy's own values where traces are cut into segments, and what counting them took.</summary>
/// <param name="Values">For each trace of each group, one value in [0, 1] at each of its <see cref="GroupCredit.Cuts"/>.</param>
/// <param name="Rollouts">Completions drawn; traces that share a prefix share them.</param>
/// <param name="Tokens">Of these.</param>
internal sealed record SegmentValues(IReadOnlyList<double[][]> Values, long Rollouts, long Tokens)
{
    /// <param name="groups">Traces of one problem each.</param>
    /// <param name="size">Steps of a segment.</param>
    /// <param name="each">Completions of each distinct prefix at a cut; the end of a trace has its outcome.</param>
    /// <param name="counts">Counts completions by the policy.</param>
    public static async Task<SegmentValues> Count(
        IReadOnlyList<Prefix[]> groups, int size, int each, Rollouts counts, CancellationToken cancel)
    {
        IEnumerable<Prefix> Cuts(Prefix trace) => GroupCredit.Cuts(trace.Depth, size).Select(depth => trace.Path()[depth]);
        var counted = await counts.Count(groups.SelectMany(g => g).SelectMany(Cuts), each, "value", cancel);
        return new(
            [.. groups.Select(g => g.Select(trace => Cuts(trace).Select(p => counted[p].Counts.Value).ToArray()).ToArray())],
            each * counted.Keys.LongCount(p => !p.Ended), counted.Values.Sum(c => (long)c.Tokens));
    }
}
