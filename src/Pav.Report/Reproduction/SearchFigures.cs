using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>The searches of one base policy, one for each seed of labels and training.</summary>
internal sealed record ModelRuns(string Model, IReadOnlyList<SeededRows> Runs);

/// <summary>Figures 4, 5a, 5b, 5c and 6a from rows of searches.</summary>
internal static class SearchFigures
{
    private static readonly string Orm = SearchMethods.BestByOutcome.Id, Q = SearchMethods.BeamByQ.Id,
        Pav = SearchMethods.BeamByProgress.Id;
    private const string TokensAxis = "generated tokens per problem", Answered = "problems answered";

    /// <summary>Accuracy against compute: beam with PAV, best-of-N by the outcome verifier, Pass@N.</summary>
    public static FigureSummary Figure4(IReadOnlyList<ModelRuns> models, string prover, RunSize size)
    {
        const string asks = "How much more does beam search on the effective reward Q + αA (prover: best-of-4 of the base policy) answer "
            + "than best-of-N by an outcome verifier at equal compute, and how much compute does it save?";
        const string rule = "Reproduced: for every base policy the gain at equal tokens excludes zero and reaches 8 points, or the "
            + "saving excludes one and reaches 1.5 times; partly: one of the two excludes no gain for some base policy; else not.";
        var (panels, findings, grades) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>());
        foreach (var m in models)
        {
            if (Curve(m, Pav, prover) is not { } pav || Curve(m, Orm) is not { } orm) continue;
            panels.Add(new($"Base policy {m.Model}", TokensAxis, Answered, true, true, 
            [
                pav.ToLine(), orm.ToLine(), orm.ToLine(p => p.Pass, name: "Pass@N (a perfect judge of the same samples)", kind: "pass"),
                .. new[] { SearchMethods.Forest, SearchMethods.ForestInTurn }.Select(f => Curve(m, f.Id)?.ToLine()).OfType<Line>(),
            ]));
            var gain = Comparisons.AtEqualTokens(pav, orm);
            var ratio = Comparisons.TokenRatio(pav, orm);
            if (gain is { } g) findings.Add(Finding.From($"{m.Model}: beam minus best-of-N at equal tokens, mean over beam sizes "
                + $"{Sizes(Comparisons.Comparable(pav, orm))}", g, "points", "8 to 10 points (Fig. 4)"));
            findings.Add(Finding.From($"{m.Model}: fewest tokens with which best-of-N is as accurate as at N = {orm.Points[^1].N}, over "
                + "those of the beam (0: never)", ratio, "times", "1.5 to 5 (abstract), up to 10 (Sec. 4.1), at best-of-128"));
            grades.Add(FigureVerdicts.From(gain is { Low: > 0, Value: >= 0.08 }
                || ratio is { Low: > 1, Value: >= 1.5 }, gain is { Low: > 0 } || ratio is { Low: > 1 }));
        }

        return Sum("4", "Accuracy against compute", asks, rule, grades, panels, findings, size,
            "The beam answers more at equal tokens or as much with fewer, by as much as the paper reports",
                "Beam search on the effective reward is ahead of best-of-N, by less than the paper reports or not for every base policy",
            "No gain over best-of-N that the intervals could tell from noise");
    }

    /// <summary>All ways to use the verifiers at equal compute.</summary>
    public static FigureSummary Figure5a(IReadOnlyList<ModelRuns> models, string prover, RunSize size)
    {
        const string asks = "Is it progress that helps the search? Beam search on Q + αA beside the same beam on Q alone, re-ranking by "
            + "either verifier, and votes.";
        const string rule = "Reproduced: at equal tokens the beam on Q + αA is above the beam on Q and above best-of-N by the Q "
            + "verifier, both excluding zero; partly: one of the two; else not.";
        var (panels, findings, grades) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>());
        foreach (var m in models)
        {
            if (Curve(m, Pav, prover) is not { } pav || Curve(m, Q) is not { } q) continue;
            var lines = new[] { Pav, Q, Orm, SearchMethods.BestByQ.Id, SearchMethods.WeightedVote.Id,
                SearchMethods.Majority.Id }.Select(method => Curve(m, method, method == Pav ? prover : null)).OfType<Curve>().ToList();
            panels.Add(new($"Base policy {m.Model}", TokensAxis, Answered, true, true, [.. lines.Select(l => l.ToLine())]));
            var overQ = Comparisons.AtEqualTokens(pav, q);
            if (overQ is { } o) findings.Add(Finding.From($"{m.Model}: beam on Q + αA minus beam on Q at equal tokens, mean over beam "
                + $"sizes {Sizes(Comparisons.Comparable(pav, q))}", o, "points", "above it at every size (Fig. 5a)"));
            findings.Add(Finding.From($"{m.Model}: fewest tokens with which the beam on Q is as accurate as at its largest size, over "
                + "those of the beam on Q + αA (0: never)", Comparisons.TokenRatio(pav, q), "times", "8 (Fig. 5a)"));
            var overRanking = Curve(m, SearchMethods.BestByQ.Id) is { } ranked ? Comparisons.AtEqualTokens(pav, ranked) : null;
            if (overRanking is { } r) findings.Add(Finding.From($"{m.Model}: beam on Q + αA minus best-of-N by the Q verifier at equal "
                + "tokens", r, "points", "above it (Fig. 5a)"));
            grades.Add(FigureVerdicts.FromBoth(overQ is { Low: > 0 }, overRanking is { Low: > 0 }));
        }

        return Sum("5a", "Progress, Q alone, re-ranking and votes", asks, rule, grades, panels, findings, size,
            "Progress adds to Q: the beam on both is ahead of the beam on Q alone and of re-ranking",
                "Searching with the verifier, or adding progress to it, helps, but not both",
            "Neither adding progress to Q nor searching instead of re-ranking gains what could be told from noise");
    }

    /// <summary>How strong a prover: best-of-K over K.</summary>
    /// <param name="predicted">What rollouts predicted of each K before any training, scaled to the largest; empty where not run.</param>
    public static FigureSummary Figure5b(IReadOnlyList<ModelRuns> models, IReadOnlyList<int> beams, IReadOnlyList<Line> predicted,
        RunSize size)
    {
        const string asks = "How strong should the prover be? Beam search on Q + αA where A is measured under best-of-K of the base "
            + "policy: K = 1 is the base policy itself, a large K nearly always succeeds.";
        const string rule = "Reproduced: K = 4 does best, and better than the mean of the smallest and largest K with an interval that "
            + "excludes zero; partly: some other K in between does; else not.";
        var (panels, findings, grades) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>());
        foreach (var m in models)
        {
            var lines = beams.Select(n =>
                (N: n, Curve: Report.Curve.From($"beam of {n}", Pav, m.Runs, r => r.Method == Pav && r.N == n
                && ProverName.Strength(r.Prover) is not null, r => ProverName.Strength(r.Prover) ?? 0))).Where(l =>
                l.Curve is { Points.Count: > 1 }).ToList();
            if (lines.Count == 0) continue;
            panels.Add(new($"Base policy {m.Model}", "K of the prover best-of-K", Answered, true, true,
                [.. lines.Select((l, i) => l.Curve!.OverN(kind: $"series-{i}")), .. lines.Select((l, i) => Level(m, l.N, l.Curve!, i))
                    .OfType<Line>()]));
            var curves = lines.Select(l => l.Curve!).ToList();
            double Pooled(CrossedSample s, double k) => curves.Average(c => s.Mean(c.At(k)!.Correct));
            var shared = curves.Select(c => c.Points.Select(p => p.N)).Aggregate((a, b) => a.Intersect(b)).Order().ToList();
            var best = shared.MaxBy(k => curves.Average(c => c.At(k)!.Correct.Average(row => row.Average())));
            Interval OverExtremes(double k) =>
                curves[0].Bootstrapped(s => Pooled(s, k) - (Pooled(s, shared[0]) + Pooled(s, shared[^1])) / 2);
            findings.Add(new($"{m.Model}: K of the highest accuracy, over beam sizes {string.Join(", ", lines.Select(l => l.N))}", best,
                null, null, "", "4 (Fig. 5b)"));
            var four = shared.Contains(4) ? OverExtremes(4) : default;
            if (shared.Contains(4))
                findings.Add(Finding.From($"{m.Model}: K = 4 minus the mean of K = {shared[0]} and K = {shared[^1]}", four, "points",
                    "K = 4 above both (Fig. 5b)"));
            grades.Add(FigureVerdicts.From(best == 4 && four.Low > 0, best > shared[0] && best < shared[^1] && OverExtremes(best).Low > 0));
        }

        if (predicted.Count > 0)
            panels.Add(new("What rollouts predicted before any training", "K of the prover best-of-K", "score, relative to its largest",
                true, false, predicted));
        return Sum("5b", "How strong a prover", asks, rule, grades, panels, findings, size,
            "A prover of middling strength is best, K = 4 as in the paper",
                "A prover between the weakest and the strongest is best, though not at K = 4 for every base policy",
            "The strength of the prover makes no difference that could be told from noise, or the extremes are as good as the middle");

        Line? Level(ModelRuns m, int n, Curve over, int i)
        {
            if (Report.Curve.From($"beam of {n} on Q alone", Q, m.Runs, r => r.Method == Q && r.N == n)?.Points[0] is not { } level)
                return null;
            var mean = CrossedBootstrap.Mean(level.Correct);
            return new($"beam of {n} on Q alone", $"level-{i}", [new(over.Points[0].N, mean.Value), new(over.Points[^1].N, mean.Value)],
                []);
        }
    }

    /// <summary>Base policy × prover: each row one base policy, each column whose progress it is searched with.</summary>
    public static FigureSummary Figure5c(IReadOnlyList<ModelRuns> models, IReadOnlyList<string> missing, int n, RunSize size)
    {
        const string asks = "Whose progress should a base policy be searched with: its own, a weaker policy's, a stronger one's? Beam "
            + "search on Q + αA for each base policy with provers of each size.";
        var rule = "Reproduced: the largest base policy does better with some weaker prover than with itself, excluding zero; partly: "
            + "better, without excluding it; else not."
            + (models.Count > 2 ? $" The best of {models.Count - 1} weaker provers counts, without correction for their number." : "");
        if (models.Count < 2) return FigureSummary.NotRun("5c", "Base policy and prover", asks, "Not run: it needs two model sizes at "
            + $"least{(missing.Count == 0 ? "" : $"; {string.Join(", ", missing)} {(missing.Count == 1 ? "is" : "are")} not here")}.");
        var lines = new List<Line>();
        foreach (var (m, i) in models.Select((m, i) => (m, i)))
        {
            var points = models.Select((p, x) =>
                (X: x, Curve: Report.Curve.From("", Pav, m.Runs, r => r.Method == Pav && r.N == n && ProverOf(r) == p.Model)))
                .Where(x => x.Curve is not null)
                .Select(x => LinePoint.From(x.X + 1, CrossedBootstrap.Mean(x.Curve!.Points[0].Correct))).ToList();
            lines.Add(new($"base policy {m.Model}", $"series-{i}", points, []));
        }
        var largest = models[^1];
        var specialised = Report.Curve.From("", Pav, largest.Runs, r => r.Method == Pav && r.N == n && ProverOf(r) == largest.Model);
        var findings = new List<Finding>();
        var grades = new List<FigureVerdict>();
        foreach (var weaker in models.SkipLast(1))
        {
            if (specialised is null
                || Report.Curve.From("", Pav, largest.Runs, r => r.Method == Pav && r.N == n
                && ProverOf(r) == weaker.Model) is not { } other
                || Comparisons.AtEqualN(other, specialised, p => p.Correct) is not { } gain) continue;
            findings.Add(Finding.From($"base {largest.Model}: prover {weaker.Model} minus prover {largest.Model}, beam of {n}", gain,
                "points", "above 0 for the largest base (Fig. 5c)"));
            grades.Add(FigureVerdicts.From(gain.Low > 0, gain.Value > 0));
        }
        var summary = Sum("5c", "Base policy and prover", asks, rule, grades.Count == 0 ? [] : [grades.Min()],
            [new($"Beam of {n}", $"prover: {string.Join(", ", models.Select((m, i) => $"{i + 1} = {m.Model}"))}", Answered, false, true,
                lines)], findings, size,
            "For the largest base policy some weaker prover is better than its own progress",
                "For the largest base policy some weaker prover is ahead, within the noise",
                "For the largest base policy no weaker prover is ahead of its own progress");
        return missing.Count == 0 ? summary : summary with { Notes = [.. summary.Notes, $"Not here: {string.Join(", ", missing)}."] };

        // A verifier's folder is called verifier-MODEL-SEED.
        static string ProverOf(SearchRow row) => row.Prover is { } p && p.StartsWith("verifier-", StringComparison.Ordinal)
            ? p["verifier-".Length..p.LastIndexOf('-')] : "";
    }

    /// <summary>How much exploration: Pass@N and distinct traces of the beam.</summary>
    public static FigureSummary Figure6a(IReadOnlyList<ModelRuns> models, string prover, RunSize size)
    {
        const string asks = "Does progress keep a beam diverse? The chance that some trace in the final beam is right (Pass@N), and how "
            + "many different traces it holds, beside as many independent samples.";
        const string rule = "Reproduced: at equal N Pass@N is higher with Q + αA than with Q alone and than with independent samples, "
            + "both excluding zero; partly: one of the two; else not.";
        var (panels, findings, grades) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>());
        foreach (var m in models)
        {
            if (Curve(m, Pav, prover) is not { } pav || Curve(m, Q) is not { } q || Curve(m, SearchMethods.Majority.Id) is not { } iid)
                continue;
            var independent = iid with
            {
                Name = "independent samples", Kind = SearchMethods.Sample.Id,
                Points = [.. iid.Points.Where(p => p.N <= pav.Points[^1].N)],
            };
            Curve[] shown = [pav, q, independent];
            panels.Add(new($"Pass@N, base policy {m.Model}", "N: beam size, or samples", "some trace is right", true, true,
                [.. shown.Select(c => c.OverN(p => p.Pass))]));
            panels.Add(new($"Pass@N at equal compute, base policy {m.Model}", TokensAxis, "some trace is right", true, true,
                [.. new[] { pav, q, shown[2] with { Points = iid.Points } }.Select(c => c.ToLine(p => p.Pass))]));
            panels.Add(new($"Different traces, base policy {m.Model}", "N: beam size, or samples", "different traces", true, false,
                [.. shown.Select(c => c.OverN(p => p.Distinct))]));
            var overQ = Comparisons.AtEqualN(pav, q, p => p.Pass);
            var overIid = Comparisons.AtEqualN(pav, iid, p => p.Pass);
            if (overQ is { } x) findings.Add(Finding.From($"{m.Model}: Pass@N of the beam on Q + αA minus that of the beam on Q, mean "
                + "over N", x, "points", "above 0 (Fig. 6a)"));
            if (overIid is { } y) findings.Add(Finding.From($"{m.Model}: Pass@N of the beam on Q + αA minus that of N independent "
                + "samples, mean over N", y, "points", "above 0 (Fig. 6a)"));
            grades.Add(FigureVerdicts.FromBoth(overQ is { Low: > 0 }, overIid is { Low: > 0 }));
        }

        return Sum("6a", "Exploration: what the beam holds", asks, rule, grades, panels, findings, size,
            "A beam on Q + αA holds a right trace more often than one on Q and than independent samples",
                "A beam on Q + αA holds a right trace more often than one of the two it is compared with",
            "Progress does not make the beam hold a right trace more often");
    }

    internal static Curve? Curve(ModelRuns m, string method, string? prover = null, IReadOnlyCollection<string>? on = null) =>
        Report.Curve.From(NameOf(method, prover), method, m.Runs, r => r.Method == method
            && (prover is null || r.Prover == prover), on: on);

    internal static string NameOf(string method, string? prover = null) =>
        (SearchMethods.Find(method)?.Label ?? method) + (prover is null ? "" : $" ({prover})");

    internal static string Sizes(IReadOnlyList<CurvePoint> points) =>
        string.Join(", ", points.Select(p => p.N.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A figure with the α of its beams on Q + αA.</summary>
    public static FigureSummary WithAlpha(FigureSummary figure, IReadOnlyList<ModelRuns> models)
    {
        static string Text(double? alpha) => alpha?.ToString(CultureInfo.InvariantCulture) ?? "";
        string Alphas(ModelRuns m)
        {
            var bySeed = m.Runs.Select(r =>
                (r.Seed, Alpha: string.Join(", ", r.Rows.Where(x => x.Method == Pav).Select(x => x.Alpha).Distinct().Order().Select(Text))))
                .ToList();
            return $"{m.Model} {(bySeed.DistinctBy(s => s.Alpha).Count() == 1 ? bySeed[0].Alpha : string.Join(", ", bySeed.Select(s => $"{s.Alpha} (seed {s.Seed})")))}";
        }

        return figure.Verdict == FigureVerdict.NotRun
            ? figure : figure with { Notes = [$"α of the beams on Q + αA: {string.Join("; ", models.Select(Alphas))}.", .. figure.Notes] };
    }

    /// <summary>Seeds below which no figure counts as reproduced.</summary>
    internal const int FewestSeeds = 3;

    /// <summary>The verdict over base policies: reproduced where it is for all, not where it is for none, else partly, and partly at most
    /// where seeds are too few; with the sentence for it.</summary>
    internal static FigureSummary Sum(
        string figure, string title, string asks, string rule, IReadOnlyList<FigureVerdict> grades, IReadOnlyList<Panel> panels,
            IReadOnlyList<Finding> findings, RunSize size, string reproduced, string partly, string not,
        string intervals = Intervals.OfSearch)
    {
        if (grades.Count == 0) return FigureSummary.NotRun(figure, title, asks, "Not run: the runs hold nothing for it.");
        var verdict = grades.All(g => g == FigureVerdict.Reproduced)
            ? FigureVerdict.Reproduced : grades.All(g => g == FigureVerdict.NotReproduced)
            ? FigureVerdict.NotReproduced : FigureVerdict.Partly;
        var few = verdict == FigureVerdict.Reproduced && size.Seeds < FewestSeeds;
        if (few) (verdict, partly) =
            (FigureVerdict.Partly, $"{reproduced}, but on {(size.Seeds == 1 ? "one seed" : $"{size.Seeds} seeds")} only");
        var words = verdict switch { FigureVerdict.Reproduced => $"Reproduced. {reproduced}", FigureVerdict.Partly =>
            $"Partly reproduced. {partly}", _ => $"Not reproduced. {not}" };
        var seeds = size.Seeds == 1 ? "One seed: the intervals are over problems alone." : size.Seeds < FewestSeeds
            ? "Two seeds: too few for the intervals to say what other seeds would show." : null;
        return new(figure, title, asks, verdict, $"{words}.", $"{rule} With fewer than {FewestSeeds} seeds partly at most.", panels,
            findings, seeds is null ? [] : [seeds], size, intervals);
    }
}
