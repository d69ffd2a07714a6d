using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>
/// Every search method at equal generated tokens. A method's accuracy at a budget is read off its curve, linear in the logarithm of tokens
/// between neighbouring sizes (<see cref="LogTokens"/>); a budget outside the curve is left out.
/// </summary>
internal static class MethodsFigure
{
    /// <summary>Generated tokens per problem.</summary>
    public static IReadOnlyList<double> Budgets { get; } = [150, 300, 550, 1000, 2000, 4000, 6500];

    /// <summary>A curve's end may be off a budget by this share, as sizes are whole numbers.</summary>
    private const double Slack = 0.08;

    public static FigureSummary From(ModelRuns runs, string prover, RunSize size)
    {
        const string title = "Every search method at equal tokens";
        const string asks = "Which way to search answers most at a budget of generated tokens? Every method that pav has, with one "
            + "verifier, at budgets from three samples to 128.";
        var curves = SearchMethods.All.Select(m => (Method: m, Curve: SearchFigures.Curve(runs, m.Id, m.HasProver ? prover : null)))
            .Where(x => x.Curve is not null).ToList();
        var baseline = curves.Find(x => x.Method == SearchMethods.WeightedVote).Curve;
        if (curves.Count < 2 || baseline is null)
            return FigureSummary.NotRun("methods", title, asks, "Not run: it needs a search with --methods all.");
        var panels = curves.Where(x => x.Curve!.Points.Count > 1).GroupBy(x => x.Method.Kind).Select(kind => new Panel(
            $"{MethodKinds.Title(kind.Key)}, base policy {runs.Model}", "generated tokens per problem", "problems answered", true, true,
            [.. kind.Select((x, i) => new Line(x.Curve!.Name, $"series-{i}", At(x.Curve!), []))])).ToList();
        return new(
            "methods", title, asks, FigureVerdict.Measured, Sentence(curves!, baseline), "", panels, [.. Findings(curves!, baseline)],
            [$"Prover of the methods on Q + αA: {prover}. A row is a budget of generated tokens; between two sizes of a method its "
                + "accuracy is interpolated.",
                "Forests of width 1 and DVTS compare steps of one state only, where best-of-K orders them as Q does: on Q + αA they are "
                    + "the same search, and are left out."], size, Intervals.OfSearch);
    }

    private static List<LinePoint> At(Curve curve) =>
        [.. Budgets.Where(b => Covers(curve, b))
            .Select(b => LinePoint.From(b, curve.Bootstrapped(s => LogTokens.AccuracyAt(curve.On(s), b))))];

    private static double Tokens(CurvePoint p) => p.Tokens.Average(t => t.Average());

    private static bool Covers(Curve curve, double budget) => Tokens(curve.Points[0]) <= budget * (1 + Slack)
        && Tokens(curve.Points[^1]) >= budget * (1 - Slack);

    private static string Sentence(IReadOnlyList<(SearchMethod Method, Curve Curve)> curves, Curve baseline)
    {
        var end = baseline.Points[^1];
        var reach = curves.Where(x => x.Method != SearchMethods.WeightedVote && Comparisons.TokenRatio(x.Curve, baseline) is { Low: > 1 })
            .Select(x => x.Curve.Name).ToList();
        var accuracy = end.Correct.Average(c => c.Average()).ToString("0.0%", CultureInfo.InvariantCulture);
        return $"Not in the paper. The weighted vote of {end.N:0} samples answers {accuracy}; "
            + (reach.Count == 0 ? "no method reaches that with fewer tokens, as far as can be told." : "with fewer tokens than it needs "
                + $"itself, intervals above 1: {string.Join(", ", reach)}.");
    }

    /// <summary>The best method at each budget, and what each method saves against the weighted vote, the largest first.</summary>
    private static IEnumerable<Finding> Findings(IReadOnlyList<(SearchMethod Method, Curve Curve)> curves, Curve baseline)
    {
        foreach (var budget in Budgets)
        {
            var covering = curves.Where(x => Covers(x.Curve, budget)).Select(x => x.Curve).ToList();
            if (covering.Count == 0) continue;
            var best = covering.MaxBy(c => c.Bootstrapped(s => LogTokens.AccuracyAt(c.On(s), budget)).Value)!;
            yield return Finding.From(
                string.Create(CultureInfo.InvariantCulture, $"{budget:N0} tokens, best of {covering.Count} methods: {best.Name}"),
                best.Bootstrapped(s => LogTokens.AccuracyAt(best.On(s), budget)), "share");
        }

        foreach (var saved in curves.Where(x => x.Method.Search.Needs != Needs.Nothing).Select(x => Finding.From(
                $"{x.Curve.Name}: fewest tokens with which the weighted vote is as accurate as at its largest size, over those of this "
                    + "method (0: never)",
                Comparisons.TokenRatio(x.Curve, baseline), "times")).OrderByDescending(f => f.Value))
            yield return saved;
    }
}
