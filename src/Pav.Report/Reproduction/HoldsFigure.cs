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
        var drawn = curves.Select(c => c.OfType<Curve>().ToList()).ToList();
        var fresh = arms.Index().First(a => a.Item.Name == control).Index;
        var findings = Choices.Index().SelectMany(c => Findings(c.Index, c.Item.Words));
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
            Table = new(
                [
                    "verifier", "answer by", "right at " + At(c => Narrow(c).N), "right at " + At(c => c.Points[^1].N), "change between",
                    $"minus {control} at N = {MiddleBeam}", $"minus {control} at " + At(c => c.Points[^1].N), "tokens for labels",
                    "AUC, policy's traces", "AUC, visited traces", "gap at the widest",
                ],
                [.. Choices.Index().SelectMany(c => arms.Index().Select(a => Row(
                    a.Item, c.Item.Words, drawn[c.Index][a.Index], a.Item.Name == control ? null : drawn[c.Index][fresh])))]),
            Notes =
            [
                "Both final choices take the same trees, whose tokens are spent once.",
                "Differences are in points; brackets behind AUCs and gaps are the range over seeds. A gap is the score minus the fresh "
                    + "Monte Carlo value of steps that the first verifier's beam kept, and grows where a search finds the verifier's "
                    + "mistakes.",
                "The traces of the policy on which AUC is measured also chose every verifier's checkpoint and calibrated it.",
                .. Gaps(arms[0]), .. figure.Notes,
            ],
        };

        // Each choice's first verifier and the one whose beams hold best, and that one beside the control.
        IEnumerable<Finding> Findings(int choice, string words)
        {
            var best = arms.Index().Where(a => good[choice][a.Index]).MaxBy(a => changes[choice][a.Index].Low).Index;
            foreach (var arm in new[] { 0, best }.Distinct())
                yield return Finding.From(
                    $"{model}, {arms[arm].Name}, {words}: N = {drawn[choice][arm].Points[^1].N} minus N = {Narrow(drawn[choice][arm]).N}",
                    changes[choice][arm], "points");
            var (found, other) = (drawn[choice][best], drawn[choice][fresh]);
            if (best != fresh && Minus(found, other, found.Points[^1].N) is { } minus)
                yield return Finding.From($"{model}, {arms[best].Name} minus {control}, {words}: N = {found.Points[^1].N}", minus,
                    "points");
        }

        string At(Func<Curve, double> size) => $"N = {size(drawn[0][0])}";

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

    /// <summary>At one size on the same problems and seeds; null where one was not searched at it.</summary>
    private static Interval? Minus(Curve curve, Curve other, double n) => curve.At(n) is { } point && other.At(n) is { } beside
        ? curve.Bootstrapped(s => s.Mean(point.Correct) - s.Mean(beside.Correct)) : null;

    /// <param name="control">Null for the control itself.</param>
    private static IReadOnlyList<string> Row(HoldsArm arm, string choice, Curve curve, Curve? control)
    {
        var widest = curve.Points[^1];
        string Right(CurvePoint point) => Text(curve.Bootstrapped(s => s.Mean(point.Correct)), "0.0", "%");
        string Beside(double n) => control is { } other && Minus(curve, other, n) is { } minus ? Text(minus, Signed) : "";
        return
        [
            arm.Name, choice, Right(Narrow(curve)), Right(widest), Text(Change(curve), Signed),
            widest.N == MiddleBeam ? "" : Beside(MiddleBeam), Beside(widest.N),
            arm.Tokens.ToString("N0", CultureInfo.InvariantCulture), Range(arm.Measured.Select(m => m.Verifier?.AucWithin)),
            Range(arm.Measured.Select(m => m.VerifierVisited?.AucWithin)), Range(Kept(arm).LastOrDefault()?.Select(g => (double?)g.Gap)),
        ];
    }

    private const string Signed = "+0.0;-0.0;0.0";

    private static string Text(Interval x, string format, string unit = "")
    {
        string Part(double share) => (100 * share).ToString(format, CultureInfo.InvariantCulture);
        return $"{Part(x.Value)}{unit} [{Part(x.Low)}, {Part(x.High)}]";
    }

    /// <summary>Mean of the seeds and their range.</summary>
    private static string Range(IEnumerable<double?>? values) => values?.OfType<double>().ToList() is { Count: > 0 } known
        ? string.Create(CultureInfo.InvariantCulture, $"{known.Average():0.000} [{known.Min():0.000}, {known.Max():0.000}]") : "";

    /// <summary>Of steps that beams kept, by the beam's size, all seeds' gaps.</summary>
    private static IEnumerable<IGrouping<int, ScoreGap>> Kept(HoldsArm arm) =>
        arm.Measured.SelectMany(m => m.Gaps ?? []).Where(g => g.Kind == VisitedKind.Kept).GroupBy(g => g.N).OrderBy(g => g.Key);

    private static IEnumerable<string> Gaps(HoldsArm arm)
    {
        string[] sizes = [.. Kept(arm).Select(g => $"{Range(g.Select(x => (double?)x.Gap))} at N = {g.Key}")];
        if (sizes.Length > 0) yield return $"Gap of kept steps, {arm.Name}: {string.Join("; ", sizes)}.";
    }
}
