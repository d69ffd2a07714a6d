using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>One way to spend a budget of labels: the labels of each seed, and the search with the verifier that learned from
/// them.</summary>
/// <param name="Rollouts">Traces that were sampled for the labels of each seed, seed traces and completions alike.</param>
/// <param name="Pit">Completions up to the first pit; null where seeds are random.</param>
internal sealed record LabelCellRuns(int NCov, int NMc, int? Pit, IReadOnlyList<double> Rollouts, IReadOnlyList<SeededRows> Runs)
{
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{NCov} × {NMc}{(Pit is { } p ? $", first pit {p}" : "")}");
}

/// <summary>Figures 6b and 11: what labels are worth.</summary>
internal static class LabelFigures
{
    private const string Axis = "rollouts for labels (log)", Answered = "problems answered";

    /// <summary>Coverage against precision of labels.</summary>
    public static FigureSummary Figure6b(string model, IReadOnlyList<LabelCellRuns> cells, int beam, RunSize size)
    {
        const string asks = "How should a budget of labels be spent: many solutions with few completions of each prefix (coverage), or "
            + "few solutions with many (precision)? A verifier is trained on each kind of labels, with the same number of steps, and "
            + "searched with.";
        const string rule = "Reproduced: of pairs a × b and b × a (solutions × completions), coverage is ahead at the smallest budget "
            + "and precision at the largest, both excluding zero; partly: one of the two; else not.";
        var random = cells.Where(c => c.Pit is null).ToList();
        Line LineOf(string name, string kind, Func<LabelCellRuns, bool> which) =>
            new(name, kind, [.. random.Where(which).OrderBy(c => c.Rollouts.Average()).Select(c => PointOf(c))], []);
        Line[] lines =
        [
            LineOf("more solutions (n_cov > n_mc)", "series-0", c => c.NCov > c.NMc),
            LineOf("more completions (n_mc > n_cov)", "series-1", c => c.NMc > c.NCov),
            LineOf("as many of both", "series-2", c => c.NMc == c.NCov),
        ];
        var pairs = (from a in random
                     from b in random
                     where a.NCov > a.NMc && b.NCov == a.NMc && b.NMc == a.NCov
                     orderby a.NCov * a.NMc, a.NCov
                     select (Coverage: a, Precision: b)).ToList();
        var differences = pairs.Select(p => (Pair: p, Gain: Difference(p.Coverage, p.Precision))).Where(p => p.Gain is not null)
            .Select(p => (p.Pair, Gain: p.Gain!.Value)).ToList();
        var findings = differences.Select(d =>
            Finding.From($"{model}: {d.Pair.Coverage.Name} minus {d.Pair.Precision.Name}", d.Gain, "points")).ToList();
        if (findings.Count > 0) findings[0] = findings[0] with { Paper = "coverage ahead while the budget is small (Sec. 4.2, Fig. 6b)" };
        if (findings.Count > 1) findings[^1] = findings[^1] with { Paper = "precision ahead once it is large" };
        var (first, last) = (differences.Count > 0 && differences[0].Gain.Low > 0, differences.Count > 1 && differences[^1].Gain.High < 0);
        FigureVerdict[] grades = differences.Count == 0 ? [] : [FigureVerdicts.FromBoth(first, last)];
        return SearchFigures.Sum("6b", "How to spend a budget of labels", asks, rule, grades,
            [new($"Base policy {model}, beam of {beam} on Q", Axis, Answered, true, true, [.. lines.Where(l => l.Points.Count > 0)])],
            findings, size,
            "Coverage first, then precision, as the paper advises",
                "One half of the paper's advice, coverage first and then precision, shows",
                "Neither coverage at small budgets nor precision at large ones is ahead by more than the noise");
    }

    /// <summary>First-pit labels against random ones at equal budgets.</summary>
    public static FigureSummary Figure11(string model, IReadOnlyList<LabelCellRuns> cells, int beam, RunSize size)
    {
        const string asks = "Is it better to spend completions around the first pit, the step at which a promising solution is lost, "
            + "than alike on all prefixes? Verifiers trained on either kind of labels, at equal rollouts.";
        const string rule = "Reproduced: the mean difference at equal rollouts is above zero, excluding it; partly: above zero only at "
            + "the smallest budget, excluding it; else not.";
        var random = cells.Where(c => c.Pit is null).OrderBy(c => c.Rollouts.Average()).ToList();
        var pits = cells.Where(c => c.Pit is not null).OrderBy(c => c.Rollouts.Average()).ToList();
        if (random.Count == 0 || pits.Count == 0)
            return FigureSummary.NotRun("11", "First pits", asks, "Not run: it needs labels of both kinds.");
        Interval? Gain(IReadOnlyList<LabelCellRuns> group)
        {
            var curves = group.Select(CurveOf).ToList();
            var others = random.Select(c => (Rollouts: c.Rollouts.Average(), Curve: CurveOf(c))).ToList();
            if (curves.Any(c => c is null) || others.Any(o => o.Curve is null)) return null;
            return curves[0]!.Bootstrapped(s =>
                group.Select((c, i) =>
                s.Mean(curves[i]!.Points[0].Correct)
                - LogTokens.AccuracyAt([.. others.Select(o => (o.Rollouts, s.Mean(o.Curve!.Points[0].Correct)))], c.Rollouts.Average()))
                .Average());
        }

        var (all, smallest) = (Gain(pits), Gain([pits[0]]));
        Line LineOf(string name, string kind, IReadOnlyList<LabelCellRuns> which) => new(name, kind, [.. which.Select(PointOf)], []);
        var inside = pits.All(p => p.Rollouts.Average() >= random[0].Rollouts.Average()
            && p.Rollouts.Average() <= random[^1].Rollouts.Average());
        var summary = SearchFigures.Sum("11", "First pits", asks, rule,
            all is not { } a || smallest is not { } s0 ? [] : [FigureVerdicts.From(a.Low > 0, s0.Low > 0)],
            [new($"Base policy {model}, beam of {beam} on Q", Axis, Answered, true, true,
                [LineOf("random seeds", SearchMethods.BeamByQ.Id, random), LineOf("first pits", SearchMethods.BeamByProgress.Id, pits)])],
            all is null ? [] : [Finding.From($"{model}: first pits minus random seeds at equal rollouts, mean over {pits.Count} "
                + $"budget{(pits.Count == 1 ? "" : "s")}", all.Value, "points", "above 0, most of all with few seeds (Fig. 11)")], size,
            "Labels around first pits are worth more than as many rollouts spent alike",
                "Labels around first pits are worth more at the smallest budget alone",
                "Labels around first pits are worth no more than as many rollouts spent alike, as far as can be told");
        return inside ? summary : summary with { Notes = [.. summary.Notes, "Some first-pit budget lies outside the range of the random "
            + "ones and is compared with the nearest of them."] };
    }

    private static Curve? CurveOf(LabelCellRuns cell) =>
        Report.Curve.From(cell.Name, SearchMethods.BeamByQ.Id, cell.Runs, r => r.Method == SearchMethods.BeamByQ.Id);

    private static LinePoint PointOf(LabelCellRuns cell) =>
        LinePoint.From(cell.Rollouts.Average(), CrossedBootstrap.Mean(CurveOf(cell)!.Points[0].Correct));

    private static Interval? Difference(LabelCellRuns a, LabelCellRuns b) => CurveOf(a) is { } x && CurveOf(b) is { } y
        ? x.Bootstrapped(s => s.Mean(x.Points[0].Correct) - s.Mean(y.Points[0].Correct)) : null;
}
