using System.Text.Json.Nodes;
using Pav.Cli.Options;
using Pav.Models.Files;

namespace Pav.Cli.Commands;

internal sealed record LabelsExportSettings
{
    [Flag("File to write", Required = true, Local = true)]
    public string Out { get; init; } = "";

    [Flag("Labels: folders of 'label' runs or labels.jsonl files", Required = true, Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("The problems that were labelled", Required = true, Input = true)]
    public string[] Problems { get; init; } = [];

    [Flag("trl: stepwise supervision; math-shepherd; jsonl: all fields, one type for each column, for Hugging Face datasets", Choices = "trl|math-shepherd|jsonl")]
    public string Format { get; init; } = "trl";

    [Flag("A step's hard label is true if its share of right completions is at least this", Min = 0, AboveMin = true, Max = 1)]
    public double Threshold { get; init; } = 0.5;

    [Flag("How a problem is put before its steps; {problem} stands for its text, \\n for a newline")]
    public string Template { get; init; } = Checkpoint.PlainTemplate.Replace("\n", "\\n");

    [Flag("math-shepherd: the task column")]
    public string Task { get; init; } = "MATH";
}

internal sealed record LabelsImportSettings : RunSettings
{
    [Flag("File of step labels, plain or gzip", Required = true, Input = true)]
    public string Input { get; init; } = "";

    [Flag("What it holds", Required = true, Choices = "prm800k|math-shepherd|math-aps|trl")]
    public string Format { get; init; } = "";

    [Flag("prm800k: is a step that people rated neutral right (OpenAI's scoring) or wrong (TRL's converter)", Choices = "right|wrong")]
    public string Neutral { get; init; } = "right";

    [Flag("Completions behind each value of the file (math-aps: 32; trl); 0: unknown, the fewest that give the value are taken", Min = 0, Max = 100000)]
    public int Rollouts { get; init; }

    [Flag("What each step is to end with: newline, blank-line or a text")]
    public string StepEnd { get; init; } = "newline";

    [Flag("Name of the policy that wrote the traces (default: the format's)")]
    public string Policy { get; init; } = "";

    [Flag("Problem files: labels of a problem with the same text get its id", Input = true)]
    public string[] Problems { get; init; } = [];

    [Flag("Test problems: labels of those are left out", Input = true)]
    public string[] Exclude { get; init; } = [];
}

/// <summary>Labels in the formats of other programs.</summary>
internal static class LabelsCommands
{
    public static CommandSpec Export { get; } = CommandSpec.Of<LabelsExportSettings>(
        "labels export", "Write labels for other programs: TRL, Math-Shepherd, Hugging Face datasets.",
        "pav labels export --labels runs/labels --problems train.jsonl --format trl --threshold 0.5 --out stepwise.jsonl", Output.File, RunExport);

    public static CommandSpec Import { get; } = CommandSpec.Of<LabelsImportSettings>(
        "labels import", "Read step labels of other people as labels to train a verifier on: PRM800K, Math-Shepherd, MATH-APS, TRL.",
        "pav labels import --format math-shepherd --input math-shepherd.jsonl --exclude test.jsonl --out runs/shepherd", Output.Folder, RunImport);

    private static Task<JsonObject> RunImport(LabelsImportSettings settings, CommandContext context)
    {
        var format = settings.Format switch { "prm800k" => ImportFormat.Prm800k, "math-shepherd" => ImportFormat.MathShepherd, "math-aps" => ImportFormat.MathAps, _ => ImportFormat.Trl };
        var import = new LabelImport(format, settings.Neutral == "right", settings.Rollouts, settings.Policy != "" ? settings.Policy : settings.Format, StepEnd.Parse(settings.StepEnd));
        var (labels, problems) = import.Read(settings.Input, LabelFiles.Problems(settings.Problems).Values);
        var tested = Overlap.Of(LabelFiles.Problems(settings.Exclude).Values, problems).Select(o => o.Again.Id).ToHashSet();
        var kept = labels.Where(l => !tested.Contains(l.Problem)).ToList();
        if (kept.Count == 0) throw new UserError($"{settings.Input}: every problem stands among those of --exclude; nothing is left.");
        AtomicFile.Write(context.Run.At("labels.jsonl"), stream => JsonLines.WriteAll(stream, kept));
        Problems.Write(context.Run.At("problems.jsonl"), problems.Where(p => !tested.Contains(p.Id)));
        var prefixes = kept.Sum(l => l.N.Count(n => n > 0));
        context.Reporter.Say($"{kept.Count:N0} traces of {problems.Count - tested.Count:N0} problems, {prefixes:N0} labelled prefixes, {kept.Count(l => l.Unfinished):N0} traces without an outcome{(tested.Count > 0 ? $"; {tested.Count:N0} problems of --exclude left out" : "")}");
        return System.Threading.Tasks.Task.FromResult(new JsonObject
        {
            ["traces"] = kept.Count, ["problems"] = problems.Count - tested.Count, ["prefixes"] = prefixes, ["unfinished"] = kept.Count(l => l.Unfinished), ["excluded_problems"] = tested.Count,
        });
    }

    private static Task<JsonObject> RunExport(LabelsExportSettings settings, CommandContext context)
    {
        var format = settings.Format switch { "trl" => ExportFormat.Trl, "math-shepherd" => ExportFormat.MathShepherd, _ => ExportFormat.Jsonl };
        var export = new LabelExport(format, settings.Threshold, new(settings.Template.Replace("\\n", "\n")), settings.Task);
        var rows = export.Write(settings.Out, settings.Labels.SelectMany(LabelFiles.Read), LabelFiles.Problems(settings.Problems));
        context.Reporter.Say($"{rows:N0} rows in {settings.Out}");
        return System.Threading.Tasks.Task.FromResult(new JsonObject { ["file"] = settings.Out, ["rows"] = rows });
    }
}
