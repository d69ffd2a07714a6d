using System.Globalization;

namespace Pav.Reproduction;

/// <summary>RL with one verifier, over the seeds, and what its labels cost.</summary>
/// <param name="Labels">Rollouts behind the labels that the verifier had learned from before RL.</param>
/// <param name="Rollouts">Of each run, by held-out measure: traces, and completions and traces for refreshes, since RL began.</param>
public sealed record RefreshArm(double Labels, IReadOnlyList<RlRun> Runs, IReadOnlyList<IReadOnlyList<double>> Rollouts)
{
    /// <summary>Rollouts in all, labels included, mean over the seeds.</summary>
    public double InAll => Labels + Rollouts.Average(r => r[^1]);
}

/// <summary>Not in the paper, which keeps its prover: a verifier that is refreshed during RL with fresh labels of the present policy, against a fixed one at equal rollouts.</summary>
public static class RefreshFigure
{
    private const string Accuracy = "held-out samples right";

    /// <summary>Rollouts in all may differ by this share and still count as equal.</summary>
    private const double Equal = 0.1;

    /// <param name="whole">A verifier of all labels, kept.</param>
    /// <param name="half">One of half of them, kept.</param>
    /// <param name="refreshed">One of half of them, refreshed at intervals with the rollouts of the other half.</param>
    /// <param name="strong">The first and the last with a larger α, at which a verifier that is kept is fooled; null where they were not run.</param>
    public static FigureSummary Of(string model, RefreshArm whole, RefreshArm half, RefreshArm refreshed, (double Alpha, RefreshArm Whole, RefreshArm Refreshed)? strong, string way, RunSize size)
    {
        const string asks = "Does it pay that the prover keeps up with the policy? RL with a verifier of all labels, which is kept, against one of half of them that is fine-tuned at intervals on fresh labels of the present policy, which cost what the other half did.";
        var rule = string.Create(CultureInfo.InvariantCulture, $"Reproduced: the last policy with refreshes is ahead of that with all labels on test problems, excluding zero, at rollouts that differ by {100 * Equal}% at most; partly: ahead of that with half of the labels, excluding zero; else not.");
        (string Name, string Kind, RefreshArm Arm) Refreshed(RefreshArm arm) => ("half the labels, refreshed", "beam-pav", arm);
        (string Name, string Kind, RefreshArm Arm) Kept(RefreshArm arm) => ("all labels, kept", "best-of-n-orm", arm);
        Panel OverIterations(string title, params (string Name, string Kind, RefreshArm Arm)[] arms) =>
            new(title, "RL iterations", Accuracy, false, true, [.. arms.Select(a => Averaged(a.Name, a.Kind, a.Arm, (r, i) => a.Arm.Runs[r].Valid.Points[i].Iteration))]);
        (string Name, string Kind, RefreshArm Arm)[] all = [Refreshed(refreshed), Kept(whole), ("half the labels, kept", "sample", half)];
        var panels = new List<Panel>
        {
            OverIterations($"Start {model}", all),
            new($"Start {model}", "rollouts in all, labels included", Accuracy, false, true, [.. all.Select(a => Averaged(a.Name, a.Kind, a.Arm, (r, i) => a.Arm.Labels + a.Arm.Rollouts[r][i]))]),
        };
        var (gain, over, fewer) = (Gain(refreshed, whole), Gain(refreshed, half), Gain(whole, half));
        var findings = new List<Finding>
        {
            Finding.Of($"{model}: refreshed minus all labels kept, test problems", gain, "points"),
            Finding.Of($"{model}: refreshed minus half the labels kept, test problems", over, "points"),
            Finding.Of($"{model}: all labels kept minus half of them kept, test problems", fewer, "points"),
            new($"{model}: rollouts in all, refreshed over all labels kept", refreshed.InAll / whole.InAll, null, null, "times"),
        };
        if (strong is { } at)
        {
            var alpha = string.Create(CultureInfo.InvariantCulture, $"α = {at.Alpha}");
            panels.Add(OverIterations($"Start {model}, {alpha}", Refreshed(at.Refreshed), Kept(at.Whole)));
            findings.Add(Finding.Of($"{model}, {alpha}: refreshed minus all labels kept, test problems", Gain(at.Refreshed, at.Whole), "points"));
            findings.Add(new($"{model}, {alpha}: rollouts in all, refreshed over all labels kept", at.Refreshed.InAll / at.Whole.InAll, null, null, "times"));
        }

        var fair = Math.Abs(refreshed.InAll / whole.InAll - 1) <= Equal;
        var grade = fair && gain.Low > 0 ? FigureVerdict.Reproduced : over.Low > 0 ? FigureVerdict.Partly : FigureVerdict.NotReproduced;
        var summary = SearchFigures.Sum("refresh", "A prover that keeps up", asks, rule, [grade], panels, findings, size, "At equal rollouts refreshing the prover trains further than labelling more before",
            "Refreshing the prover trains further than keeping it, but not shown at equal rollouts", "Refreshing the prover does not train further, as far as can be told", Intervals.OfRl);
        return summary with { Notes = [$"{model}: rewards of progress A: {way}.", "Fresh labels are of the problems that RL trains on, those before it of the verifier's training problems. Where these differ, what refreshing gains may lie in that too.", .. summary.Notes] };
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
