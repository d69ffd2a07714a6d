using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>What goes beyond the paper's figures, or stands in its text only: the oracle's ceiling, α, the compute-optimal
/// frontier.</summary>
internal static class FurtherFigures
{
    private const string TokensAxis = "generated tokens per problem", Answered = "problems answered";

    /// <summary>Searches with Monte Carlo values beside those with the verifier, on the same problems.</summary>
    public static FigureSummary Ceiling(IReadOnlyList<ModelRuns> models, string prover, int rollouts, RunSize size)
    {
        var asks = $"What is lost to the verifier, and what to the search? The same beams with Monte Carlo values ({rollouts} "
            + "completions of each step) in the verifier's place.";
        var (panels, findings) = (new List<Panel>(), new List<Finding>());
        foreach (var m in models)
        {
            if (SearchFigures.Curve(m, SearchMethods.OracleBeamByQ.Id) is not { } oracle) continue;
            var lines = new[] { SearchMethods.OracleBeamByQ.Id, SearchMethods.OracleBeamByProgress.Id, SearchMethods.BeamByQ.Id,
                SearchMethods.BeamByProgress.Id }.Select(method =>
                SearchFigures.Curve(m, method, method.EndsWith("pav", StringComparison.Ordinal) ? prover : null, oracle.Problems))
                .OfType<Curve>().ToList();
            panels.Add(new($"Base policy {m.Model}, {oracle.Problems.Count} problems", TokensAxis, Answered, true, true,
                [.. lines.Select(l => l.ToLine())]));
            foreach (var (learned, exact) in new[] { (SearchMethods.BeamByQ.Id, SearchMethods.OracleBeamByQ.Id),
                (SearchMethods.BeamByProgress.Id, SearchMethods.OracleBeamByProgress.Id) })
            {
                if (lines.FirstOrDefault(l => l.Kind == learned) is not { } a || lines.FirstOrDefault(l => l.Kind == exact) is not { } b
                    || Comparisons.AtEqualN(b, a, p => p.Correct) is not { } lost) continue;
                findings.Add(Finding.From($"{m.Model}: {b.Name} minus {a.Name}, mean over beam sizes {SearchFigures.Sizes(b.Points)}: "
                    + "lost to the verifier", lost, "points"));
            }

            findings.Add(Finding.From($"{m.Model}: not answered by the beam of {oracle.Points[^1].N} on exact Q: lost to the search and "
                + "the policy", oracle.Bootstrapped(s => 1 - s.Mean(oracle.Points[^1].Correct)), "points"));
        }

        return panels.Count == 0 ? FigureSummary.NotRun("ceiling", "The oracle's ceiling", asks, "Not run: no search with an oracle.")
            : new("ceiling", "The oracle's ceiling", asks, FigureVerdict.Measured,
                "Not in the paper. The gap between a curve and its oracle is the verifier's loss, what the oracle leaves is the search's "
                + "and the policy's.", "", panels, findings, [], size, Intervals.OfSearch);
    }

    /// <summary>Accuracy of one beam over α; 0 is Q alone.</summary>
    /// <param name="alone">The searches whose beam on Q stands for α = 0.</param>
    public static FigureSummary Alpha(IReadOnlyList<ModelRuns> models, IReadOnlyList<ModelRuns> alone, int beam, string prover,
        RunSize size)
    {
        const string asks = "How much does the weight α of progress matter? One beam at every α; at 0 it is the beam on Q alone.";
        const string rule = "Reproduced: the mean over all α from 0.2 to 0.6 is above α = 0, excluding zero, for every base policy; "
            + "partly: for some; else not.";
        var (panels, findings, grades) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>());
        foreach (var (m, q) in models.Zip(alone))
        {
            var both = m with { Runs =
                [.. m.Runs.Select(r =>
                r with { Rows = [.. r.Rows.Where(x => x.Method == SearchMethods.BeamByProgress.Id && x.Prover == prover && x.N == beam),
                .. q.Runs.First(s => s.Seed == r.Seed).Rows.Where(x => x.Method == SearchMethods.BeamByQ.Id && x.N == beam)] })] };
            if (Report.Curve.From($"beam of {beam} on Q + αA ({prover})", SearchMethods.BeamByProgress.Id, both.Runs, _ => true, r =>
                r.Alpha ?? 0) is not { Points.Count: > 1 } curve) continue;
            panels.Add(new($"Base policy {m.Model}", "α", Answered, false, true, [curve.OverN()]));
            var help = curve.Points.Where(p => p.N is >= 0.2 and <= 0.6).ToList();
            if (curve.At(0) is not { } zero || help.Count == 0) continue;
            var gain = curve.Bootstrapped(s => help.Average(p => s.Mean(p.Correct)) - s.Mean(zero.Correct));
            findings.Add(Finding.From($"{m.Model}: mean over α = {SearchFigures.Sizes(help)} minus α = 0", gain, "points",
                "above 0: α from 0.2 to 0.6 all help; best 0.5 (2B, 9B) and 0.2 (27B)"));
            grades.Add(gain.Low > 0 ? FigureVerdict.Reproduced : FigureVerdict.NotReproduced);
        }

        return SearchFigures.Sum("alpha", "The weight of progress", asks, rule, grades, panels, findings, size,
            "Weights from 0.2 to 0.6 help", "Weights from 0.2 to 0.6 help for some base policies",
                "No weight of progress helps by more than the noise");
    }

    private sealed record Setting(string Name, double Tokens, double Accuracy, CurvePoint Test, double TestTokens);

    /// <summary>Which method and size to use at which budget, chosen on validation problems and checked on test problems.</summary>
    public static FigureSummary Frontier(IReadOnlyList<ModelRuns> validation, IReadOnlyList<ModelRuns> test, string prover, RunSize size)
    {
        const string asks = "Which method and size is best at which budget? At each budget the setting that answers most validation "
            + "problems within it is chosen, and its accuracy on test problems is shown beside that of the best setting in hindsight.";
        var (panels, findings) = (new List<Panel>(), new List<Finding>());
        foreach (var (v, t) in validation.Zip(test))
        {
            var settings = new List<Setting>();
            Curve? any = null;
            foreach (var method in SearchMethods.All.Where(m => !m.ByOracle).Select(m => m.Id))
            {
                var by = SearchMethods.Find(method)!.HasProver ? prover : null;
                if (SearchFigures.Curve(v, method, by) is not { } a || SearchFigures.Curve(t, method, by) is not { } b) continue;
                any ??= b.Seeds.Count == t.Runs.Count ? b : null;
                settings.AddRange(from p in a.Points let q = b.At(p.N) where q is not null && b.Seeds.Count == t.Runs.Count
                    select new Setting(string.Create(CultureInfo.InvariantCulture, $"{a.Name}, N = {p.N}"),
                        p.Tokens.Average(x => x.Average()), p.Correct.Average(x => x.Average()), q, q.Tokens.Average(x => x.Average())));
            }

            if (any is null) continue;
            var budgets = settings.Select(s => s.Tokens).Order().ToList();
            var chosen = budgets.Select(b => settings.Where(s => s.Tokens <= b).MaxBy(s => s.Accuracy)!).ToList();
            var hindsight = budgets.Select(b => settings.Where(s => s.Tokens <= b).MaxBy(s => s.Test.Correct.Average(x => x.Average()))!)
                .ToList();
            LinePoint Point(double budget, Setting s) => LinePoint.From(budget, CrossedBootstrap.Mean(s.Test.Correct));
            panels.Add(new($"Base policy {t.Model}", "budget: generated tokens per problem", Answered, true, true,
            [
                new("chosen on validation problems", SearchMethods.BeamByProgress.Id, [.. budgets.Zip(chosen, Point)], []),
                new("best in hindsight", "other", [.. budgets.Zip(hindsight, (b, s) => Point(b, s) with { Low = null, High = null })], []),
            ]));
            findings.Add(Finding.From($"{t.Model}: best in hindsight minus chosen, mean over budgets",
                any.Bootstrapped(s => hindsight.Zip(chosen, (h, c) => s.Mean(h.Test.Correct) - s.Mean(c.Test.Correct)).Average()),
                "points"));
            foreach (var (from, setting) in budgets.Zip(chosen).Where((x, i) => i == 0 || x.Second != chosen[i - 1]))
                findings.Add(new($"{t.Model}: from {from.ToString("N0", CultureInfo.InvariantCulture)} tokens on: {setting.Name}; on "
                    + "test problems", setting.Test.Correct.Average(x => x.Average()), null, null, "share"));
        }

        return panels.Count == 0 ? FigureSummary.NotRun("frontier", "Which method at which budget", asks, "Not run: it needs searches of "
            + "validation and test problems.")
            : new("frontier", "Which method at which budget", asks, FigureVerdict.Measured,
                "Not in the paper. What to use at a budget, chosen without looking at the test problems.", "", panels, findings,
                size.Seeds == 1 ? ["One seed: the intervals are over problems alone."] : [], size,
                Intervals.OfSearch);
    }
}
