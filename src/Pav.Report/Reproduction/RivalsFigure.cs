namespace Pav.Report.Reproduction;

/// <summary>One way of RL on one set of problems, over its seeds.</summary>
/// <param name="Progress">It rewards progress, by means that are counted: what the verdict is about.</param>
/// <param name="Way">Learning rate and α, as they were chosen.</param>
/// <param name="Runs">Whose <see cref="RlPoint.AllTokens"/> are by <see cref="TokenWeights"/>, what came before RL included.</param>
/// <param name="Tests">Of each run, its last policy on the test problems.</param>
/// <param name="Tried">Held-out accuracy that the best of the runs by which learning rate and α were chosen gained from its start to its
/// end.</param>
internal sealed record RivalArm(string Id, string Name, bool Progress, string Way, IReadOnlyList<RivalCurve> Runs,
    IReadOnlyList<IReadOnlyList<TestTally>> Tests, double Tried)
{
    /// <summary>Where no try gained so much, chance would choose among them.</summary>
    public const double Begun = 0.05;

    public bool Tuned => Tried >= Begun;
}

/// <summary>All ways of RL on problems of one difficulty.</summary>
internal sealed record RivalTask(string Name, IReadOnlyList<RivalArm> Arms);

/// <summary>RL with progress against the strongest other ways of credit, at equal cost in tokens of every kind.</summary>
internal static class RivalsFigure
{
    public const string Outcome = "orm";

    /// <summary>Ways of credit by rollouts of the policy itself.</summary>
    public static readonly IReadOnlyList<string> Rollouts = ["vineppo3", "vineppo9"];

    private const string Title = "RL at equal total cost";

    private static readonly double[] Levels = [0.5, 0.9];

    /// <summary>The level to which ways are raced.</summary>
    private const double Level = 0.5;

    /// <param name="OutcomeTuned">Are the settings of outcome rewards more than chance?</param>
    /// <param name="RolloutsTuned">Those of every way by rollouts?</param>
    private sealed record Compared(RivalArm Arm, RivalRatio? Iterations, RivalRatio? Tokens, IReadOnlyList<RivalRatio?> OverRollouts,
        bool OutcomeTuned, bool RolloutsTuned)
    {
        public bool Faster => OutcomeTuned && Iterations?.Student?.Value >= 5 && Iterations.IsAbove(2);

        public bool Cheaper => OutcomeTuned && RolloutsTuned && Tokens?.IsAbove(1) == true && OverRollouts.Count > 0
            && OverRollouts.All(r => r?.IsAbove(1) == true);
    }

    public static FigureSummary From(IReadOnlyList<RivalTask> tasks, RunSize size)
    {
        const string asks = "Does progress pay for itself in RL? Outcome rewards, GRPO, λ-GRPO, VinePPO and progress, each with the "
            + "learning rate and α that suit it, against everything they take: tokens for updates, rollouts, labels, verifiers.";
        const string rule = "Reproduced: on every difficulty some way of progress whose cost is counted needs 5 times fewer iterations "
            + "than outcome rewards to half of the held-out samples right, intervals above 2, and fewer tokens of all kinds than outcome "
            + "rewards, and than VinePPO with 3 and with 9 rollouts, intervals above 1; partly: one of the two somewhere; else not. Both "
            + "intervals count, over seeds and crossed; the best way of progress counts, without correction for their number. What the "
            + "others never reach counts at their end, so that a ratio is at least so much; a seed on which progress never gets there "
            + "rules the claim out. A ratio beside a way whose settings chance chose (none of its tries gained 5 points of held-out "
            + "samples) does not count.";
        var (panels, findings, grades, rows) =
            (new List<Panel>(), new List<Finding>(), new List<FigureVerdict>(), new List<IReadOnlyList<string>>());
        foreach (var task in tasks)
        {
            var compared = task.Arms.Select(a => Compare(task, a)).ToList();
            panels.Add(new(task.Name, "tokens of all kinds", "held-out samples right", true, true, [.. task.Arms.Select(Over)]));
            findings.AddRange(compared.Where(c => c.Arm.Progress).SelectMany(c => Findings(task, c)));
            rows.AddRange(compared.Select(c => Row(task, c)));
            var counted = compared.Where(c => c.Arm.Progress).ToList();
            grades.Add(FigureVerdicts.From(counted.Exists(c => c.Faster && c.Cheaper), counted.Exists(c => c.Faster || c.Cheaper)));
        }

        var summary = SearchFigures.Sum("rivals", Title, asks, rule, grades, panels, findings, size,
            "Progress needs fewer iterations and fewer tokens in all than outcome rewards and VinePPO",
            "Progress saves iterations or tokens, but not both on every difficulty",
            "No way of progress is shown to save 5 times the iterations, or tokens beside every rival; the table says what each saves",
            "Behind ratios first 95% by Student's t over seeds, then 95% from a bootstrap over seeds and held-out problems, crossed, in "
            + "which a seed that does not get there on the problems drawn counts at its end; the upper ends of a bound say nothing; "
            + "curves: t over seeds; test accuracy: crossed bootstrap.");
        return summary.Verdict == FigureVerdict.NotRun ? summary : summary with
        {
            Table = new(["difficulty", "way", "chosen", "test samples right",
                .. Levels.Select(l => Text($"to {100 * l:0}% held-out right")), "to 50%: times fewer iterations than ORM",
                "times fewer tokens than ORM", "times fewer tokens than VinePPO-3", "tokens of a whole run"], rows),
            Notes = [TokenWeights.Words, "A ratio is the geometric mean over the seeds that get to the level; seeds that never do, on "
                + "either side, are named beside it.",
                "Each way's learning rate and α were chosen with other seeds on the held-out problems of the first difficulty, which are "
                    + "also those of its curves and ratios, and count on every difficulty; test problems are others. Of verifiers of more "
                    + "and fewer labels or of RL's own traces, and the oracle, the one of fewest labels chose for all. Warm-ups have equal "
                    + "lengths, of at most a tenth of a run; each seed has labels and a verifier of its own, and all begin with the same policy.",
                "An oracle is no ceiling: its values are counted from few completions, and exact ones may do better.",
                .. tasks.SelectMany(ByChance), .. summary.Notes],
        };
    }

    private static IEnumerable<string> ByChance(RivalTask task)
    {
        string[] names = [.. task.Arms.Where(a => !a.Tuned).Select(a => a.Name)];
        if (names.Length > 0) yield return $"{task.Name}, {string.Join(", ", names)}: none of the tries that choose for it had begun to learn, so "
            + "its settings are not tuned, and others may do better.";
    }

    private static Compared Compare(RivalTask task, RivalArm arm)
    {
        RivalRatio? Against(string id, Func<RlPoint, double> cost) => id == arm.Id || task.Arms.FirstOrDefault(a => a.Id == id) is not { } b
            ? null : RivalRatio.From(arm.Runs, b.Runs, Level, cost);
        return new(arm, Against(Outcome, p => p.Iteration), Against(Outcome, p => p.AllTokens),
            [.. Rollouts.Where(id => task.Arms.Any(a => a.Id == id)).Select(id => Against(id, p => p.AllTokens))],
            task.Arms.All(a => a.Id != Outcome || a.Tuned), task.Arms.All(a => !Rollouts.Contains(a.Id) || a.Tuned));
    }

    private static IEnumerable<Finding> Findings(RivalTask task, Compared c)
    {
        Finding Ratio(string what, RivalRatio? r, string? paper = null) => new(
            Text($"{task.Name}, {c.Arm.Name}: {what}{Student(r)}{Seeds(r)}"), r?.Student?.Value, r?.Low, r?.High, "times", paper);
        yield return Ratio("to 50%, times fewer iterations than ORM", c.Iterations, "about 6 (Fig. 7)");
        yield return Ratio("times fewer tokens of all kinds than ORM", c.Tokens);
        foreach (var (id, r) in Rollouts.Where(id => task.Arms.Any(a => a.Id == id)).Zip(c.OverRollouts))
            yield return Ratio($"times fewer tokens than {task.Arms.First(a => a.Id == id).Name}", r);
        if (task.Arms.FirstOrDefault(a => a.Id == Outcome) is { } orm)
        {
            var (pass, other) = (Passes(c.Arm), Passes(orm));
            yield return Finding.From($"{task.Name}, {c.Arm.Name} minus ORM, test problems",
                pass.Bootstrapped(s => s.Mean(pass.Points[0].Correct) - s.Mean(other.Points[0].Correct)), "points", "more than 6 (Fig. 7)");
        }
    }

    private static string Student(RivalRatio? r) =>
        r?.Student is { Low: { } low, High: { } high } ? Text($" (t [{low:0.0}, {high:0.0}])") : "";

    /// <summary>Which seeds a ratio stands for, where not for all, and where it is a bound.</summary>
    private static string Seeds(RivalRatio? r)
    {
        if (r is null) return "";
        var others = r.AtLeast > 0 ? Text($"; at least, as on {r.AtLeast} the other never gets there") : "";
        if (r.Reached == r.Seeds) return others;
        var never = r.Never > 0
            ? Text($"; on {r.Never} it never gets there{(r.AtMost is { } most ? Text($", with these at most {most:0.0}") : "")}") : "";
        return Text($" on {r.Reached} of {r.Seeds} seeds{others}{never}{(r.FromStart > 0 ? $"; {r.FromStart} begin there" : "")}");
    }

    private static IReadOnlyList<string> Row(RivalTask task, Compared c)
    {
        var pass = Passes(c.Arm);
        var test = pass.Bootstrapped(s => s.Mean(pass.Points[0].Correct));
        var three = task.Arms.Any(a => a.Id == Rollouts[0]) ? c.OverRollouts[0] : null;
        return [task.Name, c.Arm.Name, $"{c.Arm.Way}{(c.Arm.Tuned ? "" : " (not tuned)")}",
            Text($"{100 * test.Value:0.0}% [{100 * test.Low:0.0}, {100 * test.High:0.0}]"),
            .. Levels.Select(level => Reaching(c.Arm, level)), Cell(c.Iterations), Cell(c.Tokens), Cell(three),
            Million(c.Arm.Runs.Average(r => r.Curve.Points[^1].AllTokens))];
    }

    /// <summary>Iterations and tokens to a level of held-out accuracy.</summary>
    private static string Reaching(RivalArm arm, double level)
    {
        var iterations = CostToReach.From(arm.Runs, level, p => p.Iteration);
        var tokens = CostToReach.From(arm.Runs, level, p => p.AllTokens);
        if (iterations.Value is null || tokens.Value is null) return Text($"not reached (0 of {iterations.Seeds})");
        var bound = iterations.Reached == iterations.Seeds ? ""
            : Text($" on {iterations.Reached} of {iterations.Seeds}; over all at least {iterations.AtLeast:0} and ")
                + Million(tokens.AtLeast);
        return Text($"{iterations.Value.Value:0} iterations, {Million(tokens.Value.Value)} tokens{bound}");
    }

    private static string Million(double tokens) => Text($"{tokens / 1e6:0.00} M");

    private static string Cell(RivalRatio? r)
    {
        if (r is null) return "";
        var crossed = r is { Low: { } low, High: { } high } ? Text($" [{low:0.0}, {high:0.0}]") : "";
        var value = r.Student is { } s ? Text($"{(r.AtLeast > 0 ? "≥ " : "")}{s.Value:0.0}{Student(r)}{crossed}") : "none";
        return value + Seeds(r);
    }

    private static Curve Passes(RivalArm arm) => RlFigures.Passes(arm.Name, "",
        [.. arm.Runs.Zip(arm.Tests, (r, t) => new RlRun((int)r.Curve.Seed, r.Curve, [], t, []))]);

    /// <summary>Means over the seeds of both axes, measure by measure.</summary>
    private static Line Over(RivalArm arm, int place)
    {
        IReadOnlyList<LinePoint> Points(RivalCurve run) => [.. run.Curve.Points.Select(p => new LinePoint(p.AllTokens, p.Accuracy))];
        var seeds = arm.Runs.Select(r => (Seed: (int)r.Curve.Seed, Points: Points(r))).ToList();
        return new(arm.Name, $"series-{place}", [.. Enumerable.Range(0, seeds.Min(s => s.Points.Count)).Select(i =>
        {
            var mean = RlComparison.Over([.. seeds.Select(s => s.Points[i].Y)]);
            return new LinePoint(seeds.Average(s => s.Points[i].X), mean.Value, mean.Low is { } low ? Math.Max(0, low) : null,
                mean.High is { } high ? Math.Min(1, high) : null);
        })], seeds.Count < 2 ? [] : [.. seeds.Select(s => new SeedLine(s.Seed, s.Points))]);
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
