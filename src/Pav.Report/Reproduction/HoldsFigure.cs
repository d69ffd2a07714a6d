using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>A verifier, searched with over all seeds.</summary>
/// <param name="Tokens">Generated for the labels that it learned from, a search that visited their traces included; mean over the
/// seeds.</param>
/// <param name="Measured">What it is worth on labels of validation problems, of each seed; none where that is not asked.</param>
internal sealed record HoldsArm(string Name, double Tokens, ModelRuns Searched, IReadOnlyList<EvaluationSummary> Measured);

/// <summary>Which verifier, and which final choice, makes larger beams better beams.</summary>
internal static class HoldsFigure
{
    private const string Answered = "problems answered";

    private const int NarrowBeam = 4, MiddleBeam = 16;

    /// <summary>How far a beam may fall, by the low end of the interval, and still not count as falling.</summary>
    private const double Margin = 0.03;

    private static readonly (SearchMethod Method, string Words)[] Choices =
        [(SearchMethods.BeamByQ, "highest Q"), (SearchMethods.BeamLikely, "likely")];

    /// <summary>The final choices that are compared, on the same trees.</summary>
    public static IReadOnlyList<string> Methods { get; } = [.. Choices.Select(c => c.Method.Id)];

    /// <param name="arms">First the one without further labels.</param>
    /// <param name="control">The arm with as many further labels of fresh traces as others have of visited ones.</param>
    public static FigureSummary From(string model, IReadOnlyList<HoldsArm> arms, string control, RunSize size)
    {
        const string asks = "Which verifier, and which final choice, makes larger beams better beams? One beam on Q, with verifiers that "
            + "learned from other labels, by other losses, or as several judges; its answer is the trace of the highest Q, or that of a "
            + "vote by Q and the share of draws that led there (likely).";
        const string rule = "Reproduced: with some verifier the accuracy of the beam that answers by the highest Q does not fall from the "
            + "narrow to the widest beam, the interval of the difference being above -3 points, and the narrow beam is at most 3 points "
            + "below the first verifier's, as one that is bad at any size need not fall (the best of all verifiers counts, without "
            + "correction for their number); partly: that holds with some verifier for the beam that answers by likely; else not.";
        var curves = Choices.Select(c => arms.Select(a => SearchFigures.Curve(a.Searched, c.Method.Id)).ToList()).ToList();
        if (curves.Any(c => c.Any(curve => curve is not { Points.Count: > 1 })))
            return FigureSummary.NotRun("holds", "Verifiers that hold in large beams", asks, "Not run: it needs beams of two sizes.");
        var changes = curves.Select(c => c.Select(curve => Change(curve!)).ToList()).ToList();
        var good = curves.Select(c => c.Select(curve =>
            Accuracy(Narrow(curve!)) >= Accuracy(Narrow(c[0]!)) - Margin).ToList()).ToList();
        var holds = changes.Zip(good).Select(c => c.First.Zip(c.Second).Any(a => a.Second && a.First.Low > -Margin)).ToList();
        var findings = Choices.Index().SelectMany(c => Findings(model, c.Item.Words, arms, [.. curves[c.Index].OfType<Curve>()], control))
            .Concat(Choices.Index().SelectMany(c => Accuracies(model, c.Item.Words, arms, [.. curves[c.Index].OfType<Curve>()])))
            .Concat(arms.Select(a => new Finding($"{model}, {a.Name}: tokens generated for labels", a.Tokens, null, null, "tokens")))
            .Concat(arms.SelectMany(a => Measures(model, a, ends: a == arms[0])));
        var figure = SearchFigures.Sum("holds", "Verifiers that hold in large beams", asks, rule,
            [FigureVerdicts.From(holds[0], holds[1])],
            [.. Choices.Index().Select(c => new Panel(
                $"Base policy {model}, answer by {c.Item.Words}", "N: beam size", Answered, true, true,
                [.. curves[c.Index].Select((curve, i) => curve!.OverN(name: arms[i].Name, kind: $"series-{i}"))]))],
            [.. findings], size with { Problems = curves[0][0]!.Problems.Count, Seeds = curves[0][0]!.Seeds.Count },
            $"A beam need not fall: {Told(0)}",
            $"By the highest Q no beam is shown to hold ({Told(0)}), but by likely ({Told(1)})",
            $"No beam is shown to hold: {Told(0)}; {Told(1)}");
        return figure with
        {
            Notes =
            [
                "Both final choices take the same trees, whose tokens are spent once.",
                "Brackets behind AUCs and gaps are the range over seeds; a gap is the score minus the fresh Monte Carlo value of steps "
                    + "that the first verifier's beam kept, and grows where a search finds the verifier's mistakes.",
                "The traces of the policy on which AUC is measured also chose every verifier's checkpoint and calibrated it.",
                .. figure.Notes,
            ],
        };

        string Told(int choice)
        {
            static string Points(double share) => (100 * share).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture);
            var (arm, best, _) = arms.Zip(changes[choice], good[choice]).Where(c => c.Third).MaxBy(c => c.Second.Low);
            return $"by {Choices[choice].Words} from {Points(changes[choice][0].Value)} points ({arms[0].Name}) to {Points(best.Value)} "
                + $"[{Points(best.Low)}, {Points(best.High)}] ({arm.Name})";
        }
    }

    private static CurvePoint Narrow(Curve curve) => curve.At(NarrowBeam) ?? curve.Points[0];

    private static double Accuracy(CurvePoint point) => point.Correct.Average(seed => seed.Average());

    private static Interval Change(Curve curve) =>
        curve.Bootstrapped(s => s.Mean(curve.Points[^1].Correct) - s.Mean(Narrow(curve).Correct));

    private static IEnumerable<Finding> Findings(string model, string choice, IReadOnlyList<HoldsArm> arms, IReadOnlyList<Curve> curves,
        string control)
    {
        foreach (var (arm, curve) in arms.Zip(curves))
            yield return Finding.From($"{model}, {arm.Name}, {choice}: N = {curve.Points[^1].N} minus N = {Narrow(curve).N}",
                Change(curve), "points");
        var fresh = curves[arms.Index().First(a => a.Item.Name == control).Index];
        foreach (var (arm, curve) in arms.Zip(curves).Where(a => a.First.Name != control))
            foreach (var point in curve.Points.Where(p => p.N == MiddleBeam || p == curve.Points[^1]))
                if (fresh.At(point.N) is { } other)
                    yield return Finding.From($"{model}, {arm.Name} minus {control}, {choice}: N = {point.N}",
                        curve.Bootstrapped(s => s.Mean(point.Correct) - s.Mean(other.Correct)), "points");
    }

    private static IEnumerable<Finding> Accuracies(string model, string choice, IReadOnlyList<HoldsArm> arms,
        IReadOnlyList<Curve> curves) =>
        from pair in arms.Zip(curves)
        from point in new[] { Narrow(pair.Second), pair.Second.Points[^1] }.Distinct()
        select Finding.From($"{model}, {pair.First.Name}, {choice}: N = {point.N}", pair.Second.Bootstrapped(s => s.Mean(point.Correct)),
            "share");

    /// <param name="ends">At every size of the beam, not at the largest alone.</param>
    private static IEnumerable<Finding> Measures(string model, HoldsArm arm, bool ends)
    {
        Finding? Over(string what, IEnumerable<double?> values) => values.OfType<double>().ToList() is { Count: > 0 } known
            ? new($"{model}, {arm.Name}: {what}", known.Average(), known.Min(), known.Max(), "") : null;
        List<Finding?> found =
        [
            Over("AUC within problems, traces of the policy", arm.Measured.Select(m => m.Verifier?.AucWithin)),
            Over("AUC within problems, visited traces", arm.Measured.Select(m => m.VerifierVisited?.AucWithin)),
        ];
        var kept = arm.Measured.SelectMany(m => m.Gaps ?? []).Where(g => g.Kind == VisitedKind.Kept).GroupBy(g => g.N).OrderBy(g => g.Key)
            .ToList();
        found.AddRange(kept.Where(g => ends || g == kept[^1])
            .Select(g => Over($"gap of kept steps, N = {g.Key}", g.Select(x => (double?)x.Gap))));
        return found.OfType<Finding>();
    }
}
