using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>RL with one verifier, over the seeds, and what its labels cost.</summary>
/// <param name="Labels">Rollouts behind the labels that the verifier had learned from before RL.</param>
/// <param name="Rollouts">Of each run, by held-out measure: traces, and completions and traces for refreshes, since RL began.</param>
internal sealed record RefreshArm(double Labels, IReadOnlyList<RlRun> Runs, IReadOnlyList<IReadOnlyList<double>> Rollouts)
{
    /// <summary>Rollouts in all, labels included, mean over the seeds.</summary>
    public double InAll => Labels + Rollouts.Average(r => r[^1]);
}

/// <summary>Not in the paper, which keeps its prover: a verifier that is refreshed during RL with fresh labels of the present policy, against a fixed one at equal rollouts.</summary>
internal static class RefreshFigure
{
    private const string Accuracy = "held-out samples right";

    /// <summary>Rollouts in all may differ by this share and still count as equal.</summary>
    private const double Equal = 0.1;

    /// <param name="before">A verifier of the first labels and of as many of RL's problems, by the policy that RL starts from, as refreshes would take; kept.</param>
    /// <param name="refreshed">One of the first labels, refreshed at intervals.</param>
    /// <param name="whole">One of labels of its own training problems alone, as many in all; kept.</param>
    /// <param name="strong">The first two with a larger α, at which a verifier that is kept is fooled; null where they were not run.</param>
    public static FigureSummary From(string model, RefreshArm before, RefreshArm refreshed, RefreshArm whole, (double Alpha, RefreshArm Before, RefreshArm Refreshed)? strong, string way, RunSize size)
    {
        const string asks = "Does it pay that the prover keeps up with the policy? RL with a verifier that is fine-tuned at intervals on fresh labels of the present policy, against one that had as many labels of the same problems before RL, by the policy that RL starts from, and is kept.";
        var rule = string.Create(CultureInfo.InvariantCulture, $"Reproduced: the last policy with refreshes is ahead of that with the labels before RL on test problems, excluding zero, at rollouts that differ by {100 * Equal}% at most; partly: ahead, excluding zero, of that whose labels are all of the verifier's own training problems; else not.");
        (string Name, string Kind, RefreshArm Arm) Refreshed(RefreshArm arm) => ("labels during RL (refreshed)", "series-0", arm);
        (string Name, string Kind, RefreshArm Arm) Before(RefreshArm arm) => ("labels before RL (kept)", "series-1", arm);
        Panel OverIterations(string title, params (string Name, string Kind, RefreshArm Arm)[] arms) =>
            new(title, "RL iterations", Accuracy, false, true, [.. arms.Select(a => Averaged(a.Name, a.Kind, a.Arm, (r, i) => a.Arm.Runs[r].Valid.Points[i].Iteration))]);
        (string Name, string Kind, RefreshArm Arm)[] all = [Refreshed(refreshed), Before(before), ("labels of other problems (kept)", "series-2", whole)];
        var panels = new List<Panel>
        {
            OverIterations($"Start {model}", all),
            new($"Start {model}", "rollouts in all, labels included", Accuracy, false, true, [.. all.Select(a => Averaged(a.Name, a.Kind, a.Arm, (r, i) => a.Arm.Labels + a.Arm.Rollouts[r][i]))]),
        };
        var (gain, over) = (Gain(refreshed, before), Gain(refreshed, whole));
        var findings = new List<Finding>
        {
            Finding.From($"{model}: labels during RL minus the same before it, test problems", gain, "points"),
            Finding.From($"{model}: labels during RL minus labels of other problems, test problems", over, "points"),
            new($"{model}: rollouts in all, labels during RL over the same before it", refreshed.InAll / before.InAll, null, null, "times"),
            new($"{model}: rollouts in all, labels during RL over labels of other problems", refreshed.InAll / whole.InAll, null, null, "times"),
        };
        if (strong is { } stronger)
        {
            var alpha = string.Create(CultureInfo.InvariantCulture, $"α = {stronger.Alpha}");
            panels.Add(OverIterations($"Start {model}, {alpha}", Refreshed(stronger.Refreshed), Before(stronger.Before)));
            findings.Add(Finding.From($"{model}, {alpha}: labels during RL minus the same before it, test problems", Gain(stronger.Refreshed, stronger.Before), "points"));
            findings.Add(new($"{model}, {alpha}: rollouts in all, labels during RL over the same before it", stronger.Refreshed.InAll / stronger.Before.InAll, null, null, "times"));
        }

        var fair = Math.Abs(refreshed.InAll / before.InAll - 1) <= Equal;
        var grade = FigureVerdicts.From(fair && gain.Low > 0, over.Low > 0);
        var summary = SearchFigures.Sum("refresh", "A prover that keeps up", asks, rule, [grade], panels, findings, size, "At equal rollouts labels during RL train further than the same before it",
            "Labels during RL train further than labels of other problems, but not shown against labels of the same problems before it", "Labels during RL do not train further, as far as can be told", Intervals.OfRl);
        return summary with { Notes = [$"{model}: rewards of progress A: {way}.", .. summary.Notes] };
    }

    private static Interval Gain(RefreshArm a, RefreshArm b)
    {
        var (x, y) = (RlFigures.Passes("", "", a.Runs), RlFigures.Passes("", "", b.Runs));
        return x.Bootstrapped(s => s.Mean(x.Points[0].Correct) - s.Mean(y.Points[0].Correct));
    }

    /// <summary>Means over the seeds of both axes, measure by measure.</summary>
    private static Line Averaged(string name, string kind, RefreshArm arm, Func<int, int, double> x)
    {
        IReadOnlyList<LinePoint> Points(int r) => [.. arm.Runs[r].Valid.Points.Select((p, i) => new LinePoint(x(r, i), p.Accuracy))];
        var seeds = arm.Runs.Select((r, i) => (r.Seed, Points: Points(i))).ToList();
        return new(name, kind, [.. Enumerable.Range(0, seeds.Min(s => s.Points.Count)).Select(i =>
        {
            var mean = RlComparison.Over([.. seeds.Select(s => s.Points[i].Y)]);
            return new LinePoint(seeds.Average(s => s.Points[i].X), mean.Value, mean.Low is { } low ? Math.Max(0, low) : null, mean.High is { } high ? Math.Min(1, high) : null);
        })], seeds.Count < 2 ? [] : [.. seeds.Select(s => new SeedLine(s.Seed, s.Points))]);
    }
}
