using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>Samples of a test problem after training.</summary>
/// <param name="Unsolved">None of these was right, nor of those that were drawn in search of one that is.</param>
internal sealed record TestTally(string Problem, int Right, int Samples, bool Unsolved);

/// <summary>Whether a beam of N on Q answered a hard problem.</summary>
internal sealed record HardBeam(string Problem, int N, int Correct);

/// <summary>One run of RL: its held-out accuracy and the share of steps without progress over iterations, and its last policy on the test
/// problems.</summary>
internal sealed record RlRun(int Seed, RlCurve Valid, IReadOnlyList<LinePoint> NoProgress, IReadOnlyList<TestTally> Test,
    IReadOnlyList<HardBeam> HardBeams);

/// <summary>The runs of one base policy by reward: outcome only, outcome and progress, outcome and Q.</summary>
/// <param name="Start">The policy before RL on the test problems.</param>
/// <param name="PavWay">How the runs with progress weigh and credit it.</param>
/// <param name="PqvWay">The same of those with Q.</param>
internal sealed record RlRuns(string Model, IReadOnlyList<TestTally> Start, IReadOnlyList<RlRun> Orm, IReadOnlyList<RlRun> Pav,
    IReadOnlyList<RlRun> Pqv, RlWay PavWay, RlWay PqvWay);

/// <summary>Weight α of step rewards, which of them a step is credited with, and the peak learning rate.</summary>
internal sealed record RlWay(double Alpha, Credit Credit, double Rate)
{
    public string Words =>
        string.Create(CultureInfo.InvariantCulture,
        $"α = {Alpha}, a step is credited with {(Credit == Credit.Own ? "its own" : "its own and all later ones")}, learning rate {Rate}");
}

/// <summary>Figures 7, 8 and that of App. G.</summary>
internal static class RlFigures
{
    private const string Iterations = "RL iterations", Accuracy = "held-out samples right";

    /// <summary>Hard problems below which nothing is said of them.</summary>
    private const int FewestHard = 20;

    /// <summary>Accuracy over iterations.</summary>
    public static FigureSummary Figure7(IReadOnlyList<RlRuns> models, RunSize size)
    {
        const string asks = "Does progress as a dense reward train faster and further than outcome reward alone? Accuracy of the policy "
            + "on held-out problems over iterations of REINFORCE.";
        const string rule = "Reproduced: the last policy of PAV-RL is ahead of that of ORM-RL on test problems by 7 points or more, "
            + "excluding zero; partly: ahead, excluding zero, or at the last accuracy of ORM-RL with fewer iterations on every seed of "
            + "three at least; else not.";
        var (panels, findings, grades) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>());
        foreach (var m in models)
        {
            panels.Add(new($"Start {m.Model}", Iterations, Accuracy, false, true,
                [LineFrom("outcome and progress (PAV-RL)", "series-0", m.Pav), LineFrom("outcome only (ORM-RL)", "series-1", m.Orm)]));
            var (pav, orm, start) = (Passes("", "", m.Pav), Passes("", "", m.Orm),
                Passes("", "", [.. m.Pav.Select(r => r with { Test = m.Start })]));
            var gain = pav.Bootstrapped(s => s.Mean(pav.Points[0].Correct) - s.Mean(orm.Points[0].Correct));
            findings.Add(Finding.From($"{m.Model}: PAV-RL minus ORM-RL, test problems", gain, "points", "more than 7 (Fig. 7)"));
            findings.Add(Finding.From($"{m.Model}: PAV-RL minus its start",
                pav.Bootstrapped(s => s.Mean(pav.Points[0].Correct) - s.Mean(start.Points[0].Correct)), "points", "11 (2B), 15 (9B)"));
            findings.Add(Finding.From($"{m.Model}: ORM-RL minus its start",
                orm.Bootstrapped(s => s.Mean(orm.Points[0].Correct) - s.Mean(start.Points[0].Correct)), "points"));
            var speed = RlComparison.From("pav", [.. m.Pav.Select(r => r.Valid)], "orm", [.. m.Orm.Select(r => r.Valid)]);
            if (speed is not null) findings.Add(new($"{m.Model}: iterations of ORM-RL over those of PAV-RL for ORM-RL's last accuracy, "
                + $"geometric mean over the {speed.Reached} of {speed.Seeds} seeds that reach it{NoHigher(speed)}",
                    speed.Iterations?.Value, speed.Iterations?.Low, speed.Iterations?.High, "times", "about 6 (Fig. 7)"));
            grades.Add(FigureVerdicts.From(gain is { Low: > 0, Value: >= 0.07 }, gain.Low > 0 || Faster(m)));
        }

        return Sum(models, "7", "RL with progress", asks, rule, grades, panels, findings, size,
            "Progress as a dense reward trains further than outcome reward alone",
            "Progress as a dense reward trains faster or somewhat further than outcome reward alone",
            "Progress as a dense reward trains neither further nor faster than outcome reward alone, as far as can be told");

        static string NoHigher(RlComparison c) => c.FromStart == 0 ? "" : $" (on {c.FromStart} it is no higher than where RL began)";

        // On every seed by itself.
        static bool Faster(RlRuns m) =>
            m.Pav.Join(m.Orm, p => p.Seed, o => o.Seed, (p, o) => RlComparison.From("", [p.Valid], "", [o.Valid]))
            .ToList() is { Count: >= SearchFigures.FewestSeeds } bySeed
            && bySeed.All(c => c is { Iterations.Value: > 1 });
    }

    /// <summary>Pass@N after RL, on all test problems and on those that the start did not solve.</summary>
    public static FigureSummary Figure8(IReadOnlyList<RlRuns> models, RunSize size)
    {
        const string asks = "Does RL widen what a policy can solve, or only sharpen it? Pass@N of the policies before and after RL, on "
            + "all test problems and on the hard ones, which no sample of the start solved.";
        var rule = "Reproduced: PAV-RL is not below ORM-RL in Pass@N at any N, the mean over N above it excluding zero, on all and on "
            + $"hard problems; partly: on one of the two; else not. Fewer than {FewestHard} hard problems count as not shown.";
        var (panels, findings, grades, left) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>(), new List<string>());
        foreach (var m in models)
        {
            var unsolved = m.Start.Where(t => t.Unsolved).Select(t => t.Problem).ToHashSet();
            var held = 0;
            if (unsolved.Count < FewestHard) left.Add($"{m.Model}: only {unsolved.Count} of the {m.Start.Count} test problems were "
                + "solved by no sample of the start, too few to say anything of hard problems; they are left out.");
            foreach (var (name, on) in new[] { ($"all {m.Start.Count} test problems", null),
                ($"{unsolved.Count} hard problems", (IReadOnlySet<string>?)unsolved) })
            {
                if (on is { Count: < FewestHard }) continue;
                var (pav, orm) = (Passes("PAV-RL", "series-0", m.Pav, on), Passes("ORM-RL", "series-1", m.Orm, on));
                // On hard problems the start is at 0 by their choice.
                var start = Passes("start", "series-2", [m.Pav[0] with { Test = m.Start }]);
                panels.Add(new($"{m.Model}, {name}", "N samples", "some sample is right", true, true,
                    [pav.OverN(), orm.OverN(), .. on is null ? [start.OverN()] : Array.Empty<Line>()]));
                var gain = Comparisons.AtEqualN(pav, orm, p => p.Correct)!.Value;
                findings.Add(Finding.From($"{m.Model}: Pass@N of PAV-RL minus that of ORM-RL, {name}, mean over N", gain, "points",
                    on is null ? "above 0 at every N up to 128 (Fig. 8a)" : "many more solved with small N (Fig. 8b)"));
                if (gain.Low > 0
                    && pav.Points.Zip(orm.Points)
                    .All(p => p.First.Correct.Average(x => x.Average()) >= p.Second.Correct.Average(x => x.Average()))) held++;
                if (on is not null)
                {
                    if (Beams("PAV-RL", "series-0", m.Pav, on) is not { } a || Beams("ORM-RL", "series-1", m.Orm, on) is not { } b)
                        continue;
                    panels.Add(new($"{m.Model}, {name}", "size of a beam on Q", "answered", true, true, [a.OverN(), b.OverN()]));
                    findings.Add(Finding.From($"{m.Model}: answered by beams of {SearchFigures.Sizes(a.Points)} from PAV-RL minus those "
                        + $"from ORM-RL, {name}", Comparisons.AtEqualN(a, b, p => p.Correct)!.Value, "points"));
                    continue;
                }

                var most = (Orm: orm.Points[^1], Start: start.Points[^1]);
                findings.Add(Finding.From($"{m.Model}: Pass@{most.Orm.N} of ORM-RL minus that of the start",
                    orm.Bootstrapped(s => s.Mean(most.Orm.Correct) - new CrossedSample([0], s.Problems).Mean(most.Start.Correct)),
                    "points", "below 0 for N of 64 and more (Fig. 8a)"));
            }

            grades.Add(FigureVerdicts.From(held == 2, held == 1));
        }

        var summary = Sum(models, "8", "What RL can solve", asks, rule, grades, panels, findings, size,
            "PAV-RL solves more over all N, on all problems and on hard ones",
            "PAV-RL solves more over all N, on all problems or on hard ones but not shown on both",
            "PAV-RL does not solve more than ORM-RL at every N");
        return summary with { Notes = [.. left, .. summary.Notes] };
    }

    /// <summary>Q^μ in place of A^μ.</summary>
    public static FigureSummary AppendixG(IReadOnlyList<RlRuns> models, RunSize size)
    {
        const string asks = "What if a step is rewarded with Q, its promise, instead of progress? The paper's policies learn steps that "
            + "change nothing and collect Q with each. Share of steps without progress (|A| below a bound, or a repeated step), and "
            + "accuracy, over iterations.";
        const string rule = "Reproduced: with Q the share of steps without progress ends above that with A and the accuracy below, both "
            + "excluding zero (the share needs two seeds for that); partly: one of the two; else not.";
        var (panels, findings, grades) = (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>());
        foreach (var m in models.Where(m => m.Pqv.Count > 0))
        {
            Line Idle(string name, string kind, IReadOnlyList<RlRun> runs) =>
                Over(name, kind, [.. runs.Select(r => (r.Seed, r.NoProgress))]);
            panels.Add(new($"Start {m.Model}", Iterations, "steps without progress", false, true,
                [Idle("Rex + αA", "series-0", m.Pav), Idle("Rex + αQ", "series-3", m.Pqv)]));
            panels.Add(new($"Start {m.Model}", Iterations, Accuracy, false, true,
                [LineFrom("Rex + αA", "series-0", m.Pav), LineFrom("Rex + αQ", "series-3", m.Pqv)]));
            var shared = m.Pav.Join(m.Pqv, a => a.Seed, q => q.Seed, (a, q) => (A: a, Q: q)).ToList();
            if (shared.Count == 0) continue;
            var (a, q) = (Passes("", "", [.. shared.Select(r => r.A)]), Passes("", "", [.. shared.Select(r => r.Q)]));
            var lost = a.Bootstrapped(s => s.Mean(a.Points[0].Correct) - s.Mean(q.Points[0].Correct));
            var idle = RlComparison.Over([.. shared.Select(r => Last(r.Q) - Last(r.A))]);
            findings.Add(new($"{m.Model}: steps without progress in the last tenth of iterations, αQ minus αA", idle.Value, idle.Low,
                idle.High, "points", "the share grows with αQ (App. G)"));
            findings.Add(Finding.From($"{m.Model}: accuracy on test problems, αA minus αQ", lost, "points", "αQ collapses (App. G)"));
            var more = idle.Low > 0;
            grades.Add(FigureVerdicts.FromBoth(more, lost.Low > 0));
        }

        return Sum(models, "G", "Q instead of progress", asks, rule, grades, panels, findings, size,
            "With Q as the reward steps without progress spread and accuracy suffers",
            "With Q as the reward either steps without progress spread or accuracy suffers",
            "Neither do steps without progress spread nor does accuracy suffer, as far as can be told");

        static double Last(RlRun run) => run.NoProgress.TakeLast(Math.Max(1, run.NoProgress.Count / 10)).Average(p => p.Y);
    }

    private static FigureSummary Sum(
        IReadOnlyList<RlRuns> models, string figure, string title, string asks, string rule, IReadOnlyList<FigureVerdict> grades,
            IReadOnlyList<Panel> panels, IReadOnlyList<Finding> findings, RunSize size, string reproduced, string partly, string not)
    {
        var summary = SearchFigures.Sum(figure, title, asks, rule, grades, panels, findings, size, reproduced, partly, not, Intervals.OfRl);
        return summary.Verdict == FigureVerdict.NotRun ? summary : summary with
        {
            Notes = [.. models.Select(m => $"{m.Model}: rewards of progress A: "
                + $"{m.PavWay.Words}{(m.Pqv.Count > 0 ? $"; rewards of Q: {m.PqvWay.Words}" : "")}."), .. summary.Notes],
        };
    }

    private static Line LineFrom(string name, string kind, IReadOnlyList<RlRun> runs) =>
        Over(name, kind,
        [.. runs.Select(r => (r.Seed, (IReadOnlyList<LinePoint>)[.. r.Valid.Points.Select(p => new LinePoint(p.Iteration, p.Accuracy))]))]);

    /// <summary>Means over seeds with t intervals, at iterations that all have.</summary>
    internal static Line Over(string name, string kind, IReadOnlyList<(int Seed, IReadOnlyList<LinePoint> Points)> seeds)
    {
        var shared = seeds.Select(s => s.Points.Select(p => p.X)).Aggregate((a, b) => a.Intersect(b)).Order();
        return new(name, kind, [.. shared.Select(x =>
        {
            var mean = RlComparison.Over([.. seeds.Select(s => s.Points.First(p => p.X == x).Y)]);
            return new LinePoint(x, mean.Value, mean.Low is { } low ? Math.Max(0, low) : null, mean.High is { } high
                ? Math.Min(1, high) : null);
        })], seeds.Count < 2 ? [] : [.. seeds.Select(s => new SeedLine(s.Seed, s.Points))]);
    }

    /// <summary>Share of hard problems that a beam of each size answers; null where none was searched.</summary>
    private static Curve? Beams(string name, string kind, IReadOnlyList<RlRun> runs, IReadOnlySet<string> on)
    {
        var problems = on.Order(StringComparer.Ordinal).ToList();
        var beams = runs.Select(r => r.HardBeams.ToDictionary(b => (b.N, b.Problem), b => (double)b.Correct)).ToList();
        var sizes = runs[0].HardBeams.Select(b => b.N).Distinct().Order()
            .Where(n => problems.All(p => beams.All(b => b.ContainsKey((n, p))))).ToList();
        return sizes.Count == 0 ? null : new(name, kind, [.. runs.Select(r => r.Seed)], problems, [.. sizes.Select(n =>
        {
            double[][] right = [.. beams.Select(b => problems.Select(p => b[(n, p)]).ToArray())];
            return new CurvePoint(n, right, right, right, right);
        })]);
    }

    /// <summary>Pass@N for N = 1, 2, 4 … of each problem.</summary>
    internal static Curve Passes(string name, string kind, IReadOnlyList<RlRun> runs, IReadOnlySet<string>? on = null)
    {
        var problems = runs[0].Test.Select(t => t.Problem).Where(p => on is null || on.Contains(p)).Order(StringComparer.Ordinal).ToList();
        var samples = runs.Min(r => r.Test.Min(t => t.Samples));
        var tallies = runs.Select(r => r.Test.ToDictionary(t => t.Problem)).ToList();
        return new(name, kind, [.. runs.Select(r => r.Seed)], problems,
            [.. Enumerable.Range(0, 17).Select(i => 1 << i).Where(n => n <= samples).Select(n =>
        {
            double[][] pass = [.. tallies.Select(t => problems.Select(p => PassAtN.Compute(t[p].Samples, t[p].Right, n)).ToArray())];
            return new CurvePoint(n, pass, pass, pass, pass);
        })]);
    }
}
