using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Commands.Rl;
using Pav.Didactic;
using Pav.Models.Files;
using Pav.Models.Training;
using Pav.Report.Reproduction;
using Pav.Cli.Options;
using Pav.Cli.Runs;
using Pav.Cli.Shared;
using Folders =
    System.Collections.Generic.IReadOnlyList<(string Model, System.Collections.Generic.IReadOnlyList<(int Seed, string Folder)> Runs)>;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>A figure: what it asks of the plan, and how its runs are summed up.</summary>
internal sealed record Figure(string Id, Func<ReproducePlan, Func<RunSize, FigureSummary>> Prepare);

/// <summary>An option that names figures.</summary>
internal sealed class FiguresFlagAttribute : FlagAttribute
{
    public FiguresFlagAttribute(string description)
        : base(description) => Choices = string.Join('|', Figures.All.Select(f => f.Id).Prepend(Figures.Every));
}

/// <summary>All figures, in the order of the results.</summary>
internal static class Figures
{
    public const string Every = "all";

    public static IReadOnlyList<Figure> All { get; } =
    [
        new("3", plan => Didactic(plan, DidacticFigures.Figure3)),
        new("4", plan => FromMain(plan, (runs, size) => SearchFigures.Figure4(runs, plan.Prover, size))),
        new("5a", plan => FromMain(plan, (runs, size) => SearchFigures.Figure5a(runs, plan.Prover, size))),
        new("5b", plan =>
            Judged(plan, (runs, judged, size) => SearchFigures.Figure5b(runs, plan.Scale.StrengthBeams, Predicted(judged), size))),
        new("5c", plan =>
            From(plan.MatrixModels.Count < 2
            ? [] : Searches(plan, plan.MatrixSearch, plan.MatrixModels, plan.Scale.MatrixSeeds), (runs, size) =>
            SearchFigures.Figure5c(runs, plan.Missing, plan.Scale.MatrixBeam, size))),
        new("6a", plan => FromMain(plan, (runs, size) => SearchFigures.Figure6a(runs, plan.Prover, size))),
        new("6b", plan => Labels(plan, plan.Scale.Ratios, LabelFigures.Figure6b)),
        new("7", plan => Rl(plan, RlFigures.Figure7)),
        new("8", plan => Rl(plan, RlFigures.Figure8)),
        new("9", plan => Didactic(plan, DidacticFigures.Figure9)),
        new("10", Threshold),
        new("11", plan => Labels(plan, [.. plan.Scale.Ratios, .. plan.Scale.Pits], LabelFigures.Figure11)),
        new("G", plan => Rl(plan, RlFigures.AppendixG, "pqv")),
        new("theory", plan =>
            Judged(plan, (runs, judged, size) => TheoryFigure.From(runs[0], Terms(judged), plan.Scale.StrengthBeams, size), models: 1)),
        new("alpha", Alpha),
        new("ceiling", plan =>
            From(Searches(plan, plan.OracleSearch, plan.Scale.DetailModels), (runs, size) =>
                FurtherFigures.Ceiling(runs, plan.Prover, plan.Scale.Oracle, size))),
        new("frontier", Frontier),
        new("adaptive", plan => FromMain(plan, (runs, size) => AdaptiveFigure.From(runs, plan.Prover, size))),
        new("methods", Methods),
        new("forest", Forest),
        new("refresh", Refresh),
        new("holds", Holds),
        new("rivals", RivalRuns.Prepare),
        new("signal", Signal),
    ];

    public static IReadOnlyList<Figure> Chosen(IReadOnlyList<string> names) => names.Contains(Every)
        ? All : [.. All.Where(f => names.Contains(f.Id))];

    private static Func<RunSize, FigureSummary> FromMain(ReproducePlan plan,
        Func<IReadOnlyList<ModelRuns>, RunSize, FigureSummary> sumUp) => From(Searches(plan, plan.Search), sumUp);

    private static Func<RunSize, FigureSummary> From(Folders runs, Func<IReadOnlyList<ModelRuns>, RunSize, FigureSummary> sumUp) =>
        size =>
        {
            var read = Read(runs);
            var sized = Sized(size, runs, read);
            var fewer = read.Where(m => ProblemsOf(m) < sized.Problems)
                .Select(m => $"{m.Model}: the first {ProblemsOf(m)} of the problems alone, and fewer sizes: its savings are of a smaller "
                    + $"largest N than those of {read[0].Model}.");
            var figure = SearchFigures.WithAlpha(sumUp(read, sized), read);
            return figure with { Notes = [.. fewer, .. figure.Notes] };
        };

    /// <summary>Searches with best-of-K provers, and what rollouts said of these for the first base policy.</summary>
    private static Func<RunSize, FigureSummary> Judged(ReproducePlan plan,
        Func<IReadOnlyList<ModelRuns>, ProverReport, RunSize, FigureSummary> sumUp, int models = int.MaxValue)
    {
        var (runs, judged) = (Searches(plan, plan.StrengthSearch, Math.Min(models, plan.Scale.DetailModels)), plan.Provers(plan.Models[0]));
        return size =>
        {
            var read = Read(runs);
            return SearchFigures.WithAlpha(sumUp(read, Json.Read<ProverReport>(Path.Combine(judged, "provers.json")),
                Sized(size, runs, read)), read);
        };
    }

    private static IReadOnlyList<ProverTerms> Terms(ProverReport judged) =>
        [.. from p in judged.Provers
            where p.Policy is not null
            orderby p.K
            select new ProverTerms(p.K, p.Predictors[ProverStudy.Distinguishability], p.Predictors[ProverStudy.Alignment])];

    /// <summary>Predictors over K, each relative to its largest value.</summary>
    private static IReadOnlyList<Line> Predicted(ProverReport judged)
    {
        (string Key, string Name)[] shown =
        [
            (ProverStudy.Sum, "distinguishability + alignment (Theorem 3.1)"), (ProverStudy.Alignment, "alignment"),
                (ProverStudy.KeptByVerifier, "Q of the steps that the beam would keep, by the verifier"),
        ];
        return [.. shown.Select((s, i) =>
        {
            var points = (from p in judged.Provers where p.Policy is not null && p.Predictors.TryGetValue(s.Key, out var v)
                && double.IsFinite(v.Value) orderby p.K select (p.K, p.Predictors[s.Key].Value)).ToList();
            var most = points.Count == 0 ? 1 : points.Max(p => Math.Abs(p.Value));
            return new Line(s.Name, $"series-{i + 2}", [.. points.Select(p => new LinePoint(p.K, most > 0 ? p.Value / most : 0))], []);
        }).Where(l => l.Points.Count > 0)];
    }

    private static Func<RunSize, FigureSummary> Alpha(ReproducePlan plan)
    {
        var alone = Searches(plan, plan.Search, plan.Scale.DetailModels);
        var swept = plan.Scale.AlphaGrid.Where(a => a > 0)
            .Select(a => Searches(plan, (m, s) => plan.AlphaSearch(m, s, a), plan.Scale.DetailModels)).ToList();
        return size =>
        {
            var grids = swept.Select(Read).ToList();
            var joined = grids[0]
                .Select((m, i) =>
                m with { Runs = [.. m.Runs.Select((r, s) => r with { Rows = [.. grids.SelectMany(g => g[i].Runs[s].Rows)] })] }).ToList();
            return FurtherFigures.Alpha(joined, Read(alone), plan.Scale.AlphaBeam, plan.Prover, Sized(size, alone, joined));
        };
    }

    private static Func<RunSize, FigureSummary> Frontier(ReproducePlan plan)
    {
        IReadOnlyList<string> first = [plan.Models[0]];
        var seeds = Math.Min(plan.Scale.FrontierSeeds, plan.Scale.Seeds);
        var (valid, test) = (Searches(plan, plan.ValidSearch, first, seeds), Searches(plan, plan.Search, first, seeds));
        return size =>
        {
            var read = Read(test);
            return SearchFigures.WithAlpha(FurtherFigures.Frontier(Read(valid), read, plan.Prover, Sized(size, test, read)), read);
        };
    }

    /// <summary>The usual methods and all others, on the problems that were searched with both.</summary>
    private static Func<RunSize, FigureSummary> Methods(ReproducePlan plan)
    {
        var (usual, others) = (Searches(plan, plan.Search, models: 1), Searches(plan, plan.MethodsSearch, models: 1));
        return size =>
        {
            var read = Read(others);
            var problems = read.SelectMany(m => m.Runs).SelectMany(r => r.Rows).Select(r => r.Problem).ToHashSet();
            var joined = Joined(Read(usual), read, row => problems.Contains(row.Problem));
            return SearchFigures.WithAlpha(MethodsFigure.From(joined[0], plan.Prover, Sized(size, usual, joined)), joined);
        };
    }

    /// <summary>What the figure compares, on the test problems and on further ones.</summary>
    private static Func<RunSize, FigureSummary> Forest(ReproducePlan plan)
    {
        Func<string, int, string> first = plan.Given ? plan.ForestSearch : plan.Search;
        var usual = Searches(plan, first, models: 1);
        var further = plan.Given || plan.Scale.ForestProblems == 0 ? null : Searches(plan, plan.ForestSearch, models: 1);
        return size =>
        {
            var read = Read(usual);
            var joined = further is null ? read : Joined(read, Read(further), _ => true);
            var figure = SearchFigures.WithAlpha(ForestFigure.From(joined, plan.Prover, Sized(size, usual, joined)), joined);
            return further is null ? figure : figure with
            {
                Notes = [.. figure.Notes, $"Of the problems {ProblemsOf(read[0])} are those of figures 4 to 6a, the others further ones, "
                    + "searched with the same settings."],
            };
        };
    }

    /// <summary>For each run its rows that are taken, and all rows of the run of the same seed among the others.</summary>
    private static IReadOnlyList<ModelRuns> Joined(IReadOnlyList<ModelRuns> models, IReadOnlyList<ModelRuns> others,
        Func<SearchRow, bool> takes) =>
        [.. models.Zip(others, (m, o) => m with
        {
            Runs = [.. m.Runs.Zip(o.Runs, (r, also) => r with { Rows = [.. r.Rows.Where(takes), .. also.Rows] })],
        })];

    /// <summary>Labels of each kind with the verifier and the search that came of them, for the first base policy.</summary>
    private static Func<RunSize, FigureSummary> Labels(ReproducePlan plan, IReadOnlyList<string> kinds,
        Func<string, IReadOnlyList<LabelCellRuns>, int, RunSize, FigureSummary> sumUp)
    {
        var model = plan.Models[0];
        var cells = kinds.Select(LabelCell.Parse)
            .Select(c => (Cell: c, Runs: plan.Seeds(plan.Scale.RatioSeeds).Select(s => (Seed: s, At: plan.Cell(model, s, c))).ToList()))
            .ToList();
        return size =>
        {
            var read = cells.Select(c => new LabelCellRuns(
                c.Cell.NCov, c.Cell.NMc, c.Cell.NMcPit,
                [.. c.Runs.Select(r =>
                    (double)RolloutCount.From(JsonLines.Read<LabelledTrace>(Path.Combine(r.At.Labels, "labels.jsonl")), c.Cell.NMc))],
                [.. c.Runs.Select(r => new SeededRows(r.Seed, Rows(r.At.Search)))])).ToList();
            return sumUp(ReproducePlan.Short(model), read, plan.Scale.RatioBeam, Sized(size, [(model, [])], [new(model, read[0].Runs)]));
        };
    }

    private static Func<RunSize, FigureSummary> Threshold(ReproducePlan plan)
    {
        var model = plan.Models[0];
        var scores = plan.Seeds(plan.Scale.Seeds)
            .Select(s => (Seed: s, Valid: plan.Scores(model, s, test: false), Test: plan.Scores(model, s, test: true))).ToList();
        static IReadOnlyList<ScoredTrace> Scored(string folder) => [.. JsonLines.Read<ScoredTrace>(Path.Combine(folder,
            VerifierOnLabels.ScoresName))];
        return size =>
            ThresholdFigure.From(ReproducePlan.Short(model),
            [.. scores.Select(s => new SeededScores(s.Seed, Scored(s.Valid), Scored(s.Test)))], ProverName.Strength(plan.Prover)
            ?? 1, plan.Alpha, size with { Models = [model] });
    }

    private static Func<RunSize, FigureSummary> Didactic(ReproducePlan plan, Func<DidacticSummary, RunSize, FigureSummary> sumUp)
    {
        var folder = plan.Didactic();
        return size => sumUp(Json.Read<DidacticSummary>(Path.Combine(folder, "didactic.json")), size);
    }

    /// <summary>RL of the first base policy with outcome rewards and with progress, and with a further reward.</summary>
    private static Func<RunSize, FigureSummary> Rl(ReproducePlan plan, Func<IReadOnlyList<RlRuns>, RunSize, FigureSummary> sumUp,
        string? further = null)
    {
        var model = plan.Models[0];
        IReadOnlyList<(int Seed, string Folder)> Seeded(string reward, int seeds) =>
            [.. plan.Seeds(seeds).Select(s => (s, plan.Rl(model, reward, s)))];
        var (start, orm, pav, pqv) = (plan.RlStart(model), Seeded("orm", plan.Scale.RlSeeds), Seeded("pav", plan.Scale.RlSeeds),
            further is null ? [] : Seeded(further, plan.Scale.RlFurtherSeeds));
        return size =>
        {
            var runs = new RlRuns(ReproducePlan.Short(model), Tallies(start), [.. orm.Select(Run)], [.. pav.Select(Run)],
                [.. pqv.Select(Run)], WayOf(plan, pav), WayOf(plan, pqv));
            return sumUp([runs], size with { Seeds = further is null
                ? orm.Count : Math.Min(pav.Count, pqv.Count), Problems = runs.Start.Count, Models = [model] });
        };
    }

    /// <summary>RL with progress by a verifier that is refreshed, and by ones that had as many labels before.</summary>
    private static Func<RunSize, FigureSummary> Refresh(ReproducePlan plan)
    {
        var (model, seeds) = (plan.Models[0], plan.Seeds(plan.Scale.RlFurtherSeeds).ToList());
        (int Seed, string Folder)[] Seeded(Func<int, string> run) => [.. seeds.Select(s => (s, run(s)))];
        var (whole, before, refreshed) = (Seeded(s => plan.RlOfOthers(model, s)), Seeded(s => plan.Rl(model, "pav", s)),
            Seeded(s => plan.RlRefreshed(model, s, strong: false)));
        var (labels, half, added) = (plan.Labels(model, 1), plan.HalfLabels(model), plan.RlLabels(model));
        var strong = plan.Scale.RlStrongAlpha;
        var (kept, saved) = strong == 0
            ? ([], []) : (Seeded(s => plan.RlStrong(model, s)), Seeded(s => plan.RlRefreshed(model, s, strong: true)));
        return size => RefreshFigure.From(
            ReproducePlan.Short(model), Arm(before, half, added), Arm(refreshed, half), Arm(whole, labels), strong == 0
                ? null : (strong, Arm(kept, half, added), Arm(saved, half)), WayOf(plan, before).Words,
            size with { Seeds = seeds.Count, Problems = Tallies(before[0].Folder).Count, Models = [model] });

        RefreshArm Arm(IReadOnlyList<(int Seed, string Folder)> runs, params string[] labelled) => new(
            labelled.Sum(l => RolloutCount.From(JsonLines.Read<LabelledTrace>(Path.Combine(l, "labels.jsonl")), plan.Scale.NMc)),
                [.. runs.Select(Run)],
            [.. runs.Select(r =>
                (IReadOnlyList<double>)[.. Measured(r.Folder).Select(m => (double)(m.Spent.Traces + m.Spent.ProverRollouts))])]);
    }

    /// <summary>Gradients of RL's rewards at policies along it.</summary>
    private static Func<RunSize, FigureSummary> Signal(ReproducePlan plan)
    {
        var (model, policies) = (plan.Models[0], plan.Signals(plan.Models[0]));
        return size =>
        {
            var figure = SignalFigure.From(
                ReproducePlan.Short(model),
                [.. policies.Select(p => new SignalPoint(p.Traps, p.Run, p.Iteration,
                    Json.Read<SignalReport>(Path.Combine(p.Folder, SignalReport.FileName))))],
                plan.Scale.RlAlpha, size with { Models = [model], Seeds = 1 });
            return policies.DistinctBy(p => p.Traps).Count() == 1 ? figure : figure with
            {
                Notes = [.. figure.Notes, "On the hardest problems the run is a third as long, with a schedule of that length: its last "
                    + "policy is its end."],
            };
        };
    }

    /// <summary>Beams with verifiers that learned otherwise, for the first base policy.</summary>
    private static Func<RunSize, FigureSummary> Holds(ReproducePlan plan)
    {
        var (model, seeds) = (plan.Models[0], plan.Seeds(plan.Scale.Seeds).ToList());
        var arms = plan.HoldsWays.Select(w => (Way: w, Parts: seeds.Select(s => plan.Holds(model, s, w)).ToList())).ToList();
        return size => HoldsFigure.From(ReproducePlan.Short(model), [.. arms.Select(a => new HoldsArm(
            a.Way.Name,
            a.Parts.Average(p => p.Costs.Sum(c => (double)Json.Read<RunCost>(Path.Combine(c, RunFolder.CostFile)).GeneratedTokens)),
            new(model, [.. seeds.Zip(a.Parts, (s, p) => new SeededRows(s, Rows(p.Search)))]),
            [.. a.Parts.Select(p => p.Scores).OfType<string>()
                .Select(s => Json.Read<EvaluationSummary>(Path.Combine(s, PolicyEvaluation.FileName)))]))],
            HoldsWay.Control, size with { Models = [model] });
    }

    private static RlWay WayOf(ReproducePlan plan, IReadOnlyList<(int Seed, string Folder)> runs)
    {
        if (runs.Count == 0) return new(0, Credit.Own, 0);
        var settings = (RlSettings)plan.Parts.First(p => p.Folder == runs[0].Folder).Settled();
        return settings.FixedAlpha is { } alpha
            ? new(alpha, settings.ToOptions(alpha).Credit, settings.Rl.Rate)
            : throw new InvalidOperationException($"{runs[0].Folder} chooses its alpha");
    }

    internal static IReadOnlyList<TestTally> Tallies(string folder) =>
        [.. JsonLines.Read<Tally>(Path.Combine(folder, PolicyEvaluation.TalliesName))
        .Select(t => new TestTally(t.Problem, t.Right, t.Samples, t.Unsolved))];

    private static IEnumerable<(RlRow Row, RlRow Spent)> Measured(string folder) =>
        RlRow.Measured([.. JsonLines.Read<RlRow>(Path.Combine(folder, RlLoop.MetricsName))]);

    private static RlRun Run((int Seed, string Folder) run) => new(
        run.Seed,
        new((ulong)run.Seed,
            [.. Measured(run.Folder)
            .Select(m =>
            new RlPoint(m.Row.Iteration, m.Spent.GeneratedTokens, m.Spent.GeneratedTokens + m.Spent.ProverTokens,
            m.Row.ValidAccuracy!.Value))]),
        [.. JsonLines.Read<RlRow>(Path.Combine(run.Folder, RlLoop.MetricsName)).Where(r => r.NoProgress is not null)
            .Select(r => new LinePoint(r.Iteration, r.NoProgress!.Value))],
        Tallies(run.Folder),
        [.. JsonLines.Read<SearchRow>(Path.Combine(run.Folder, PolicyEvaluation.HardBeamName))
            .Select(b => new HardBeam(b.Problem, b.N, b.Correct))]);

    /// <summary>One search for each seed of the first so many base policies.</summary>
    private static Folders Searches(ReproducePlan plan, Func<string, int, string> search, int models = int.MaxValue) =>
        Searches(plan, search, [.. plan.Models.Take(models)], plan.Scale.Seeds);

    private static Folders Searches(ReproducePlan plan, Func<string, int, string> search, IReadOnlyList<string> models, int seeds) =>
        [.. models.Select(m => (m, (IReadOnlyList<(int, string)>)[.. plan.Seeds(seeds).Select(s => (s, search(m, s)))]))];

    private static IReadOnlyList<ModelRuns> Read(Folders runs) =>
        [.. runs.Select(m => new ModelRuns(ReproducePlan.Short(m.Model), [.. m.Runs.Select(r => new SeededRows(r.Seed, Rows(r.Folder)))]))];

    private static IReadOnlyList<SearchRow> Rows(string folder) => [.. JsonLines.Read<SearchRow>(Path.Combine(folder, "search.jsonl"))];

    private static RunSize Sized(RunSize size, Folders folders, IReadOnlyList<ModelRuns> runs) =>
        runs.Count == 0 ? size : size with
        {
            Models = [.. folders.Select(f => f.Model)], Seeds = runs.Max(m => m.Runs.Count), Problems = ProblemsOf(runs[0]),
        };

    private static int ProblemsOf(ModelRuns runs) => runs.Runs[0].Rows.Select(r => r.Problem).Distinct().Count();
}
