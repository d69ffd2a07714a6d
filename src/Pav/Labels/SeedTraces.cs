namespace Pav;

/// <summary>
/// Which seed traces problems have: draws of the policy, as many of these as other labels have, or traces that searches visited.
/// </summary>
public sealed class SeedTraces
{
    private readonly Func<string, int> count;
    private readonly IReadOnlyDictionary<string, IReadOnlyList<VisitedTrace>>? visited;

    private SeedTraces(Func<string, int> count, IReadOnlyDictionary<string, IReadOnlyList<VisitedTrace>>? visited = null) =>
        (this.count, this.visited) = (count, visited);

    /// <summary>As many draws as are asked for.</summary>
    public static SeedTraces Drawn { get; } = new(_ => int.MaxValue);

    /// <summary>As many draws of each problem as it has of these labels: the control of labels from elsewhere.</summary>
    public static SeedTraces AsMany(IReadOnlyDictionary<string, int> counts) => new(problem => counts.GetValueOrDefault(problem));

    /// <summary>The visited traces of each problem (<see cref="VisitedTraces"/>).</summary>
    public static SeedTraces From(IReadOnlyDictionary<string, IReadOnlyList<VisitedTrace>> visited) =>
        new(problem => visited.TryGetValue(problem, out var traces) ? traces.Count : 0, visited);

    /// <summary>Did searches write them, and not the policy alone?</summary>
    public bool AreVisited => visited is not null;

    /// <summary>The indices from the options' first trace on that a problem has, at most NCov.</summary>
    public IEnumerable<int> Indices(string problem, LabelOptions options) =>
        Enumerable.Range(options.FirstTrace, Math.Clamp(count(problem) - options.FirstTrace, 0, options.NCov));

    /// <summary>A visited trace; null where the policy is to write it.</summary>
    internal VisitedTrace? At(string problem, int index) => visited?[problem][index];
}
