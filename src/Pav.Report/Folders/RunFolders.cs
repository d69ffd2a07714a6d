using System.Text.Json;
using Pav.Didactic;
using Pav.Models.Files;
using Pav.Report.Reproduction;

namespace Pav.Report.Folders;

/// <summary>Reads run folders, and nothing else, into what the report shows. Any file may be missing; a broken one is an error that names
/// file and line.</summary>
internal static class RunFolders
{
    private static readonly string[] Signs = ["run.json", "summary.json", "labels.jsonl", "log.jsonl", "search.jsonl", "trees.jsonl",
        "didactic.json", "provers.json", "theory.json", "results.json"];
    private const int MaxTrees = 60, MaxNodes = 40_000;

    private sealed record Folder(string Full, string Shown)
    {
        public string? Find(string name) => Path.Combine(Full, name) is var file && File.Exists(file) ? file : null;
    }

    private sealed record TreeHead(string Problem, JsonElement Nodes);

    /// <param name="asked">Reads the options of an RL run in that folder.</param>
    public static ReportData Read(IReadOnlyList<string> roots, DateTimeOffset now, Func<string, RunRow, RlAsked> asked)
    {
        if (roots.Count == 0) throw new UserError("no run folder was given; name a folder that a pav command wrote, such as runs/demo");
        var folders = roots.SelectMany(root => Below(root, roots)).DistinctBy(f => f.Full).ToList();
        var runs = folders.Where(f => f.Find("run.json") is not null)
            .Select(f => Json.Read<RunRow>(f.Find("run.json")!) with { Path = f.Shown })
            .OrderBy(r => r.Started, StringComparer.Ordinal).ToList();
        var commands = runs.ToDictionary(r => r.Path, r => r.Command);
        var results = Results(folders);
        var trees = Trees([.. folders.Select(f => f.Find("trees.jsonl")).OfType<string>()]);
        var figures = folders.Select(f => f.Find("results.json")).OfType<string>().SelectMany(Json.Read<List<FigureSummary>>).ToList();
        var searched = figures.SelectMany(f => f.Panels).SelectMany(p => p.Lines).Select(l => l.Kind)
            .Where(k => SearchMethods.Find(k) is not null);
        var methods = MethodEntry.From([.. results.SelectMany(r => r.Methods)], searched.Concat(trees?.Trees.Select(t => t.Method) ?? []));
        return new(
            Title(roots, folders, commands), now.ToUniversalTime(), methods, runs, results, Verifiers(folders, results),
            [.. folders.Where(f => f.Find("labels.jsonl") is not null).Select(f => LabelStatistics.Read(f.Find("labels.jsonl")!, f.Shown))
                .Where(l => l.Traces > 0)],
            [.. folders.Where(f => f.Find("log.jsonl") is not null)
                .Select(f => TrainingCurve.Read(f.Find("log.jsonl")!, f.Shown, commands.GetValueOrDefault(f.Shown, "train")))
                .Where(c => c.Points.Count + c.Evaluations.Count > 0)],
            trees,
            [.. from f in folders
                where f.Find("didactic.json") is not null
                select new DidacticRow(f.Shown, Json.Read<DidacticSummary>(f.Find("didactic.json")!))],
            [.. from f in folders where f.Find("provers.json") is not null select Json.Read<ProverReport>(f.Find("provers.json")!)],
            folders.Select(f => f.Find("theory.json")).FirstOrDefault(f => f is not null) is { } theory
                ? Json.Read<TheoryFile>(theory).Results : [],
            RlRuns.Read([.. runs.Select(r => (folders.First(f => f.Shown == r.Path).Full, r))], asked),
            figures);
    }

    /// <summary>The run folders at and below a root, parents first.</summary>
    private static IEnumerable<Folder> Below(string root, IReadOnlyList<string> roots)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        if (!Directory.Exists(full)) throw new UserError($"{root}: no such folder; name one that a pav command wrote, such as runs/demo");
        var name = roots.Count(r => Name(r) == Name(root)) > 1 ? Path.TrimEndingDirectorySeparator(root) : Name(root);
        var found = Walk(full).Where(f => Signs.Any(sign => File.Exists(Path.Combine(f, sign))))
            .Select(f => Path.GetRelativePath(full, f) is var inner && inner == "."
                ? new Folder(f, name) : new Folder(f, roots.Count > 1 ? $"{name}/{inner}" : inner))
            .ToList();
        return found.Count > 0
            ? found : throw new UserError($"{root}: no run.json here or below; name a folder that a pav command wrote, such as runs/demo");
    }

    private static string Name(string root) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)));

    /// <summary>A folder and those below it; each once, though links may lead to it again.</summary>
    private static IEnumerable<string> Walk(string folder, HashSet<string>? seen = null)
    {
        seen ??= [];
        if (!seen.Add(Real(folder))) yield break;
        yield return folder;
        foreach (var inner in Directory.EnumerateDirectories(folder)
            .Where(d => Path.GetFileName(d) is var n && n is not ("checkpoints" or "refresh" or "tensorboard") && !n.StartsWith('.'))
            .Order(StringComparer.Ordinal))
            foreach (var f in Walk(inner, seen))
                yield return f;
    }

    /// <summary>The path without links.</summary>
    private static string Real(string path)
    {
        if (Path.GetDirectoryName(path) is not { } parent) return path;
        var here = Path.Combine(Real(parent), Path.GetFileName(path));
        return Directory.ResolveLinkTarget(here, returnFinalTarget: true) is { } target ? Real(target.FullName) : here;
    }

    private static string Title(IReadOnlyList<string> roots, List<Folder> folders, Dictionary<string, string> commands)
    {
        var names = roots.Select(Name).ToList();
        var command = commands.GetValueOrDefault(folders[0].Shown);
        return roots.Count == 1 && command is not null && command != names[0]
            ? $"pav {command}: {names[0]}" : $"pav: {string.Join(", ", names)}";
    }

    /// <summary>Summaries, the one nearest to a root first; one below a folder that sums up its sub-folders is left out. A search that has
    /// none is summed up here.</summary>
    private static List<ResultRow> Results(List<Folder> folders)
    {
        var kept = new List<(Folder Folder, ResultRow Row)>();
        foreach (var folder in folders.OrderBy(f => f.Full.Count(c => c == Path.DirectorySeparatorChar)))
        {
            if (kept.Any(k => k.Row.Methods.Count > 0
                && folder.Full.StartsWith(k.Folder.Full + Path.DirectorySeparatorChar, StringComparison.Ordinal))) continue;
            if (Result(folder) is { } summary) kept.Add((folder, new(folder.Shown, summary)));
        }

        return [.. kept.Select(k => k.Row)];
    }

    private static Summary? Result(Folder folder)
    {
        if (folder.Find("summary.json") is { } summary) return Json.Read<Summary>(summary);
        if (folder.Find("search.jsonl") is not { } search) return null;
        // Only what is through all its problems can be compared: of a search that was stopped, some is not.
        var rows = JsonLines.Read<SearchRow>(search).ToList();
        var problems = rows.Select(r => r.Problem).Distinct().Count();
        var complete = rows.GroupBy(r => (r.Method, r.Alpha, r.Prover, r.N))
            .Where(g => g.Select(r => r.Problem).Distinct().Count() == problems).SelectMany(g => g).ToList();
        return Summary.From(complete, [], null, null, null);
    }

    private static List<VerifierMeasures> Verifiers(List<Folder> folders, List<ResultRow> results)
    {
        var summed = results.SelectMany(r => r.Verifiers).ToList();
        var alone = folders.Where(f => f.Find("verifier.json") is not null)
            .Select(f => (f.Shown, Json.Read<VerifierFile>(f.Find("verifier.json")!).Measures))
            .Where(v => v.Measures is { AucPooled: not null } or { AucWithin: not null })
            .Select(v => v.Measures!.Name.Length > 0 ? v.Measures : v.Measures with { Name = v.Shown });
        return [.. summed.Concat(alone).DistinctBy(v => v.Name)];
    }

    /// <summary>All trees of as many problems, spread evenly over the file, as a page can hold.</summary>
    private static TreeSet? Trees(IReadOnlyList<string> files)
    {
        var heads = files.SelectMany(file => JsonLines.Read<TreeHead>(file)).GroupBy(t => t.Problem)
            .Select(g => (Problem: g.Key, Trees: g.Count(), Nodes: g.Sum(t => t.Nodes.GetArrayLength()))).ToList();
        if (heads.Count == 0) return null;
        var total = heads.Sum(p => p.Trees);
        var share = Math.Min((double)MaxTrees / total, (double)MaxNodes / Math.Max(1, heads.Sum(p => p.Nodes)));
        var wanted = Math.Clamp((int)(heads.Count * share), 1, heads.Count);
        var chosen = Enumerable.Range(0, wanted).Select(i => heads[i * heads.Count / wanted].Problem).ToHashSet();
        var trees = files.SelectMany(file => JsonLines.Read<SearchTree>(file)).Where(t => chosen.Contains(t.Problem));
        // The page shows text.
        return new(total, [.. trees.GroupBy(t => t.Problem).SelectMany(g => g)
            .Select(t => t with { Nodes = [.. t.Nodes.Select(n => n with { Tokens = null })] })]);
    }
}
