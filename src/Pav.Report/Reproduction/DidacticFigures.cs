using System.Globalization;
using Pav.Didactic;

namespace Pav.Report.Reproduction;

/// <summary>Figures 3 and 9: the didactic task.</summary>
internal static class DidacticFigures
{
    private const string Iterations = "policy gradient iterations", Found = "sequences that hold the planted one";

    /// <summary>Speed, the prover's strength, Pass@N.</summary>
    public static FigureSummary Figure3(DidacticSummary s, RunSize size)
    {
        const string asks = "A task made to be understood: find a hidden sub-sequence. How much faster does progress under a prover of "
            + "strength γ lead there than the outcome alone, and how strong should the prover be?";
        const string rule = "Reproduced: 99% is reached with ten times fewer iterations than by outcome reward (or that never gets there "
            + "in ten times as many), and the best γ lies between the smallest and largest with the largest below its range; partly: one "
            + "of the two, or twice as fast; else not.";
        var (dense, outcome) = (s.Speed(s.Length, StepReward.AMuAllActions), s.Speed(s.Length, StepReward.Outcome));
        if (dense is null || outcome is null)
            return FigureSummary.NotRun("3", "The didactic task", asks, "Not run: the run holds no training of both kinds.");
        var adam = s.Strengths.Where(r => r.Method == GradientMethod.Adam).GroupBy(r => r.Rollouts)
            .Select(g => g.OrderBy(r => r.Gamma).ToList()).Where(g => g.Count > 1).ToList();
        var sgd = s.Strengths.Where(r => r.Method == GradientMethod.Sgd).OrderBy(r => r.Gamma).ToList();
        var panels = new List<Panel>
        {
            new($"Fig. 3a: |y*| = {s.Length}, γ = {Text(s.Gamma)}", Iterations, Found, false, true,
                [.. s.Curves.Where(c => c.Length == s.Length && c.Reward is StepReward.AMuAllActions or StepReward.Outcome)
                    .Select(c =>
                    LineFrom(c, c.Reward == StepReward.Outcome ? "outcome only" : "outcome and progress", c.Reward == StepReward.Outcome
                    ? "series-1" : "series-0"))]),
            new("Fig. 3b: strength of the prover", "γ", $"mean accuracy over {s.Iterations} iterations", true, true,
                [.. adam.Select((g, i) => Strength(g, g[0].Rollouts == 0 ? "Adam, exact values" : $"Adam, {g[0].Rollouts} rollouts per "
                    + "value", $"series-{i}")), .. sgd.Count > 1 ? new[] { Strength(sgd, "plain gradient descent", "series-2") } : []]),
        };
        panels.AddRange(s.Passes.GroupBy(p => p.Length).Select(g => new Panel($"Fig. 3c: Pass@N after {PlantedRow.Hundred} iterations, "
            + $"|y*| = {g.Key}", "N samples", "some sample is right", true, true,
            [.. g.Select(p =>
                new Line(p.Reward == StepReward.Outcome ? "outcome only" : "outcome and progress", p.Reward == StepReward.Outcome
                ? "series-1" : "series-0", [.. p.Points.Select(x => new LinePoint(x.N, x.Pass, x.Low, x.High))], []))])));

        // An outcome run that never got there needs more than its cap.
        var ratio = dense.To99.Median is { } fast && fast > 0 ? (outcome.To99.Median ?? outcome.Cap) / (double)fast : (double?)null;
        var (tenfold, faster) = (ratio >= 10, ratio >= 2);
        var exact = adam.FirstOrDefault(g => g[0].Rollouts == 0);
        var best = exact?.MaxBy(r => r.Mean);
        var interior = best is not null && best != exact![0] && best != exact[^1] && exact[^1].Mean < best.Low;
        List<Finding> findings =
        [
            new($"iterations to 99%, median of {dense.Seeds} seeds, outcome and progress", dense.To99.Median, dense.To99.First,
                dense.To99.Last, "iterations", "100% at 350 (Fig. 3a)"),
            new($"outcome only{(outcome.To99.Median is null ? $": not within {outcome.Cap}" : "")}", outcome.To99.Median,
                outcome.To99.Median is null ? null : outcome.To99.First, outcome.To99.Median is null
                ? null : outcome.To99.Last, "iterations"),
            new(outcome.To99.Median is null ? "the ratio is at least" : "the ratio", ratio, null, null, "times", "10 (Fig. 3a)"),
        ];
        if (best is not null) findings.Add(new("best γ", best.Gamma, null, null, "", "about 8 to 15 only (Fig. 3b)"));
        return SearchFigures.Sum("3", "The didactic task", asks, rule,
            [FigureVerdicts.From(tenfold && interior, tenfold || interior || faster)], panels, findings,
            size with { Seeds = dense.Seeds, Models = ["a masked network"] },
            "Progress is ten times faster than the outcome, and a prover of middling strength is best",
                $"Progress is {(tenfold ? "ten times" : "somewhat")} faster than the outcome; "
                + $"{(interior ? "a prover of middling strength is best" : "no upper limit of γ shows: strong provers are as good")}",
            "Progress is not faster than the outcome", Intervals.OfDidactic) with { Notes = s.Findings };
    }

    /// <summary>What might stand in the place of A^μ.</summary>
    public static FigureSummary Figure9(DidacticSummary s, RunSize size)
    {
        const string asks = "What else might reward a step: Q^μ, progress under the policy itself, the sums of either to go? The same "
            + "task with each in the place of A^μ.";
        StepReward[] order = [StepReward.AMuAllActions, StepReward.AMu, StepReward.QMu, StepReward.APi, StepReward.AMuToGo,
            StepReward.QMuToGo, StepReward.Outcome];
        var panels = s.Curves.Where(c => s.Curves.Any(o => o.Length == c.Length && o.Reward is StepReward.QMu or StepReward.AMuToGo))
            .GroupBy(c => c.Length)
            .Select(g =>
                new Panel($"|y*| = {g.Key}", Iterations, Found, false, true,
                [.. g.OrderBy(c => Array.IndexOf(order, c.Reward))
                .Select(c => LineFrom(c, Name(c.Reward), $"series-{Array.IndexOf(order, c.Reward)}"))])).ToList();
        var findings = s.Speeds.Where(r => panels.Any(p => p.Title == $"|y*| = {r.Length}")).OrderBy(r => r.Length)
            .ThenBy(r => Array.IndexOf(order, r.Reward))
            .Select(r =>
                new Finding($"|y*| = {r.Length}, {Name(r.Reward)}: seeds of {r.Seeds} that reach 99% within {r.Cap} iterations",
                r.To99.Reached, null, null, "")).ToList();
        if (panels.Count == 0) return FigureSummary.NotRun("9", "What might stand in the place of progress", asks, "Not run: the run "
            + "compares no other rewards.");
        return new("9", "What might stand in the place of progress", asks, FigureVerdict.Measured,
            "Measured beside the paper's appendix: which step rewards find the planted sequence, and how often.", "", panels, findings, [],
            size with { Seeds = s.Speeds.Max(r => r.Seeds), Models = ["a masked network"] }, Intervals.OfDidactic);
    }

    private static string Name(StepReward reward) => reward switch
    {
        StepReward.AMuAllActions => "A^μ over all actions", StepReward.AMu => "A^μ of the sampled action", StepReward.QMu =>
            "Q^μ", StepReward.APi => "A^π",
        StepReward.AMuToGo => "A^μ to go", StepReward.QMuToGo => "Q^μ to go", _ => "outcome only",
    };

    private static Line LineFrom(AccuracyCurve c, string name, string kind) =>
        new(name, kind,
        [.. c.Points.Select(p => new LinePoint(p.Iteration, p.Median, c.Seeds > 1 ? p.Low : null, c.Seeds > 1 ? p.High : null))], []);

    private static Line Strength(IReadOnlyList<StrengthRow> rows, string name, string kind) =>
        new(name, kind, [.. rows.Select(r => new LinePoint(r.Gamma, r.Mean, r.Seeds > 1 ? r.Low : null, r.Seeds > 1 ? r.High : null))], []);

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
