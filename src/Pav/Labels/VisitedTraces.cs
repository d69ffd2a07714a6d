using System.Text.Json.Serialization;

namespace Pav;

/// <summary>Which steps of a search's trees are taken as ends of seed traces.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<VisitedKind>))]
public enum VisitedKind
{
    /// <summary>The search went on from it.</summary>
    [JsonStringEnumMemberName("kept")] Kept,

    /// <summary>Drawn, scored and dropped.</summary>
    [JsonStringEnumMemberName("pruned")] Pruned,

    /// <summary>The end of a trace that the search could have answered with.</summary>
    [JsonStringEnumMemberName("finished")] Finished,
}

/// <summary>Where a search came to a seed trace: a node of a tree in a run's <c>trees.jsonl</c>.</summary>
public sealed record VisitedPlace(
    [property: JsonPropertyName("run")] string Run,
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("alpha"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Alpha,
    [property: JsonPropertyName("prover"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Prover,
    [property: JsonPropertyName("node")] int Node,
    [property: JsonPropertyName("kind")] VisitedKind Kind);

/// <summary>A seed trace that a search visited, ended or not, and every place where one came to it; at least one.</summary>
public sealed record VisitedTrace(Prefix Trace, IReadOnlyList<VisitedPlace> Places);

/// <summary>Seed traces from what searches kept, pruned and finished: the states that a verifier meets when it is used.</summary>
public static class VisitedTraces
{
    /// <summary>
    /// The different seed traces of a problem in the order in which they are to be labelled. A step of the kinds ends one where no further
    /// step of the kinds comes after it: longer traces hold the shorter ones. The searches (run, method, N, prover) and kinds take turns,
    /// each in a random order of its own that <paramref name="seed"/> gives, so that the first few hold some of all.
    /// </summary>
    /// <param name="problem">Whose trees they are.</param>
    /// <param name="trees">With the run that each is of.</param>
    /// <param name="kinds">In the order of their turns.</param>
    /// <param name="seed">Of the order.</param>
    public static IReadOnlyList<VisitedTrace> From(
        Problem problem, IEnumerable<(string Run, SearchTree Tree)> trees, IReadOnlyList<VisitedKind> kinds, ulong seed)
    {
        var ends = trees.SelectMany(t => Ends(problem, t.Run, t.Tree, kinds)).ToList();
        var places = ends.ToLookup(e => e.Trace, e => e.Place);
        var turns = ends.GroupBy(e => (e.Place.Run, e.Place.Method, e.Place.N, e.Place.Alpha, e.Place.Prover, e.Place.Kind))
            .OrderBy(g => kinds.ToList().IndexOf(g.Key.Kind))
            .Select(g => new Queue<Prefix>(g.Select(e => e.Trace).Distinct().OrderBy(Order))).ToList();
        var ordered = new List<VisitedTrace>();
        var taken = new HashSet<Prefix>();
        while (turns.Exists(t => t.Count > 0))
        {
            foreach (var turn in turns)
            {
                while (turn.TryDequeue(out var trace))
                {
                    if (!taken.Add(trace)) continue;
                    ordered.Add(new(trace, [.. places[trace]]));
                    break;
                }
            }
        }

        return ordered;

        double Order(Prefix trace) => Seeds.Uniform(Seeds.Derive(seed, problem.Id, $"visited\n{trace.Text}", 0), 0);
    }

    /// <summary>The steps of the kinds that no other of them comes after, as traces from the problem on.</summary>
    private static IEnumerable<(Prefix Trace, VisitedPlace Place)> Ends(Problem problem, string run, SearchTree tree,
        IReadOnlyList<VisitedKind> kinds)
    {
        var states = new Dictionary<int, Prefix>();
        foreach (var node in tree.Nodes)
        {
            if (node.Lost || node.Half) continue;
            states[node.Id] = node.Parent < 0
                ? Prefix.Root(problem)
                : states[node.Parent].Then(node.Step, node.Tokens, ended: node.Rex is not null);
        }

        var chosen = tree.Nodes.Where(n => !n.Lost && !n.Half && Kind(n) is { } kind && kinds.Contains(kind)).ToList();
        var parents = tree.Nodes.ToDictionary(n => n.Id, n => n.Parent);
        var inner = new HashSet<int>();
        foreach (var node in chosen)
            for (var above = node.Parent; above > 0 && inner.Add(above); above = parents[above]) { }
        return chosen.Where(n => !inner.Contains(n.Id))
            .Select(n => (states[n.Id], new VisitedPlace(run, tree.Method, tree.N, tree.Alpha, tree.Prover, n.Id, Kind(n)!.Value)));
    }

    private static VisitedKind? Kind(TreeNode node) => node.Fate switch
    {
        Fate.Kept => VisitedKind.Kept,
        Fate.Pruned => VisitedKind.Pruned,
        Fate.Finished => VisitedKind.Finished,
        Fate.Chosen => node.Rex is null ? VisitedKind.Kept : VisitedKind.Finished,
        _ => null,
    };
}
