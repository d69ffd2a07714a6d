using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>Guided forests beside re-ranking and beams, at equal generated tokens, on many problems.</summary>
internal static class ForestFigure
{
    /// <summary>Generated tokens per problem.</summary>
    public static IReadOnlyList<double> Budgets { get; } = [300, 550, 1000, 2000, 4000, 6500];

    /// <summary>A curve's end may be off a budget by this share, as sizes are whole numbers.</summary>
    private const double Slack = 0.08;

    private const int NarrowBeam = 4;

    /// <summary>Votes and stops that forests are compared with.</summary>
    public static IReadOnlyList<string> Methods { get; } =
    [
        SearchMethods.Sample.Id, SearchMethods.Majority.Id, SearchMethods.BestByOutcome.Id, SearchMethods.BestByQ.Id,
        SearchMethods.WeightedVote.Id, SearchMethods.BeamByQ.Id, SearchMethods.BeamLikely.Id, SearchMethods.BeamByProgress.Id,
        SearchMethods.Forest.Id,
        SearchMethods.Forest.With(FinalChoice.LogOdds).Id, SearchMethods.Forest.With(FinalChoice.Majority).Id,
        SearchMethods.ForestInTurn.Id, SearchMethods.ForestUntilSure.Id,
    ];

    public static FigureSummary From(IReadOnlyList<ModelRuns> runs, string prover, RunSize size)
    {
        const string title = "Guided forests against re-ranking";
        const string asks = "Do guided trees that share nothing, and a vote weighted by Q, answer more than re-ranking at every budget?";
        var (panels, findings) = (new List<Panel>(), new List<Finding>());
        foreach (var model in runs)
        {
            Curve? Named(string id) => SearchFigures.Curve(model, id, SearchMethods.Find(id)!.HasProver ? prover : null);
            if (Named(SearchMethods.Forest.Id) is not { } forest || Named(SearchMethods.BestByOutcome.Id) is not { } ranked
                || Named(SearchMethods.WeightedVote.Id) is not { } vote) continue;
            var curves = Methods.Select(Named).OfType<Curve>().ToList();
            panels.Add(new($"Base policy {model.Model}", "generated tokens per problem", "problems answered", true, true,
                [.. curves.Where(c => c.Points.Count > 1).Select(c => c.ToLine())]));
            findings.AddRange(curves.Where(c => c.Kind is var kind
                && (kind == SearchMethods.ForestInTurn.Id || kind == SearchMethods.ForestUntilSure.Id))
                .SelectMany(c => Stopped(model.Model, c, vote)));
            findings.AddRange(Findings(model.Model, forest, ranked, vote));
            foreach (var beam in curves.Where(c => c.Kind == SearchMethods.BeamByQ.Id || c.Kind == SearchMethods.BeamLikely.Id
                || c.Kind == SearchMethods.BeamByProgress.Id))
                if (beam.At(NarrowBeam) is { } narrow && beam.Points[^1] is { N: > NarrowBeam } wide)
                    findings.Add(Finding.From($"{model.Model}: {beam.Name}, N = {wide.N} minus N = {NarrowBeam}",
                        beam.Bootstrapped(s => s.Mean(wide.Correct) - s.Mean(narrow.Correct)), "points"));
        }

        return panels.Count == 0
            ? FigureSummary.NotRun("forest", title, asks, "Not run: it needs searches with forests and an outcome verifier.")
            : new("forest", title, asks, FigureVerdict.Measured, Sentence(findings), "", panels, findings,
                ["Between two sizes of a method its accuracy is interpolated. When a forest stops is chosen on validation problems."],
                size, Intervals.OfSearch);
    }

    private static bool Covers(Curve curve, double budget) =>
        curve.Points[0].MeanTokens <= budget * (1 + Slack) && curve.Points[^1].MeanTokens >= budget * (1 - Slack);

    private static IEnumerable<Finding> Findings(string model, Curve forest, Curve ranked, Curve vote)
    {
        foreach (var budget in Budgets.Where(b => Covers(forest, b)))
        {
            yield return Finding.From(Invariant($"{model}: forest at {budget:N0} tokens"),
                forest.Bootstrapped(s => LogTokens.AccuracyAt(forest.On(s), budget)), "share");
            foreach (var other in new[] { ranked, vote }.Where(c => Covers(c, budget)))
                yield return Finding.From(Invariant($"{model}: forest minus {other.Name} at {budget:N0} tokens"),
                    forest.Bootstrapped(s => LogTokens.AccuracyAt(forest.On(s), budget) - LogTokens.AccuracyAt(other.On(s), budget)),
                    "points");
        }

        var steps = forest.Points.Zip(forest.Points.Skip(1)).ToList();
        if (steps.MinBy(p => p.Second.Accuracy - p.First.Accuracy) is ({ } a, { } b))
            yield return Finding.From($"{model}: forest, the least gain from one size to the next (N = {a.N} to {b.N})",
                forest.Bootstrapped(s => s.Mean(b.Correct) - s.Mean(a.Correct)), "points");
        yield return Saving(model, forest, vote);
    }

    /// <summary>A forest that stops by itself, at its largest size.</summary>
    private static IEnumerable<Finding> Stopped(string model, Curve curve, Curve vote)
    {
        var end = curve.Points[^1];
        yield return Finding.From($"{model}: {curve.Name}, at most {end.N} trees", curve.Bootstrapped(s => s.Mean(end.Correct)), "share");
        yield return Finding.From(
            $"{model}: {curve.Name}, at most {end.N} trees, generated tokens", curve.Bootstrapped(s => s.Mean(end.Tokens)), "tokens");
        yield return Saving(model, curve, vote);
    }

    private static Finding Saving(string model, Curve curve, Curve vote) => Finding.From(
        $"{model}: {curve.Name}: fewest tokens of the weighted vote for its accuracy at N = {vote.Points[^1].N}, over those of this method",
        Comparisons.TokenRatio(curve, vote), "times");

    private static string Sentence(IReadOnlyList<Finding> findings)
    {
        var over = findings.Where(f => f.What.Contains("forest minus Best-of-N", StringComparison.Ordinal)).ToList();
        return over.Count == 0 ? "Not in the paper; no budget has both a forest and best-of-N by the outcome verifier."
            : Invariant($"Not in the paper. Forests are {100 * over.Min(f => f.Value):0.0} to {100 * over.Max(f => f.Value):0.0} points ")
                + Invariant($"above best-of-N by the outcome verifier at equal tokens, the lowest interval from {100 * over.Min(f => f.Low):0.0}.");
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
