using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Label;

internal sealed record LabelSettings : SamplingSettings
{
    [Flag("Seed traces per problem", Min = 1, Max = 4096)]
    public int NCov { get; init; } = 4;

    [Flag("Completions from the end of every step", Min = 1, Max = 4096)]
    public int NMc { get; init; } = 8;

    [Flag("Which prefixes get them: all alike, or more up to the first pit of wrong traces", Choices = "random|first_pit")]
    public string Strategy { get; init; } = "random";

    [Flag("first_pit: a state is of high value above this", Min = 0, Max = 0.999)]
    public double HighValue { get; init; } = 0.5;

    [Flag("first_pit: completions of the prefixes that are kept", Min = 1, Max = 65536)]
    public int NMcPit { get; init; } = 32;

    [Flag("Draw so many steps at states of the seed traces and complete each, for 'pav prover'; 0 labels the seed traces themselves",
        Min = 0, Max = 256)]
    public int StepsPerState { get; init; }

    [Flag("steps_per_state: take the states at so many depths of a problem; 0 takes all", Min = 0, Max = 4096)]
    public int Depths { get; init; }

    [Flag("Complete the steps of that run's states.jsonl with this policy, a candidate for 'pav prover --provers'", Input = true)]
    public string States { get; init; } = "";

    [Flag("Label what searches visited instead of fresh traces: 'search' runs on these problems, with their --trees; at most --n-cov "
        + "of a problem", Input = true)]
    public string[] Visited { get; init; } = [];

    [Flag("visited: seed traces end in steps that a search kept, pruned or finished with; several take turns",
        Choices = "kept|pruned|finished")]
    public string[] VisitedKind { get; init; } = ["finished"];

    [Flag("As many seed traces of each problem as those labels have, at most --n-cov: fresh labels as the control of visited ones",
        Input = true)]
    public string AsManyAs { get; init; } = "";

    [Flag("Problems whose draws go to the policy together: larger is faster, the same labels", Min = 1, Max = 65536, Local = true)]
    public int ProblemsPerBatch { get; init; } = 32;

    [Flag("Batches under way at once, the same labels; 0: 4 with servers, else 1", Min = 0, Max = 4096, Local = true)]
    public int BatchesAtOnce { get; init; }

    [Flag("fixed: n-mc completions for every prefix; adaptive: looks after every n-mc of them, and stops when the 95% interval of Q is "
        + "at most --half-width to each side", Choices = "fixed|adaptive")]
    public string Allocation { get; init; } = "fixed";

    [Flag("adaptive: most completions of a prefix", Min = 1, Max = SequentialPlan.Limit)]
    public int NMcMax { get; init; } = 64;

    [Flag("adaptive: half-width of the interval that is narrow enough", Min = 0, AboveMin = true, Max = 0.49)]
    public double HalfWidth { get; init; } = 0.2;

    [Flag("adaptive: also stop when Q is so many standard errors from 0.5, the border of the label buckets; 0 is never", Min = 0, Max = 10)]
    public double Border { get; init; }

    [Flag("Part of the problems, INDEX/COUNT as in 3/16 with INDEX from 0; auto takes it from RANK, SLURM_PROCID or JOB_COMPLETION_INDEX "
        + "(auto/16 where the count is not told)")]
    public string Shard { get; init; } = "";

    [Flag("Stop once so many tokens were generated, to be taken up again with a larger budget; 0 is no limit", Min = 0, Local = true)]
    public long TokenBudget { get; init; }

    [Flag("After n-cov traces of every problem go on with more, until --token-budget is spent", Local = true)]
    public bool SpendBudget { get; init; }

    [Flag("Sample a few traces, say what the labels would cost, and write nothing", Local = true)]
    public bool DryRun { get; init; }

    public override bool OnlyTells => DryRun;

    public override bool CountsTokens => DryRun || TokenBudget > 0;

    public LabelOptions ToOptions(bool remote = false) => new()
    {
        NCov = NCov, NMc = NMc, Strategy = Strategy == "first_pit" ? LabelStrategy.FirstPit : LabelStrategy.Random,
        HighValue = HighValue, NMcPit = NMcPit, Seed = Seed, Sampling = Sampling, ProblemsPerBatch = ProblemsPerBatch,
        BatchesAtOnce = BatchesAtOnce > 0 ? BatchesAtOnce : remote ? 4 : 1,
        Plan = Allocation == "adaptive" ? new(NMc, NMcMax, HalfWidth, Border) : null,
    };

    /// <summary>Refuses what no single option shows to be wrong.</summary>
    public void Check()
    {
        if (SpendBudget && TokenBudget == 0) throw new UserError("--spend-budget needs --token-budget, which it is to spend.");
        if ((StepsPerState > 0 || States != "") && (Allocation != "fixed" || TokenBudget > 0 || DryRun))
            throw new UserError(
                "--allocation adaptive, --token-budget and --dry-run are for seed traces; leave out --steps-per-state and --states.");
        if (Visited.Length > 0 || AsManyAs != "")
        {
            var which = AsManyAs != "" ? "--as-many-as" : "--visited";
            if (Visited.Length > 0 && AsManyAs != "")
                throw new UserError("--visited labels what searches wrote, and --as-many-as what the policy writes afresh; give one.");
            if (VisitedKind.Length == 0) throw new UserError("--visited-kind names nothing; give kept, pruned, finished, or several.");
            if (Strategy != "random")
                throw new UserError($"{which} goes with --strategy random, which completes every prefix, not with {Strategy}.");
            if (StepsPerState > 0 || States != "")
                throw new UserError($"{which} is for seed traces; leave out --steps-per-state and --states.");
            if (SpendBudget || DryRun)
                throw new UserError($"{which} says how many traces there are; leave out --spend-budget and --dry-run.");
        }
        ToOptions().Check();
    }
}

/// <summary>What the labels of a run come to.</summary>
internal sealed record LabelTotals(int Traces, int Right, long Prefixes, long Completions);

/// <summary>Collects progress labels: seed traces, and from the end of each of their steps completions that are graded.</summary>
internal static class LabelCommand
{
    private const int RowsPerSync = 64;

    public static CommandSpec Spec { get; } = CommandSpec.Create<LabelSettings, object>(
        "label", "Collect progress labels: sample traces, and from the end of every step complete the trace many times and count right "
            + "answers.",
        """
        pav label --policy runs/sft --problems train.jsonl --n-cov 4 --n-mc 8 --out runs/labels
        pav label --policy runs/sft --problems train.jsonl --visited runs/search-train --n-cov 8 --n-mc 1 --out runs/labels-visited
        pav label --policy http://a:8000/v1,http://b:8000/v1 --problems train.jsonl --shard 3/16 --out runs/labels-3
        """, Output.Folder, Run);

    private static async Task<object> Run(LabelSettings settings, CommandContext context)
    {
        settings.Check();
        var shard = Label.Shard.Parse(settings.Shard);
        var problems = shard.Select(settings.ReadProblems()).ToList();
        using var policy = await OpenedPolicy.Open(settings, problems, context);
        var options = settings.ToOptions(policy.IsRemote) with { StepEnd = policy.StepEnd };
        if (settings.DryRun) return await LabelEstimate.Tell(policy, problems, options, context);
        if (settings.Shard != "") context.Run.Note("shard", shard.ToString());
        if (settings.StepsPerState > 0 || settings.States != "") return await StateLabels.Run(settings, policy, options, problems, context);

        var grader = new WatchedGrader(Pav.Grader.Named(settings.Grader));
        var seeds = VisitedRuns.Seeds(settings, problems, policy.StepEnd, context);
        var file = context.Run.At("labels.jsonl");
        var done = JsonLines.Read<LabelledTrace>(file).Select(l => (l.Problem, l.Trace)).ToHashSet();
        if (done.Count > 0) context.Reporter.Say($"{done.Count:N0} labelled traces are there already.");
        bool Affords() => settings.TokenBudget == 0 || policy.GeneratedTokens < settings.TokenBudget;
        for (var (first, futile) = (0, false); Affords() && (first == 0 || (settings.SpendBudget && !futile)); first += settings.NCov)
        {
            var (lines, lostBefore) = (done.Count, policy.Lost.Draws);
            await Round(options with { FirstTrace = first }, first == 0 ? "Labelling" : $"Labelling, traces from {first}");
            futile = done.Count == lines && policy.Lost.Draws > lostBefore;
        }

        if (done.Count == 0 && policy.Lost.Sentence() is { } lost) throw new UserError($"no trace was labelled: {lost}");
        var complete = problems.All(p => Wanted(p, options).All(t => done.Contains((p.Id, t))));
        if (!complete && !Affords() && !settings.SpendBudget)
            throw new UserError($"--token-budget {settings.TokenBudget} is spent ({policy.GeneratedTokens:N0} tokens generated); the "
                + $"labels so far are whole. To go on: {Home.Again("label", context.Run.Path)} --token-budget MORE");
        GraderChoice.Warn(grader.Advice, context);
        return Summarise(file, done.Count, context.Reporter);

        IEnumerable<int> Wanted(Problem problem, LabelOptions round) => (seeds ?? SeedTraces.Drawn).Indices(problem.Id, round);

        async Task Round(LabelOptions round, string title)
        {
            var missing = problems.Where(p => Wanted(p, round).Any(t => !done.Contains((p.Id, t)))).ToList();
            await context.Reporter.Track(title, problems.Count, "problems", async tracker =>
            {
                var finished = problems.Count - missing.Count;
                using var lines = JsonLines.Append(file, RowsPerSync);
                void Progress(LabelProgress p) =>
                    tracker.At(finished + p.Problems, $"{p.Prefixes:N0} prefixes, {p.GeneratedTokens:N0} tokens");
                await foreach (var line in Labelling.Run(policy, grader.Grader, missing.TakeWhile(_ => Affords()), round, (p, t) =>
                    done.Contains((p, t)), Progress, seeds, context.Cancel))
                {
                    lines.Write(line);
                    done.Add((line.Problem, line.Trace));
                }
                return 0;
            }, problems.Count - missing.Count);
        }
    }

    private static LabelTotals Summarise(string file, int written, Reporter reporter)
    {
        var (traces, right, unfinished, prefixes, completions) = (0, 0, 0, 0L, 0L);
        foreach (var line in JsonLines.Read<LabelledTrace>(file))
        {
            traces++;
            right += line.Rex;
            unfinished += line.Unfinished ? 1 : 0;
            prefixes += line.N.Count(n => n > 0);
            completions += line.N.Sum(n => (long)n);
        }
        RunFolder.CheckWritten(file, traces, written);
        var (broken, whole) = unfinished == 0 ? ("", "them") : ($"{unfinished:N0} of them unfinished, ", "the others");
        reporter.Say($"{traces:N0} traces, {broken}{100.0 * right / Math.Max(1, traces - unfinished):0.0}% of {whole} right; "
            + $"{prefixes:N0} prefixes with {completions:N0} completions in {file}");
        return new(traces, right, prefixes, completions);
    }
}
