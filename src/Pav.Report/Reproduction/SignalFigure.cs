using System.Globalization;
using Pav.Models.Training;

namespace Pav.Report.Reproduction;

/// <summary>Gradients at a policy along RL.</summary>
/// <param name="Run">Reward of the run: orm or pav.</param>
/// <param name="Iteration">0: the start, which runs share.</param>
internal sealed record SignalPoint(string Run, int Iteration, SignalReport Report);

/// <summary>Not in the paper: what limits RL on progress, from the gradient of each reward on the same traces along RL.</summary>
internal static class SignalFigure
{
    /// <summary>Worth that differs by less than this factor is taken for the same.</summary>
    private const double Factor = 1.5;

    private const string Verifier = "pav", Prover = "pav_prover", Policy = "pav_policy", Vine = "vineppo";

    private const string Intervals = "95%, from a bootstrap over batches (of correlations: over problems), at one policy of one run of RL: "
        + "what other seeds of RL, labels and verifiers would change is not in them.";

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
            + "signal to noise, its direction against the gradient of the outcome, and how many batches of outcome rewards one of its is "
            + "worth; with progress by the verifier, by completions of the prover, and by completions of the present policy (the ceiling).";
        var rule = string.Create(CultureInfo.InvariantCulture,
            $"At each policy at which VinePPO's signal lies above zero, excluding it, each source of progress has its largest worth over "
            + $"the weights tried. Noise limits where neither oracle is worth {Factor} batches of outcome rewards; else a prover left "
            + $"behind where the present policy's oracle is worth {Factor} times the prover's; else the verifier's errors where the "
            + $"prover's is worth {Factor} times the verifier's; else nothing does. Values count, not their intervals, so that what is "
            + $"found at one policy may be chance; the sentence begins with what is found most often.");
        var distinct = points.DistinctBy(p => (p.Iteration == 0 ? "" : p.Run, p.Iteration)).ToList();
        var found = distinct.Select(p => (Point: p, Limit: Find(p.Report))).ToList();
        var known = found.Where(f => f.Limit != Limit.Unknown).GroupBy(f => f.Limit).OrderByDescending(g => g.Count()).ThenBy(g => g.Key)
            .ToList();
        var sentence = known.Count == 0
            ? $"Measured. At none of the {found.Count} policies can the gradient be told from noise with so few batches."
            : $"Measured. {(known.Count > 1 && known[0].Count() == known[1].Count()
                ? $"No limit is found more often than others. {Words(known[0].Key)}" : Words(known[0].Key))}: at {known[0].Count()} of "
              + $"{found.Count} policies along RL{string.Concat(known.Skip(1).Select(g => $"; {Inside(g.Key)} at {g.Count()}"))}"
              + $"{(found.Count(f => f.Limit == Limit.Unknown) is > 0 and var n ? $"; not to be told from noise at {n}" : "")}.";
        var panels = points.GroupBy(p => p.Run).SelectMany(run => Panels(run.Key, [.. run], alpha)).ToList();
        return new(
            "signal", title, asks, FigureVerdict.Measured, sentence, rule, panels,
            [.. distinct.SelectMany(p => Findings(model, p, alpha))],
            [
                "One batch is worth (c)²·N/N' batches of outcome rewards: c is how far its mean goes along the gradient of the outcome, N "
                + "and N' the noise of outcome rewards and its own. It takes no account of what values cost: signal.json of each policy "
                    + "has the tokens.",
                "Oracles are counted from few completions, and that noise is in their gradients: exact values would be worth more, so "
                    + "where noise limits, it may in part be that of counting.",
                "Each source is taken at the best of its weights, without correction for their number.",
            ],
            size, Intervals);
    }

    private static Limit Find(SignalReport report)
    {
        if (!(report.Methods.First(m => m.Reward == Vine).Gradient.Ratio.Low > 0)) return Limit.Unknown;
        double Best(string source) => report.Methods.Where(m => m.Reward == source).Max(m => m.Gradient.Worth.Value);
        var (verifier, prover, policy) = (Best(Verifier), Best(Prover), Best(Policy));
        return Math.Max(prover, policy) < Factor ? Limit.Noise : policy >= Factor * prover ? Limit.Stale
            : prover >= Factor * verifier ? Limit.Errors : Limit.None;
    }

    private static string Inside(Limit limit) => limit switch
    {
        Limit.Noise => "noise", Limit.Stale => "a prover left behind", Limit.Errors => "the verifier's errors", _ => "nothing",
    };

    private static string Words(Limit limit) => limit switch
    {
        Limit.Noise => "Noise limits it, as even progress by an oracle is worth little more than outcomes",
        Limit.Stale => "The policy leaves the prover behind: progress by the present policy's oracle would be worth more",
        Limit.Errors => "The verifier's errors limit it: progress by the prover's oracle would be worth more",
        _ => "Nothing of the three limits it: the verifier's progress is worth about as much as an oracle's",
    };

    private static IEnumerable<Panel> Panels(string run, IReadOnlyList<SignalPoint> points, double alpha)
    {
        var along = run == "orm" ? "RL on outcomes" : "RL on progress";
        Panel Over(string y, Func<GradientSignal, Interval> measure) => new(
            along, "RL iterations", y, false, false,
            [.. points[0].Report.Methods.Where(m => m.Alpha is null || m.Alpha == alpha).Select((m, i) => new Line(
                Name(m.Reward, m.Alpha), $"series-{i}",
                [.. points.Select(p =>
                    (p.Iteration, Value: measure(p.Report.Methods.First(o => o.Reward == m.Reward && o.Alpha == m.Alpha).Gradient)))
                    .Where(p => double.IsFinite(p.Value.Value)).Select(p => Point(p.Iteration, p.Value))], []))]);
        yield return Over("signal to noise of a batch", g => g.Ratio);
        yield return Over("cosine with the gradient of the outcome", g => g.Cosine);
        yield return Over("batches of outcome rewards that one is worth", g => g.Worth);
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

    private static IEnumerable<Finding> Findings(string model, SignalPoint point, double alpha)
    {
        var (report, where) = (point.Report, point.Iteration == 0 ? $"{model}, start" : $"{model}, {point.Run} {point.Iteration}");
        yield return Finding.From($"{where}: signal to noise of a batch, outcome rewards",
            report.Methods.First(m => m.Reward == "orm").Gradient.Ratio, "");
        foreach (var method in report.Methods.Where(m => m.Reward != "orm" && (m.Alpha is null || m.Alpha == alpha)))
            yield return Finding.From($"{where}: batches of outcome rewards that one is worth, {Name(method.Reward, method.Alpha)}",
                method.Gradient.Worth, "");
        foreach (var source in new[] { Verifier, Prover, Policy })
        {
            var best = report.Methods.Where(m => m.Reward == source).MaxBy(m => m.Gradient.Worth.Value)!;
            if (best.Alpha != alpha)
                yield return Finding.From($"{where}: the same at the best weight tried, {Name(source, best.Alpha)}", best.Gradient.Worth,
                    "");
        }

        yield return Finding.From($"{where}: cosine with the gradient of the outcome, {Name(Verifier, alpha)}",
            report.Methods.First(m => m.Reward == Verifier && m.Alpha == alpha).Gradient.Cosine, "");
        yield return Finding.From($"{where}: correlation of the verifier's progress with its prover's", report.Progress.WithProver, "");
        yield return Finding.From($"{where}: correlation of the verifier's progress with the present policy's", report.Progress.WithPolicy,
            "");
        yield return Finding.From($"{where}: correlation of the prover's progress with the present policy's",
            report.Progress.ProverWithPolicy, "");
    }

    private static string Name(string reward, double? alpha) => reward switch
    {
        "orm" => "outcome (leave one out)", "grpo" => "GRPO", "lambda_grpo" => "λ-GRPO", Vine => "VinePPO",
        _ => string.Create(CultureInfo.InvariantCulture,
            $"progress by {reward switch { Verifier => "the verifier", Prover => "the prover's oracle", _ => "the policy's oracle" }}, "
            + $"α = {alpha}"),
    };
}
