using System.Globalization;
using Pav.Models.Training;

namespace Pav.Report.Reproduction;

/// <summary>Gradients at a policy along RL.</summary>
/// <param name="Traps">Least number of them in the problems; 0: problems as given.</param>
/// <param name="Run">Reward of the run: orm or pav.</param>
/// <param name="Iteration">0: the start, which runs on the same problems share.</param>
internal sealed record SignalPoint(int Traps, string Run, int Iteration, SignalReport Report)
{
    public string Problems => Traps == 0 ? "problems as given" : $"{Traps} traps or more";

    public string Name => Iteration == 0 ? $"{Problems}, start" : $"{Problems}, {Run} {Iteration}";
}

/// <summary>Not in the paper: what limits RL on progress, from the gradient of each reward on the same traces along RL.</summary>
internal static class SignalFigure
{
    /// <summary>Worth that differs by less than this factor is taken for the same.</summary>
    private const double Factor = 1.5;

    /// <summary>A wider interval of worth says nothing and is not drawn.</summary>
    private const double Widest = 20;

    private const string Verifier = "pav", Prover = "pav_prover", Policy = "pav_policy", Vine = "vineppo";

    private const string Intervals = "95%, from a bootstrap over batches (of correlations: over problems), at one policy of one run of RL: "
        + "what other seeds of RL, labels and verifiers would change is not in them. Draws of batches in which the noise of exact values "
        + "is not above zero are left out, so that upper ends may be too low.";

    private enum Limit
    {
        Noise,
        Stale,
        Errors,
        None,
        Unknown,
    }

    public static FigureSummary From(string model, IReadOnlyList<SignalPoint> points, double alpha, RunSize size)
    {
        const string title = "What limits RL on progress";
        const string asks = "Is it noise, a prover that the policy has left behind, or the verifier's errors that keep RL on progress from "
            + "paying more? At policies along RL the gradient of each reward is measured on the same traces of independent batches: its "
            + "signal to noise, and how many batches of outcome rewards one of its is worth; with progress by the verifier, and with exact "
            + "A of the prover and of the present policy, whose noise is told from completions in two halves.";
        var rule = string.Create(CultureInfo.InvariantCulture,
            $"At each policy at which the signal of VinePPO with exact values lies above zero, excluding it, and the noise of exact values "
            + $"comes out above zero, each source of progress has its largest worth over the weights tried. Noise of the traces limits "
            + $"where none of them, exact or the verifier's, is worth {Factor} batches of outcome rewards; else a prover left behind where "
            + $"the present policy's is worth {Factor} times the prover's and the verifier's; else the verifier's errors where the "
            + $"prover's is worth {Factor} times the verifier's; else nothing does. Values count, not their intervals, so that what is "
            + $"found at one policy may be chance; the sentence begins with what is found most often.");
        var distinct = points.DistinctBy(p => p.Name).ToList();
        var found = distinct.Select(p => (Point: p, Limit: Find(p.Report))).ToList();
        var known = found.Where(f => f.Limit != Limit.Unknown).GroupBy(f => f.Limit).OrderByDescending(g => g.Count()).ThenBy(g => g.Key)
            .ToList();
        var sentence = known.Count == 0
            ? $"Measured. At none of the {found.Count} policies can the gradient be told from noise with so few batches."
            : $"Measured. {(known.Count > 1 && known[0].Count() == known[1].Count()
                ? $"No limit is found more often than others. {Words(known[0].Key)}" : Words(known[0].Key))}: at {known[0].Count()} of "
              + $"{found.Count} policies along RL{string.Concat(known.Skip(1).Select(g => $"; {Inside(g.Key)} at {g.Count()}"))}"
              + $"{(found.Count(f => f.Limit == Limit.Unknown) is > 0 and var n ? $"; not to be told from noise at {n}" : "")}.";
        var panels = points.GroupBy(p => (p.Traps, p.Run)).SelectMany(run => Panels([.. run], alpha)).ToList();
        return new(
            "signal", title, asks, FigureVerdict.Measured, sentence, rule, panels,
            [.. distinct.SelectMany(p => Findings(model, p, points.Where(o => o.Traps == p.Traps && o.Iteration > 0)
                .Select(o => o.Iteration).DefaultIfEmpty(0).Min()))],
            [
                "One batch is worth (c)²·N/N' batches of outcome rewards: c is how far its mean goes along the gradient of the outcome, N "
                    + "and N' the noise of outcome rewards and its own. It takes no account of what values cost: signal.json of each "
                    + "policy has the tokens, GRPO and λ-GRPO, and each weight of progress.",
                "Exact values: the signal is that of counted ones, the noise what traces and outcomes alone leave, from products of "
                    + "gradients by two halves of the completions on the same traces; right on average at any number of completions.",
                "Exact A of its prover is no upper limit of the verifier's worth: a verifier that errs in the same way at all steps of a "
                    + "kind has less noise than true A, and may yet point along the gradient of the outcome.",
                "Each source is taken at the best of its weights, without correction for their number; so it is at its best by chance too.",
                "Lost in noise: the gradient of the outcome is not told from zero there, so that neither its direction nor worth is "
                    + "known, or the noise of exact values does not come out above zero.",
            ],
            size, Intervals, new(
            [
                "policy", "right", "signal/noise of outcome rewards", "of the verifier's progress", "of the prover's, exact",
                "batches of outcome rewards one is worth: VinePPO", "VinePPO, exact", "verifier's progress", "prover's, counted",
                "prover's, exact", "policy's, exact", "cosine of the verifier's with the outcome's gradient",
                "correlation of the verifier's A with its prover's", "with the policy's", "of these two", "limit",
            ],
            [.. found.Select(f => Row(f.Point, f.Limit))]));
    }

    private static IReadOnlyList<string> Row(SignalPoint point, Limit limit)
    {
        var report = point.Report;
        GradientSignal Plain(string reward) => report.Methods.First(m => m.Reward == reward).Gradient;
        string Worth(Interval worth, double? alpha) => limit == Limit.Unknown ? "" : $"{Cell(worth)}{With(alpha)}";
        string Best(string source, bool exact)
        {
            var best = BestOf(report, source, exact, g => g.Worth);
            return Worth(Gradient(best, exact).Worth, best.Alpha);
        }

        string Ratio(string source, bool exact)
        {
            var best = BestOf(report, source, exact, g => g.Ratio);
            return $"{Cell(Gradient(best, exact).Ratio)}{With(best.Alpha)}";
        }

        var verifier = BestOf(report, Verifier, false, g => g.Worth);
        return
        [
            point.Name, string.Create(CultureInfo.InvariantCulture, $"{100 * report.Right:0.0}%"), Cell(Plain("orm").Ratio),
            Ratio(Verifier, false), Ratio(Prover, true), Worth(Plain(Vine).Worth, null),
            Worth(Exact(report.Methods.First(m => m.Reward == Vine)).Worth, null), Best(Verifier, false), Best(Prover, false),
            Best(Prover, true), Best(Policy, true), Worth(verifier.Gradient.Cosine, verifier.Alpha), Cell(report.Progress.WithProver),
            Cell(report.Progress.WithPolicy), Cell(report.Progress.ProverWithPolicy),
            limit == Limit.Unknown ? "lost in noise" : Inside(limit),
        ];
    }

    private static string Cell(Interval value)
    {
        static string Text(double x) =>
            x.ToString(Math.Abs(x) < 0.1 ? "0.000" : Math.Abs(x) < 10 ? "0.00" : "0", CultureInfo.InvariantCulture);
        return double.IsFinite(value.Value) ? $"{Text(value.Value)} [{Text(value.Low)}, {Text(value.High)}]" : "none";
    }

    private static string With(double? alpha) => alpha is { } a ? string.Create(CultureInfo.InvariantCulture, $" (α {a})") : "";

    private static GradientSignal Exact(MethodSignal method) => method.Exact
        ?? throw new InvalidDataException($"{method.Reward} was measured without exact values; measure it again");

    private static GradientSignal Gradient(MethodSignal method, bool exact) => exact ? Exact(method) : method.Gradient;

    /// <summary>The weight at which a source of progress has the largest measure.</summary>
    private static MethodSignal BestOf(SignalReport report, string source, bool exact, Func<GradientSignal, Interval> measure) =>
        report.Methods.Where(m => m.Reward == source).MaxBy(m => measure(Gradient(m, exact)).Value)!;

    private static Limit Find(SignalReport report)
    {
        if (!(Exact(report.Methods.First(m => m.Reward == Vine)).Ratio.Low > 0)) return Limit.Unknown;
        double Best(string source, bool exact) => Gradient(BestOf(report, source, exact, g => g.Worth), exact).Worth.Value;
        var (verifier, prover, policy) = (Best(Verifier, false), Best(Prover, true), Best(Policy, true));
        if (double.IsNaN(verifier) || double.IsNaN(prover) || double.IsNaN(policy)) return Limit.Unknown;
        return new[] { verifier, prover, policy }.Max() < Factor ? Limit.Noise : policy >= Factor * Math.Max(prover, verifier) ? Limit.Stale
            : prover >= Factor * verifier ? Limit.Errors : Limit.None;
    }

    private static string Inside(Limit limit) => limit switch
    {
        Limit.Noise => "noise of the traces", Limit.Stale => "a prover left behind", Limit.Errors => "the verifier's errors",
        _ => "nothing",
    };

    private static string Words(Limit limit) => limit switch
    {
        Limit.Noise => "Noise of the traces limits it, as even exact progress is worth little more than outcomes",
        Limit.Stale => "The policy leaves the prover behind: exact progress of the present policy would be worth more",
        Limit.Errors => "The verifier's errors limit it: exact progress of its prover would be worth more",
        _ => "Nothing of the three limits it: the verifier's progress is worth as much as exact progress, nearly or more",
    };

    private static IEnumerable<Panel> Panels(IReadOnlyList<SignalPoint> points, double alpha)
    {
        var along = $"{points[0].Problems}, RL on {(points[0].Run == "orm" ? "outcomes" : "progress")}";
        string[] shown = ["orm", Vine, Verifier, Prover, Policy];
        Panel Over(string y, Func<GradientSignal, Interval> measure) => new(
            along, "RL iterations", y, false, false,
            [.. points[0].Report.Methods.Where(m => shown.Contains(m.Reward) && (m.Alpha is null || m.Alpha == alpha))
                .Select((m, i) => new Line(
                    Name(m.Reward, m.Alpha), $"series-{i}",
                    [.. points.Select(p =>
                        (p.Iteration, Value: measure(Shown(p.Report.Methods.First(o => o.Reward == m.Reward && o.Alpha == m.Alpha)))))
                        .Where(p => double.IsFinite(p.Value.Value)).Select(p => Point(p.Iteration, p.Value))], []))]);
        yield return Over("signal to noise of a batch", g => g.Ratio);
        // Where the outcome's gradient is lost in noise, worth is not known and its interval would hide all others.
        yield return Over("batches of outcome rewards that one is worth",
            g => g.Worth.High - g.Worth.Low > Widest ? new(double.NaN, double.NaN, double.NaN) : g.Worth);
        (string Name, Func<ProgressSignal, Interval> Select)[] correlations =
        [
            ("verifier with its prover", p => p.WithProver), ("verifier with the present policy", p => p.WithPolicy),
            ("prover with the present policy", p => p.ProverWithPolicy),
        ];
        yield return new(
            along, "RL iterations", "correlation of progress", false, false,
            [.. correlations.Select((c, i) => new Line(c.Name, $"series-{i}",
                [.. points.Where(p => double.IsFinite(c.Select(p.Report.Progress).Value))
                    .Select(p => Point(p.Iteration, c.Select(p.Report.Progress)))],
                []))]);
    }

    private static LinePoint Point(double x, Interval y) =>
        double.IsFinite(y.Low) && double.IsFinite(y.High) ? LinePoint.From(x, y) : new(x, y.Value);

    /// <summary>With exact values where these are extrapolated.</summary>
    private static GradientSignal Shown(MethodSignal method) => method.Exact ?? method.Gradient;

    /// <summary>The start's signals, and at the first policy behind it what exact progress would buy.</summary>
    private static IEnumerable<Finding> Findings(string model, SignalPoint point, int first)
    {
        var (report, where) = (point.Report, $"{model}, {point.Name}");
        Finding Best(string what, string source, bool exact, Func<GradientSignal, Interval> measure)
        {
            var best = BestOf(report, source, exact, measure);
            return Finding.From($"{where}: {what}{With(best.Alpha)}", measure(Gradient(best, exact)), "");
        }

        if (point.Iteration == 0)
        {
            yield return Finding.From($"{where}: signal to noise of a batch, outcome rewards",
                report.Methods.First(m => m.Reward == "orm").Gradient.Ratio, "");
            yield return Best("the same, the verifier's progress", Verifier, false, g => g.Ratio);
            yield return Best("the same, exact progress of the prover", Prover, true, g => g.Ratio);
        }
        else if (point.Iteration == first)
        {
            yield return Best("batches of outcome rewards that one is worth, the verifier's progress", Verifier, false, g => g.Worth);
            yield return Best("the same, exact progress of the prover", Prover, true, g => g.Worth);
        }
    }

    private static string Name(string reward, double? alpha) => reward switch
    {
        "orm" => "outcome (leave one out)", Vine => "VinePPO, exact",
        _ => string.Create(CultureInfo.InvariantCulture,
            $"progress by {reward switch { Verifier => "the verifier", Prover => "the prover, exact", _ => "the policy, exact" }}, "
            + $"α = {alpha}"),
    };
}
