using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Files;
using Pav.Report.Folders;

namespace Pav.Cli.Commands.Demo;

internal sealed record DemoSettings : RunSettings
{
    [Flag("The small version, a few minutes")]
    public bool Quick { get; init; }

    [Flag("Plan to run: a file, or the name of one in recipes/ (default: demo, or demo-quick with --quick)")]
    public string Recipe { get; init; } = "";

    [Flag("Threads; 0: one for each processor", Min = 0, Max = 1024, Local = true)]
    public int Threads { get; init; }

    [Flag("Memory for key-value caches in MB", Min = 16, Max = 1048576, Local = true)]
    public int MemoryMb { get; init; } = 160;
}

/// <summary>The files that were written.</summary>
internal sealed record DemoResult(string Report, string? Summary);

/// <summary>Runs a plan's commands in sub-folders of one run folder, at the same time where they need nothing of each other, sums up, and
/// shows what came of it.</summary>
internal static class DemoCommand
{
    /// <param name="commands">What the steps of a plan can be.</param>
    public static CommandSpec Spec(Func<IReadOnlyList<CommandSpec>> commands) => CommandSpec.Create<DemoSettings, DemoResult>(
        "demo", "Run all of it in a row on the embedded problems and model: labels, verifiers, search, report.",
        "pav demo --quick", Output.Folder, (settings, context) => Run(settings, commands(), context));

    /// <summary>The request as one of this command, where its recipe is a plan of several commands, whichever command was asked
    /// for.</summary>
    public static (CommandSpec, Request) Resolve(CommandSpec demo, CommandSpec asked, Request request)
    {
        if (request.Recipe is not { } name) return (asked, request);
        var file = Recipe.Locate(name, asked.Name);
        if (!DemoPlan.IsPlan(file)) return (asked, request with { Recipe = file });
        if (request.Flags.Keys.FirstOrDefault(f => demo.Schema.Fields.All(field => field.FlagName != f)) is { } flag)
        {
            throw new UserError($"{file} is a plan of several commands, and {flag} goes with one of them; "
                + "change it in a copy of the plan, and run that with --recipe FILE.");
        }
        return (demo, request with { Flags = new Dictionary<string, string>(request.Flags) { ["--recipe"] = file }, Recipe = null });
    }

    private static async Task<DemoResult> Run(DemoSettings settings, IReadOnlyList<CommandSpec> commands, CommandContext context)
    {
        var (folder, reporter) = (context.Run, context.Reporter);
        var clock = Stopwatch.StartNew();
        var name = settings.Recipe != "" ? settings.Recipe : settings.Quick ? "demo-quick" : "demo";
        var source = Recipe.Locate(name);
        var local = new Dictionary<string, string> { ["--threads"] = OptionField.Text(settings.Threads),
            ["--memory-mb"] = OptionField.Text(settings.MemoryMb) };
        var steps = DemoPlan.Parse(source, File.ReadAllText(source)).Bind(folder.Path, commands, local);

        var (begun, ran) = (0, new ConcurrentDictionary<BoundStep, bool>());
        var jobs = steps.Select(step => new Job(step.Step.Name, DemoPlan.Needs(step, steps), step.Length, async (among, cancel) =>
        {
            reporter.Say($"\n[{Interlocked.Increment(ref begun)}/{steps.Count}] {step.Step.Name}: {step.Step.Say}");
            ran[step] = await RunStep(step, among, reporter, cancel);
        })).ToList();
        await foreach (var _ in Schedule.Run(jobs, Sharing.AtOnce(settings.Threads, DemoPlan.Device(steps)), context.Cancel))
        {
        }

        var search = steps.LastOrDefault(s => s.Command?.Name == "search");
        if (search is not null) SumUp(search.Path, folder, clock.Elapsed, reporter, shown: ran[search]);
        var data = RunFolders.Read([folder.Path], DateTimeOffset.Now, RlWays.Read);
        foreach (var line in RlTable.Lines(data.Rl, reporter.Width)) reporter.Say(line);
        // The report is the plan's last act, so in it the plan itself is finished.
        var finished =
            data with { Runs =
            [.. data.Runs.Select((run, i) => i == 0
            ? run with { Finished = data.Made.UtcDateTime.ToString("s", CultureInfo.InvariantCulture) + "Z" } : run)] };
        var report = ReportWriter.Write(finished, folder.Path);
        reporter.Say($"\nThe report: {report}");
        return new(report, search is null ? null : folder.At("summary.json"));
    }

    /// <summary>False where the step was done by an earlier start.</summary>
    private static async Task<bool> RunStep(BoundStep step, int among, Reporter reporter, CancellationToken cancel)
    {
        if (step.Command is not null)
            return await Sharing.RunOnce(step.Step.Name, step.Command, step.Options, step.Path, among, reporter, cancel);
        (among == 1 ? reporter : reporter.Beside(step.Step.Name)).Say(Gate((GateSettings)step.Options));
        return true;
    }

    /// <summary>Whether a verifier is good enough for its search to mean anything.</summary>
    private static string Gate(GateSettings gate)
    {
        return VerifierRecord.Load(gate.Verifier).Measures?.AucWithin is not { } auc
            ? $"{gate.Verifier}: its verifier.json holds no auc_within: the gate cannot be checked."
            : string.Create(CultureInfo.InvariantCulture,
                $"AUC within problems on held-out problems: {auc:0.000}; the gate of {gate.AucWithin:0.00} "
                + $"{(auc >= gate.AucWithin ? "holds" : "does NOT hold, so read what the search shows as the verifier's failure, not the method's")}.");
    }

    private static void SumUp(string search, RunFolder folder, TimeSpan elapsed, Reporter reporter, bool shown)
    {
        var summary = Json.Read<Summary>(Path.Combine(search, "summary.json"));
        AtomicFile.WriteJson(folder.At("summary.json"),
            summary with { Seconds = Math.Round(folder.SecondsBefore + elapsed.TotalSeconds, 1), PeakMemoryMb = folder.PeakMemory });
        if (!shown)
            foreach (var line in ResultTable.FromSummary(summary, reporter.Width).Concat(ResultTable.Claims(summary)).Prepend(""))
                reporter.Say(line);
        var trees = JsonLines.Read<SearchTree>(Path.Combine(search, "trees.jsonl")).ToList();
        if (TraceExample.Choose(trees) is not { } tree) return;
        reporter.Say("\nOne search, step by step (green: progress, red: a step back):");
        foreach (var line in TraceExample.Lines(tree, reporter.Colours)) reporter.SayColoured(line);
    }
}
