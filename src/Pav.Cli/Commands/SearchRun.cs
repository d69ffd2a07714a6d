using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands;

/// <summary>What a search runs with.</summary>
internal sealed record SearchTools(IPolicy Policy, IVerifier? Verifier, IVerifier? Outcome, Func<string, Prover> Prover, Grader Grader);

/// <summary>
/// Runs the methods of a search over problems in batches and appends their rows. Every row is looked for in what an earlier run left, so a
/// stopped search goes on where it was; results do not depend on batches or on stops.
/// </summary>
internal sealed class SearchRun(SearchSettings settings, SearchTools tools, RunFolder folder, Reporter reporter, CancellationToken cancel)
{
    private readonly HashSet<RowKey> done = [.. JsonLines.Read<SearchRow>(folder.At("search.jsonl")).Select(RowKey.Of)];
    private readonly HashSet<(string Problem, string Method, int N, string? Prover)> trees =
        [.. JsonLines.Read<SearchTree>(folder.At("trees.jsonl")).Select(t => (t.Problem, t.Method, t.N, t.Prover))];

    private readonly IReadOnlySet<string> methods = settings.ChosenMethods();

    private readonly record struct RowKey(string Problem, string Method, int N, double? Alpha, string? Prover, ulong Seed)
    {
        public static RowKey Of(SearchRow row) => new(row.Problem, row.Method, row.N, row.Alpha, row.Prover, row.Seed);
    }

    private IEnumerable<ulong> Seeds => Enumerable.Range(0, settings.Seeds).Select(i => settings.Seed + (ulong)i);

    public async Task All(IReadOnlyList<Problem> problems, double alpha)
    {
        if (done.Count > 0) reporter.Say($"{done.Count:N0} results are there already.");
        using var rows = JsonLines.Append(folder.At("search.jsonl"));
        foreach (var seed in Seeds)
        {
            if (methods.Contains(SearchSettings.Greedy) && seed == settings.Seed) await Greedy(problems, rows);
            await Rerank(problems, seed, rows);
            foreach (var beam in Beams(alpha, seed)) await Search(problems, beam, tools.Verifier!, rows);
            if (settings.Oracle > 0) await Oracle([.. problems.Take(settings.OracleProblems)], alpha, seed, rows);
        }
    }

    /// <summary>All rows, in the order in which they were written.</summary>
    public IReadOnlyList<SearchRow> Rows()
    {
        var file = folder.At("search.jsonl");
        var rows = JsonLines.Read<SearchRow>(file).ToList();
        RunFolder.CheckWritten(file, rows.Count, done.Count);
        RunFolder.CheckWritten(folder.At("trees.jsonl"), JsonLines.Read<SearchTree>(folder.At("trees.jsonl")).Count(), trees.Count);
        return rows;
    }

    /// <summary>The α of the grid that does best on validation problems; found once and kept in alpha.json.</summary>
    public async Task<double> ChooseAlpha(IReadOnlyList<Problem> validation)
    {
        var file = folder.At("alpha.json");
        if (File.Exists(file)) return AlphaGrid.Best(Json.Read<List<AlphaPoint>>(file));
        var beam = new BeamOptions(settings.AlphaBeam, settings.Candidates, 0, tools.Prover(settings.Provers[0]), settings.Seed, settings.Sampling);
        var points = await reporter.Track("Choosing alpha on validation problems", settings.AlphaGrid.Length, "values", async tracker =>
        {
            var found = new List<AlphaPoint>();
            foreach (var alpha in settings.AlphaGrid)
            {
                found.AddRange(await AlphaGrid.Run(validation, tools.Policy, tools.Verifier!, tools.Grader, beam, [alpha], cancel));
                tracker.At(found.Count, $"alpha {alpha}: {100 * found[^1].Accuracy:0.0}%");
            }
            return found;
        });
        AtomicFile.WriteJson(file, points);
        return AlphaGrid.Best(points);
    }

    private IEnumerable<BeamOptions> Beams(double alpha, ulong seed)
    {
        var plain = new BeamOptions(1, settings.Candidates, 0, null, seed, settings.Sampling);
        foreach (var n in settings.Beam.Distinct())
        {
            if (methods.Contains(SearchSettings.BeamQ)) yield return plain with { N = n };
            if (!methods.Contains(SearchSettings.BeamPav)) continue;
            foreach (var prover in settings.Provers.Distinct()) yield return plain with { N = n, Alpha = alpha, Prover = tools.Prover(prover) };
        }
        if (!methods.Contains(SearchSettings.BeamPav)) yield break;
        foreach (var prover in settings.SweepProvers.Except(settings.Beam.Contains(settings.SweepBeam) ? settings.Provers : []))
            yield return plain with { N = settings.SweepBeam, Alpha = alpha, Prover = tools.Prover(prover) };
    }

    private Task Greedy(IReadOnlyList<Problem> problems, JsonLines rows)
    {
        var sampling = settings.Sampling with { Temperature = 0, TopK = 0, TopP = 1 };
        return Batches("greedy", problems, p => [new(p.Id, SearchSettings.Greedy, 1, null, null, settings.Seed)], rows, async batch =>
            [.. (await RepeatedSampling.Draw(batch, tools.Policy, 1, settings.Seed, sampling, cancel)).Select(set => RepeatedSampling.Greedy(set, tools.Grader))]);
    }

    /// <summary>All methods that choose among independent traces: these are drawn once, for the largest N.</summary>
    private Task Rerank(IReadOnlyList<Problem> problems, ulong seed, JsonLines rows)
    {
        var sizes = settings.N.Distinct().Order().ToArray();
        string[] perSize = [.. new[] { SearchSettings.Majority, SearchSettings.BestOrm, SearchSettings.BestQ, SearchSettings.Weighted }.Where(methods.Contains)];
        var most = perSize.Length == 0 ? 1 : sizes[^1];
        IEnumerable<RowKey> Keys(Problem p) =>
        [
            .. methods.Contains(SearchSettings.Sample) ? [new RowKey(p.Id, SearchSettings.Sample, 1, null, null, seed)] : Array.Empty<RowKey>(),
            .. from method in perSize from n in sizes select new RowKey(p.Id, method, n, null, null, seed),
        ];
        return Batches($"{string.Join(", ", perSize.Prepend("sample"))} (up to {most} traces)", problems, Keys, rows, async batch =>
        {
            var sets = await RepeatedSampling.Draw(batch, tools.Policy, most, seed, settings.Sampling, cancel);
            var q = tools.Verifier is { } verifier && perSize.Any(m => m is SearchSettings.BestQ or SearchSettings.Weighted) ? await RepeatedSampling.Score(sets, verifier, cancel) : null;
            var orm = tools.Outcome is { } outcome && perSize.Contains(SearchSettings.BestOrm) ? await RepeatedSampling.Score(sets, outcome, cancel) : null;
            var found = new List<SearchRow>();
            for (var i = 0; i < sets.Count; i++)
            {
                if (methods.Contains(SearchSettings.Sample)) found.Add(RepeatedSampling.Sample(sets[i], tools.Grader));
                foreach (var n in sizes)
                {
                    foreach (var method in perSize)
                    {
                        found.Add(method switch
                        {
                            SearchSettings.Majority => RepeatedSampling.Majority(sets[i], n, tools.Grader),
                            SearchSettings.Weighted => RepeatedSampling.WeightedVote(sets[i], q![i], n, tools.Grader),
                            _ => RepeatedSampling.BestOfN(method, sets[i], (method == SearchSettings.BestQ ? q : orm)![i], n, tools.Grader),
                        });
                    }
                }
            }
            return found;
        });
    }

    private async Task Oracle(IReadOnlyList<Problem> problems, double alpha, ulong seed, JsonLines rows)
    {
        var oracle = new MonteCarloVerifier(tools.Policy, tools.Grader, settings.Oracle, settings.Sampling, Pav.Seeds.Of(seed, "", "oracle", 0));
        foreach (var n in settings.OracleBeam.Distinct())
        {
            var plain = new BeamOptions(n, settings.Candidates, 0, null, seed, settings.Sampling, Method: "oracle-beam-q");
            await Search(problems, plain, oracle, rows);
            foreach (var k in settings.OracleProvers) await Search(problems, plain with { Alpha = alpha, Prover = Prover.By(oracle.BestOf(k)), Method = "oracle-beam-pav" }, oracle, rows);
        }
    }

    private Task Search(IReadOnlyList<Problem> problems, BeamOptions options, IVerifier verifier, JsonLines rows)
    {
        var method = options.Method ?? (options.Prover is null ? SearchSettings.BeamQ : SearchSettings.BeamPav);
        double? alpha = options.Prover is null ? null : options.Alpha;
        var wanted = options.Method is null && options.N == settings.TreesBeam && options.Seed == settings.Seed ? problems.Take(settings.Trees).Select(p => p.Id).ToHashSet() : [];
        var title = $"{method}, beam of {options.N}{(options.Prover is { } prover ? $", {prover.Name}" : "")}";
        return Batches(title, problems, p => [new(p.Id, method, options.N, alpha, options.Prover?.Name, options.Seed)], rows, async batch =>
        {
            var results = await BeamSearch.Run(batch, tools.Policy, verifier, tools.Grader, options, batch.Any(p => wanted.Contains(p.Id)), cancel);
            using var file = wanted.Count == 0 ? null : JsonLines.Append(folder.At("trees.jsonl"));
            foreach (var tree in results.Select(r => r.Tree).OfType<SearchTree>().Where(t => wanted.Contains(t.Problem) && trees.Add((t.Problem, t.Method, t.N, t.Prover)))) file!.Write(tree);
            return [.. results.Select(r => r.Row)];
        });
    }

    /// <summary>Works on the problems that lack a row, batch by batch, and appends the rows that are new.</summary>
    private async Task Batches(string title, IReadOnlyList<Problem> problems, Func<Problem, IEnumerable<RowKey>> keys, JsonLines rows, Func<IReadOnlyList<Problem>, Task<IReadOnlyList<SearchRow>>> work)
    {
        var missing = problems.Where(p => keys(p).Any(k => !done.Contains(k))).ToList();
        if (missing.Count == 0) return;
        var before = problems.Count - missing.Count;
        await reporter.Track(title, problems.Count, "problems", async tracker =>
        {
            var finished = before;
            foreach (var batch in missing.Chunk(settings.ProblemsPerBatch))
            {
                cancel.ThrowIfCancellationRequested();
                foreach (var row in (await work(batch)).Where(r => done.Add(RowKey.Of(r)))) rows.Write(row);
                tracker.At(finished += batch.Length);
            }
            return 0;
        }, before);
    }
}
