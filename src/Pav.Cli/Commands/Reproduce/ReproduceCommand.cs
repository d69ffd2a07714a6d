using System.Globalization;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models.Files;
using Pav.Report.Folders;
using Pav.Report.Reproduction;

namespace Pav.Cli.Commands.Reproduce;

internal sealed record ReproduceSettings
{
    [FiguresFlag("Figures of the paper, and what goes beyond them; all for every one", Positional = true, Required = true, Prefix = "fig")]
    public string[] Figure { get; init; } = [];

    [Flag("How large: quick (10 minutes for all on two cores), default (86), full (a night), or a file like "
        + "recipes/reproduce/quick.json")]
    public string Scale { get; init; } = "default";

    [Flag("Folder of all runs; what is finished there is kept (default: runs/reproduce-SCALE)")]
    public string Out { get; init; } = "";

    [Flag("Also write results.md with its pictures and numbers into this folder")]
    public string Document { get; init; } = "";

    [Flag("A policy of your own in place of the embedded ones: a checkpoint folder")]
    public string Policy { get; init; } = "";

    [Flag("A Q verifier of it; without one, labels are made and verifiers trained")]
    public string Verifier { get; init; } = "";

    [Flag("An outcome verifier of it")]
    public string Outcome { get; init; } = "";

    [Flag("Problems on which everything is compared, for --policy")]
    public string Problems { get; init; } = "";

    [Flag("Problems for choosing alpha, checkpoints and thresholds")]
    public string ValidProblems { get; init; } = "";

    [Flag("Problems for labels and training")]
    public string TrainProblems { get; init; } = "";

    [Flag("Model from which verifiers are trained (default: --policy)")]
    public string Model { get; init; } = "";

    [OptionGroup]
    public PromptChoice Prompt { get; init; } = new();

    [OptionGroup]
    public EndChoice Ends { get; init; } = new();

    [Flag("Most tokens of a trace; 0: as the scale says", Min = 0, Max = 1048576)]
    public int MaxTokens { get; init; }

    [Flag("How answers are read and compared")]
    public string Grader { get; init; } = "numeric";

    [Flag("Weight of progress where it is not chosen on validation problems", Min = 0, Max = 10)]
    public double Alpha { get; init; } = 0.5;

    [Flag("Memory for the key-value caches of each model of a part in MB; two parts may run at once", Min = 16, Max = 1048576)]
    public int MemoryMb { get; init; } = 512;

    [Flag("Threads; 0: one for each processor", Min = 0, Max = 1024)]
    public int Threads { get; init; }

    [Flag("Where models run and learn: cpu; or, in libtorch, cuda, cuda:1, or torch (the CPU)")]
    public string Device { get; init; } = "cpu";
}

/// <summary>The files that were written, what the runs took, and the verdict on each figure.</summary>
internal sealed record ReproduceResult(string Report, string Results, double Seconds, long Tokens,
    IReadOnlyDictionary<string, string> Verdicts);

/// <summary>Runs what figures of the paper need, sums each up beside the paper's numbers, and writes a report and a document.</summary>
internal static class ReproduceCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<ReproduceSettings, ReproduceResult>(
        "reproduce", "Reproduce figures of the paper: runs what they need, and sets the paper's numbers beside ours. Started again, it "
            + "goes on where it stopped.",
        """
        pav reproduce 4 --scale quick
        pav reproduce all
        pav reproduce 4 5a 6a --policy models/mine --verifier models/mine-q --outcome models/mine-orm --problems test.jsonl --valid-problems valid.jsonl
        """, Output.File, Run);

    private static async Task<ReproduceResult> Run(ReproduceSettings given, CommandContext context)
    {
        var reporter = context.Reporter;
        if (given.Policy != "" && given.Problems == "")
            throw new UserError("--policy needs --problems: the embedded problems mean nothing to it.");
        var forPolicy = given.Verifier + given.Outcome + given.Problems + given.TrainProblems + given.ValidProblems + given.Model;
        if (given.Policy == "" && (forPolicy != "" || given.Prompt != new PromptChoice() || !given.Ends.IsDefault))
            throw new UserError("--verifier, --outcome, --model, problems, --template, --chat, --system, --step-end and --trace-stop "
                + "go with --policy.");
        var settings = given with { Out = given.Out != ""
            ? given.Out : Path.Combine("runs", $"reproduce-{Path.GetFileNameWithoutExtension(given.Scale)}") };
        Check(settings);
        var plan = new ReproducePlan(ReproduceScale.Load(given.Scale), settings);
        if (plan.Models.Count == 0) throw new UserError($"None of the models of this scale is here: {string.Join(", ", plan.Missing)}.");
        var figures = Figures.Chosen(given.Figure).Select(f => new Wanted(f, f.Prepare(plan), plan.TakeNeeded())).ToList();

        var (all, atOnce) = (plan.Parts, Sharing.AtOnce(settings.Threads, settings.Device));
        reporter.Say($"{figures.Count} figures from {all.Count} parts in {settings.Out}; the same command goes on where it was stopped.");
        if (plan.Missing.Count > 0) reporter.Say($"Not here, and left out: {string.Join(", ", plan.Missing)}.");
        if (atOnce > 1) reporter.Say($"Parts that do not depend on each other run at the same time, {atOnce} of them.");
        using var clock = WallClock.Start(settings.Out, all);
        var (left, begun, finished) = (new TimeLeft(all, atOnce), 0, new HashSet<string>());
        var jobs = all.Select(p => new Job(p.Name, p.Needs, left.Expected(p), (among, cancel) => RunPart(p, among, cancel))).ToList();
        foreach (var wanted in figures.Where(f => f.Parts.Count == 0)) SumUp(wanted);
        await foreach (var job in Schedule.Run(jobs, atOnce, context.Cancel))
        {
            clock.Save();
            finished.Add(job.Name);
            foreach (var wanted in figures.Where(f => f.IsDoneBy(job.Name, finished))) SumUp(wanted);
        }

        var results = Figures.All.Select(f => FileOf(settings.Out, f)).Where(File.Exists).Select(Json.Read<FigureSummary>).ToList();
        ResultsDocument.Write(settings.Out, results, everything: true);
        if (settings.Document != "") ResultsDocument.Write(settings.Document, results, everything: false);
        var report = ReportWriter.Write([settings.Out], DateTimeOffset.Now, RlWays.Read);
        var total = Measured.From(settings, plan, all);
        reporter.Say("");
        foreach (var line in ResultTable.Lines(["figure", "verdict"],
            [.. results.Select(r => (IReadOnlyList<string>)[$"{r.Figure}: {r.Title}", ResultsDocument.Words(r.Verdict)])],
            reporter.Width)) reporter.Say(line);
        reporter.Say(string.Create(CultureInfo.InvariantCulture, $"\n{clock.ThisStart / 60:0.#} minutes, {clock.AllStarts / 60:0.#} in all "
            + $"starts; the parts' own times add up to {total.Seconds / 60:0.#}. {total.Tokens:N0} tokens generated or trained on. "
            + $"The report: {report}"));
        return new(
            report, Path.Combine(settings.Out, "results.json"), Math.Round(clock.AllStarts, 1), total.Tokens,
            results.ToDictionary(r => r.Figure, r => ResultsDocument.Words(r.Verdict)));

        async Task RunPart(Part part, int among, CancellationToken cancel)
        {
            reporter.Say($"\n[{Interlocked.Increment(ref begun)}/{all.Count}] {part.Name}: {part.Say}{left.Words()}");
            await Sharing.RunOnce(part.Name, part.Command, part.Settled(), part.Folder, among, reporter, cancel);
        }

        void SumUp(Wanted wanted)
        {
            var summary = wanted.SumUp(Measured.From(settings, plan, wanted.Parts));
            if (settings.Verifier != "")
                summary = summary with { Notes = [.. summary.Notes, "The verifier was given: seeds are of sampling alone."] };
            AtomicFile.WriteJson(FileOf(settings.Out, wanted.Figure), summary);
            reporter.Say($"\nFigure {summary.Figure}, {summary.Title}: {summary.Sentence}");
            foreach (var finding in summary.Findings) reporter.Say($"  {finding.What}: "
                + $"{ResultsDocument.Number(finding)}{(finding.Paper is { } paper ? $"; the paper: {paper}" : "")}");
        }
    }

    /// <summary>A figure that was asked for, how it is summed up, and from what.</summary>
    private sealed record Wanted(Figure Figure, Func<RunSize, FigureSummary> SumUp, IReadOnlyList<Part> Parts)
    {
        /// <summary>Was that the last of its parts?</summary>
        public bool IsDoneBy(string part, IReadOnlySet<string> finished) =>
            Parts.Any(p => p.Name == part) && Parts.All(p => finished.Contains(p.Name));
    }

    /// <summary>What is given must be there before hours of other parts are run.</summary>
    private static void Check(ReproduceSettings settings)
    {
        if (settings.Policy != "") Home.Model("--policy", settings.Policy);
        if (settings.Verifier != "") Home.Model("--verifier", settings.Verifier);
        if (settings.Outcome != "") Home.Model("--outcome", settings.Outcome);
        if (settings.Model != "") Home.Model("--model", settings.Model);
        foreach (var problems in new[] { settings.Problems, settings.ValidProblems, settings.TrainProblems })
            if (problems != "") Pav.Models.Files.Problems.Read(problems);
        Grader.Named(settings.Grader);
    }

    private static string FileOf(string folder, Figure figure) => Path.Combine(folder, "figures", $"figure-{figure.Id}.json");
}
