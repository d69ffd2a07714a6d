using System.Text.Json.Nodes;
using Pav.Cli.Installation;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Label;

/// <summary>
/// The seed traces of a 'label' run where they are not simply drawn: those of searches (--visited), or as many as other labels have
/// (--as-many-as).
/// </summary>
internal static class VisitedRuns
{
    private const string TreesName = "trees.jsonl";

    /// <summary>Null where each problem gets --n-cov draws.</summary>
    public static SeedTraces? Seeds(LabelSettings settings, IReadOnlyList<Problem> problems, StepEnd steps, CommandContext context)
    {
        if (settings.AsManyAs != "")
        {
            var counts = LabelFiles.Read(settings.AsManyAs, "--as-many-as").CountBy(l => l.Problem).ToDictionary();
            return problems.Any(p => counts.ContainsKey(p.Id)) ? SeedTraces.AsMany(counts)
                : throw new UserError($"--as-many-as {settings.AsManyAs}: none of its labels is of one of the --problems.");
        }

        if (settings.Visited.Length == 0) return null;
        var known = problems.ToDictionary(p => p.Id);
        var trees = settings.Visited.SelectMany(run => Trees(run, steps, known).Select(tree => (Run: run, Tree: tree)))
            .GroupBy(t => t.Tree.Problem);
        var kinds = settings.VisitedKind.Select(k => Enum.Parse<VisitedKind>(k, ignoreCase: true)).ToList();
        var visited = trees.ToDictionary(g => g.Key, g => VisitedTraces.From(known[g.Key], g, kinds, settings.Seed));
        if (visited.Count == 0) throw new UserError($"--visited {string.Join(",", settings.Visited)}: holds no tree of one of the "
            + "--problems; search these with --trees.");
        var (all, taken) = (visited.Values.Sum(v => v.Count), visited.Values.Sum(v => Math.Min(v.Count, settings.NCov)));
        context.Reporter.Say($"{visited.Count:N0} of {problems.Count:N0} problems have trees; {all:N0} visited traces end in steps "
            + $"that were {string.Join(" or ", settings.VisitedKind)}, "
            + $"{taken:N0} of them are at most --n-cov {settings.NCov} a problem");
        return SeedTraces.From(visited);
    }

    private static IEnumerable<SearchTree> Trees(string run, StepEnd steps, IReadOnlyDictionary<string, Problem> problems)
    {
        var (file, manifest) = (Path.Combine(run, TreesName), Path.Combine(run, "run.json"));
        if (!File.Exists(manifest) || Json.Read<JsonObject>(manifest) is not { } about || (string?)about["command"] != "search")
            throw new UserError($"--visited {run}: is no folder of a 'search' run.");
        if (about["finished"] is null)
            throw new UserError($"--visited {run}: the search is not finished; take it up again with: {Home.Again("search", run)}");
        if (StepEnd.Parse((string?)about["step_end"]) is var end && end.Name != steps.Name)
            throw new UserError($"--visited {run}: its steps end at '{end}', and those of the labels at '{steps}'; use the same "
                + "--step-end.");
        if (!File.Exists(file)) throw new UserError($"--visited {run}: kept no trees; search with --trees, the number of problems "
            + "whose trees are kept.");
        foreach (var tree in JsonLines.Read<SearchTree>(file, Wrong))
        {
            if (!problems.TryGetValue(tree.Problem, out var problem)) continue;
            if (problem.Text != tree.Text)
                throw new UserError($"{file}: the problem \"{tree.Problem}\" has another text than in --problems.");
            yield return tree;
        }
    }

    private static string? Wrong(SearchTree tree)
    {
        if (tree.Nodes is not { Count: > 0 } nodes || nodes[0].Parent >= 0) return "a tree begins with the problem itself";
        if (nodes.Any(n => n.Tokens is null)) return "the tree was written without the steps' token ids, by an older pav; search again";
        var seen = new HashSet<int>();
        return nodes.FirstOrDefault(n => !seen.Add(n.Id) || (n.Parent >= 0 && !seen.Contains(n.Parent))) is { } node
            ? $"node {node.Id} stands before its parent, or twice" : null;
    }
}
