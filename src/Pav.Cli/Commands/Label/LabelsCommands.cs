using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Label;

internal sealed record LabelsExportSettings
{
    [Flag("File to write", Required = true, Local = true)]
    public string Out { get; init; } = "";

    [Flag("Labels: folders of 'label' runs or labels.jsonl files", Required = true, Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("The problems that were labelled", Required = true, Input = true)]
    public string[] Problems { get; init; } = [];

    [Flag("trl: stepwise supervision; math-shepherd; jsonl and parquet: all fields, one type for each column, for Hugging Face datasets",
        Choices = "trl|math-shepherd|jsonl|parquet")]
    public string Format { get; init; } = "trl";

    [Flag("A step's hard label is true if its share of right completions is at least this", Min = 0, AboveMin = true, Max = 1)]
    public double Threshold { get; init; } = 0.5;

    [Flag("How a problem is put before its steps; {problem} stands for its text, \\n for a newline")]
    public string Template { get; init; } = Checkpoint.PlainTemplate.Replace("\n", "\\n");

    [Flag("math-shepherd: the task column")]
    public string Task { get; init; } = "MATH";

    [Flag("Replace a file that is there with other content", Local = true)]
    public bool Overwrite { get; init; }
}

internal sealed record LabelsImportSettings : RunSettings
{
    [Flag("Step labels: JSON lines or a JSON list, plain or gzip, Parquet, Arrow, or a data set's folder (FOLDER:SPLIT)",
        Required = true, Input = true)]
    public string Input { get; init; } = "";

    [Flag("What it holds", Required = true, Choices = "prm800k|math-shepherd|math-aps|trl|rlhflow|jsonl|parquet")]
    public string Format { get; init; } = "";

    [Flag("prm800k: is a step that people rated neutral right (OpenAI's scoring) or wrong (TRL's converter)", Choices = "right|wrong")]
    public string Neutral { get; init; } = "right";

    [Flag("Completions behind each value of the file (math-aps: 32; trl); 0: unknown, the fewest that give the value are taken", Min = 0,
        Max = 100000)]
    public int Rollouts { get; init; }

    [Flag("What each step is to end with: newline, blank-line or a text")]
    public string StepEnd { get; init; } = "newline";

    [Flag("Name of the policy that wrote the traces (default: the format's)")]
    public string Policy { get; init; } = "";

    [Flag("Problem files: labels of a problem with the same text get its id", Input = true)]
    public string[] Problems { get; init; } = [];

    [Flag("Test problems: labels of those are left out", Input = true)]
    public string[] Exclude { get; init; } = [];

    [Flag("What a row that cannot be used does: stop ends the reading, skip leaves it out and tells how many and why",
        Choices = "stop|skip")]
    public string OnBadRow { get; init; } = "skip";
}

/// <summary>The file that was written, and what another format could not hold.</summary>
internal sealed record ExportedLabels(string File, int Rows, int LeftOutTraces, int CutTraces, int LeftOutLabels);

/// <summary>What was read, and what could not be.</summary>
/// <param name="StepsWithAnEndInside">Steps that a policy would have ended earlier.</param>
internal sealed record ImportedLabels(
    int Traces, int Problems, int Prefixes, int Unfinished, int ExcludedProblems,
    int LeftOutRows, IReadOnlyList<string> LeftOutFirst, int StepsWithAnEndInside);

/// <summary>Labels in the formats of other programs.</summary>
internal static class LabelsCommands
{
    public static CommandSpec Export { get; } = CommandSpec.Create<LabelsExportSettings, ExportedLabels>(
        "labels export", "Write labels for other programs: TRL, Math-Shepherd, Hugging Face datasets.",
        "pav labels export --labels runs/labels --problems train.jsonl --format trl --threshold 0.5 --out stepwise.jsonl", Output.File,
            RunExport);

    public static CommandSpec Import { get; } = CommandSpec.Create<LabelsImportSettings, ImportedLabels>(
        "labels import", "Read step labels of other people as labels to train a verifier on: PRM800K, Math-Shepherd, MATH-APS, TRL.",
        "pav labels import --format math-shepherd --input math-shepherd.jsonl --exclude test.jsonl --out runs/shepherd", Output.Folder,
            RunImport);

    private static Task<ImportedLabels> RunImport(LabelsImportSettings settings, CommandContext context)
    {
        var import = new LabelImport(Format(settings.Format), settings.Neutral == "right", settings.Rollouts, settings.Policy != ""
            ? settings.Policy : settings.Format, StepEnd.Parse(settings.StepEnd));
        var problems = new ImportedProblems(LabelFiles.Problems(settings.Problems).Values);
        var tests = LabelFiles.Problems(settings.Exclude).Values.Select(p => Overlap.Key(p.Text)).ToHashSet();
        var bad = new BadRows(settings.OnBadRow == "stop");
        var tally = new ImportTally(import.StepEnd);
        AtomicFile.Write(context.Run.At("labels.jsonl"), stream =>
        {
            foreach (var label in import.Read(settings.Input, problems, bad))
            {
                context.Cancel.ThrowIfCancellationRequested();
                if (tests.Contains(Overlap.Key(problems[label.Problem].Text))) continue;
                JsonLines.WriteAll(stream, [label]);
                tally.Add(label);
            }

            if (tally.Traces == 0)
                throw new UserError($"{settings.Input}: every problem stands among those of --exclude; nothing is left.");
        });
        var kept = problems.All.Where(p => !tests.Contains(Overlap.Key(p.Text))).ToList();
        Problems.Write(context.Run.At("problems.jsonl"), kept);
        var excluded = problems.All.Count - kept.Count;
        foreach (var line in bad.Lines($"see whether it is of the format {settings.Format}")) context.Reporter.Say(line);
        if (tally.Warning is { } warning) context.Reporter.Say(warning);
        var left = excluded > 0 ? $"; {excluded:N0} problems of --exclude left out" : "";
        context.Reporter.Say($"{tally.Traces:N0} traces of {kept.Count:N0} problems, {tally.Prefixes:N0} labelled prefixes, "
            + $"{tally.Unfinished:N0} traces without an outcome{left}");
        return Task.FromResult(new ImportedLabels(
            tally.Traces, kept.Count, tally.Prefixes, tally.Unfinished, excluded, bad.Count, [.. bad.First], tally.Several));
    }

    private static ImportFormat Format(string name) => name switch
    {
        "prm800k" => ImportFormat.Prm800k,
        "math-shepherd" => ImportFormat.MathShepherd,
        "math-aps" => ImportFormat.MathAps,
        "rlhflow" => ImportFormat.Rlhflow,
        "jsonl" or "parquet" => ImportFormat.Jsonl,
        _ => ImportFormat.Trl,
    };

    private static Task<ExportedLabels> RunExport(LabelsExportSettings settings, CommandContext context)
    {
        var format = settings.Format switch { "trl" => ExportFormat.Trl, "math-shepherd" => ExportFormat.MathShepherd,
            "parquet" => ExportFormat.Parquet, _ => ExportFormat.Jsonl };
        var export = new LabelExport(format, settings.Threshold, new PromptTemplate(settings.Template.Replace("\\n", "\n")).Fill,
            settings.Task);
        var done = export.Write(settings.Out, settings.Labels.SelectMany(LabelFiles.Read), LabelFiles.Problems(settings.Problems),
            settings.Overwrite);
        if (done.Lost > 0 || done.Left > 0)
        {
            context.Reporter.Say($"warning: {settings.Format} needs a label at every step: {done.Lost:N0} labels are left out, as "
                + $"{done.Cut:N0} traces end before a step without one, "
                + $"and {done.Left:N0} have none at their first step; --format jsonl or parquet holds all");
        }

        context.Reporter.Say($"{done.Rows:N0} rows in {settings.Out}");
        return Task.FromResult(new ExportedLabels(settings.Out, done.Rows, done.Left, done.Cut, done.Lost));
    }

    /// <summary>What was imported, counted while it streams by.</summary>
    private sealed class ImportTally(StepEnd end)
    {
        private int steps, blank;

        public int Traces { get; private set; }

        public int Prefixes { get; private set; }

        public int Unfinished { get; private set; }

        /// <summary>Steps with a step's end before their own.</summary>
        public int Several { get; private set; }

        public void Add(LabelledTrace label)
        {
            Traces++;
            Prefixes += label.N.Count(n => n > 0);
            Unfinished += label.Unfinished ? 1 : 0;
            steps += label.Steps.Count;
            Several += label.Steps.Count(s => end.In(s.AsSpan(0, s.Length - end.Literal!.Length)));
            blank += label.Steps.Count(s => StepEnd.BlankLine.In(s.AsSpan().TrimEnd('\n')));
        }

        public string? Warning => Several == 0 ? null
            : $"warning: {Several:N0} of {steps:N0} steps go on after their first {end}, as no policy's step does when --step-end is {end}"
            + (end == StepEnd.Newline ? $"; with --step-end blank-line it would be {blank:N0}" : "");
    }
}
