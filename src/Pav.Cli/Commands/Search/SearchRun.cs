using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Search;

/// <summary>Accuracy of a beam on Q at one caution on validation problems.</summary>
internal sealed record CautionPoint(string Caution, double Accuracy);

/// <summary>What validation problems, or options, settle before a search.</summary>
/// <param name="Evidence">Null where no method votes by log-odds.</param>
/// <param name="Widest">Larger beams are left out; 0: none.</param>
internal sealed record Chosen(double Alpha, double Settle, double Sure, VoteEvidence? Evidence, int Widest);

/// <summary>
/// Runs the methods of a search over problems in batches and appends their rows. Every row is looked for in what an earlier run left, so a
/// stopped search goes on where it was; results do not depend on batches or on stops.
/// </summary>
/// <param name="prover">The prover that an option names.</param>
/// <param name="given">Where rows go; null where the search is only estimated.</param>
internal sealed class SearchRun(
    SearchSettings settings, SearchTools tools, Func<string, Prover> prover, RunFolder? given, Reporter reporter, CancellationToken cancel)
{
    private readonly HashSet<RowKey> done =
        given is null ? [] : [.. JsonLines.Read<SearchRow>(given.At("search.jsonl")).Select(RowKey.From)];
    private readonly HashSet<(string Problem, string Method, int N, string? Prover)> trees =
        given is null ? [] : [.. JsonLines.Read<SearchTree>(given.At("trees.jsonl")).Select(t => (t.Problem, t.Method, t.N, t.Prover))];

    private readonly IReadOnlyList<SearchMethod> methods = settings.ChosenMethods();

    private RunFolder folder => given ?? throw new InvalidOperationException("a search that is only estimated has no run folder");

    /// <summary>Methods that share a search, run together at some sizes on some problems.</summary>
    private sealed record Stage(IReadOnlyList<SearchCase> Cases, IReadOnlyList<int> Sizes, SearchTools Tools, int Problems = int.MaxValue)
    {
        public string Title => $"{string.Join(", ", Cases.Select(c => c.Method.Id).Distinct())}, N = {Sizes[^1]}"
            + string.Concat(Cases.Select(c => c.Method.HasProver ? c.Options.Prover?.Name : null).OfType<string>().Distinct()
                .Select(p => $", {p}"));

        public IEnumerable<RowKey> Keys(Problem problem) =>
            from n in Sizes
            from c in Cases
            where n == 1 || !c.Method.SizeOne
            select c.Key(problem.Id, n);
    }

    public async Task All(IReadOnlyList<Problem> problems, Chosen with)
    {
        if (done.Count > 0) reporter.Say($"{done.Count:N0} results are there already.");
        using var rows = JsonLines.Append(folder.At("search.jsonl"));
        foreach (var seed in Enumerable.Range(0, settings.Seeds).Select(i => settings.Seed + (ulong)i))
            foreach (var stage in AllStages(with, seed)) await Run(stage, [.. problems.Take(stage.Problems)], rows);
    }

    /// <summary>What <see cref="All"/> would take, from searches of a few of the problems.</summary>
    public async Task<SearchCost> Estimate(IReadOnlyList<Problem> problems, Chosen with)
    {
        var probe = SearchCost.Probe(problems);
        var later = AllStages(with, settings.Seed + 1).Select(s => s.Title).ToHashSet();
        var tried = new List<TriedStage>();
        foreach (var stage in AllStages(with, settings.Seed))
        {
            if (tried.Count == 0)
                await SearchBatch.Run([.. probe.Take(1)], stage.Cases, [.. stage.Sizes.Take(1)], stage.Tools, false, cancel);
            var clock = System.Diagnostics.Stopwatch.StartNew();
            var rows = (await SearchBatch.Run(probe, stage.Cases, stage.Sizes, stage.Tools, false, cancel)).Select(r => r.Row);
            tried.Add(new(Math.Min(stage.Problems, problems.Count), later.Contains(stage.Title) ? settings.Seeds : 1,
                clock.Elapsed.TotalSeconds, [.. rows]));
        }

        return SearchCost.From(problems.Count, [.. probe.Select(p => p.Id)], tried);
    }

    private IEnumerable<Stage> AllStages(Chosen with, ulong seed) =>
        Stages(with, seed).Concat(OracleStages(with, seed)).Concat(SweepStages(with, seed));

    /// <summary>All rows, in the order in which they were written.</summary>
    public IReadOnlyList<SearchRow> Rows()
    {
        var file = folder.At("search.jsonl");
        var rows = JsonLines.Read<SearchRow>(file).ToList();
        RunFolder.CheckWritten(file, rows.Count, done.Count);
        RunFolder.CheckWritten(folder.At("trees.jsonl"), JsonLines.Read<SearchTree>(folder.At("trees.jsonl")).Count(), trees.Count);
        return rows;
    }

    /// <summary>The caution with which a beam on Q does best on validation problems, the first of equals; found once, in
    /// caution.json.</summary>
    public async Task ChooseCaution(IReadOnlyList<Problem> validation, ILoadedVerifier verifier)
    {
        var file = folder.At("caution.json");
        var grid = settings.CautionGrid;
        var points = File.Exists(file) ? Json.Read<List<CautionPoint>>(file)
            : await reporter.Track("Choosing caution on validation problems", grid.Length, "values", async tracker =>
            {
                var found = new List<CautionPoint>();
                foreach (var value in grid)
                {
                    verifier.Caution = Caution.Parse("--caution-grid", value, settings.Seed);
                    var options = settings.Options(settings.Seed);
                    var results = await SearchBatch.Run(validation, SearchMethods.BeamByQ, settings.AlphaBeam, tools, options,
                        cancel: cancel);
                    found.Add(new(value, results.Average(r => r.Row.Correct)));
                    tracker.At(found.Count, $"caution {value}: {100 * found[^1].Accuracy:0.0}%");
                }
                return found;
            });
        AtomicFile.WriteJson(file, points);
        var best = points.MaxBy(p => p.Accuracy)!;
        verifier.Caution = Caution.Parse("--caution-grid", best.Caution, settings.Seed);
        reporter.Say($"caution = {best.Caution}");
    }

    /// <summary>The α of the grid that does best on validation problems; found once and kept in alpha.json.</summary>
    public async Task<double> ChooseAlpha(IReadOnlyList<Problem> validation)
    {
        var options = settings.Options(settings.Seed) with { Prover = prover(settings.Provers[0]) };
        var file = folder.At("alpha.json");
        if (File.Exists(file)) return AlphaGrid.Best(Json.Read<List<AlphaPoint>>(file));
        var points = await reporter.Track("Choosing alpha on validation problems", settings.AlphaGrid.Length, "values", async tracker =>
        {
            var found = new List<AlphaPoint>();
            foreach (var alpha in settings.AlphaGrid)
            {
                found.AddRange(await AlphaGrid.Run(validation, tools, settings.AlphaBeam, options, [alpha], cancel));
                tracker.At(found.Count, $"alpha {alpha}: {100 * found[^1].Accuracy:0.0}%");
            }
            return found;
        });
        AtomicFile.WriteJson(file, points);
        return AlphaGrid.Best(points);
    }

    /// <summary>One stage for each search, α and prover; searches whose sizes share nothing have one for each size.</summary>
    private IEnumerable<Stage> Stages(Chosen with, ulong seed)
    {
        var learned = methods.Where(m => !m.ByOracle && (!m.Search.Equals(SearchMethods.Greedy.Search) || seed == settings.Seed));
        var provers = settings.Provers.Distinct().Select(prover).ToList();
        return learned.GroupBy(m => m.Search).SelectMany(group => Staged(group.Key, [.. group], with, seed, provers, tools));
    }

    private IEnumerable<Stage> Staged(Pav.Search search, IReadOnlyList<SearchMethod> sharing, Chosen with, ulong seed,
        IReadOnlyList<Prover> provers, SearchTools scorers, IReadOnlyList<int>? given = null)
    {
        var plain = settings.Options(seed) with { Settle = with.Settle, Sure = with.Sure, Evidence = with.Evidence };
        IEnumerable<SearchCase> Cases(SearchMethod m, IReadOnlyList<Prover> by) =>
            m.HasProver ? by.Select(p => new SearchCase(m, plain with { Alpha = with.Alpha, Prover = p })) : [new(m, plain)];
        var all = given ?? (search.IsForest ? settings.ForestSizes : search.SamplesCandidates ? settings.Beam : settings.N);
        if (with.Widest > 0 && given is null && sharing[0].Kind == MethodKind.Beam) all = [.. all.Where(n => n <= with.Widest)];
        var sizes = sharing.All(m => m.SizeOne) ? [1] : all.Concat(sharing.Any(m => m.SizeOne) ? [1] : []).Distinct().Order()
            .Where(search.Fits).ToList();
        var runs = search.Needs.HasFlag(Needs.Prover)
            ? provers.Select(p => sharing.SelectMany(m => Cases(m, [p])).ToList())
            : [sharing.SelectMany(m => Cases(m, provers)).ToList()];
        var parts = search.IsNested ? [sizes] : sizes.Select(n => (List<int>)[n]);
        return from cases in runs
               from part in parts
               where part.Count > 0
               select new Stage(cases, part, scorers);
    }

    /// <summary>The same beams with Monte Carlo values in the verifier's place; BoK provers by the unbiased estimate from the same
    /// completions.</summary>
    private IEnumerable<Stage> OracleStages(Chosen with, ulong seed)
    {
        if (settings.Oracle == 0) return [];
        var oracle = new MonteCarloVerifier(tools.Policy, tools.Grader, settings.Oracle, settings.Sampling,
            Seeds.Derive(seed, "", "oracle", 0));
        var provers = settings.OracleProvers.Select(k => Prover.By(oracle.BestOf(k))).ToList();
        return methods.Where(m => m.ByOracle).GroupBy(m => m.Search)
            .SelectMany(group => Staged(group.Key, [.. group], with, seed, provers, tools with { Verifier = oracle }, settings.OracleBeam))
            .Select(stage => stage with { Problems = settings.OracleProblems });
    }

    /// <summary>More provers at one size.</summary>
    private IEnumerable<Stage> SweepStages(Chosen with, ulong seed)
    {
        var beam = SearchMethods.BeamByProgress;
        if (!methods.Contains(beam)) return [];
        var provers = settings.SweepProvers.Except(settings.Beam.Contains(settings.SweepBeam) ? settings.Provers : []).Select(prover)
            .ToList();
        return Staged(beam.Search, [beam], with, seed, provers, tools, [settings.SweepBeam]);
    }

    /// <summary>Works on the problems that lack a row, batch by batch, and appends the rows that are new.</summary>
    private async Task Run(Stage stage, IReadOnlyList<Problem> problems, JsonLines rows)
    {
        var missing = problems.Where(p => stage.Keys(p).Any(k => !done.Contains(k))).ToList();
        if (missing.Count == 0) return;
        var before = problems.Count - missing.Count;
        var sizes = stage.Problems == int.MaxValue && stage.Cases[0].Options.Seed == settings.Seed
            ? stage.Sizes.Intersect(settings.SizesOfTrees(stage.Cases[0].Method.Search)).ToList() : [];
        var shown = sizes.Count > 0 ? problems.Take(settings.Trees).Select(p => p.Id).ToHashSet() : [];
        await reporter.Track(stage.Title, problems.Count, "problems", async tracker =>
        {
            var finished = before;
            foreach (var batch in missing.Chunk(settings.ProblemsPerBatch))
            {
                cancel.ThrowIfCancellationRequested();
                var results = await SearchBatch.Run(batch, stage.Cases, stage.Sizes, stage.Tools, batch.Any(p => shown.Contains(p.Id)),
                    cancel);
                var wanted = batch.SelectMany(stage.Keys).ToHashSet();
                WriteTrees(sizes, results.Where(r => shown.Contains(r.Row.Problem) && wanted.Contains(RowKey.From(r.Row))));
                foreach (var row in results.Select(r => r.Row).Where(r => wanted.Contains(RowKey.From(r)) && done.Add(RowKey.From(r))))
                    rows.Write(row);
                tracker.At(finished += batch.Length);
            }
            return 0;
        }, before);
    }

    private void WriteTrees(IReadOnlyList<int> sizes, IEnumerable<SearchResult> results)
    {
        var drawn = results.Select(r => r.Tree).OfType<SearchTree>()
            .Where(t => sizes.Contains(t.N) && trees.Add((t.Problem, t.Method, t.N, t.Prover))).ToList();
        if (drawn.Count == 0) return;
        using var file = JsonLines.Append(folder.At("trees.jsonl"));
        foreach (var tree in drawn) file.Write(tree);
    }
}
