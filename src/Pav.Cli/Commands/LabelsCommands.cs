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

/// <summary>Labels in the formats of other programs.</summary>
internal static class LabelsCommands
{
    public static CommandSpec Export { get; } = CommandSpec.Of<LabelsExportSettings>(
        "labels export", "Write labels for other programs: TRL, Math-Shepherd, Hugging Face datasets.",
        "pav labels export --labels runs/labels --problems train.jsonl --format trl --threshold 0.5 --out stepwise.jsonl", Output.File, RunExport);

    private static Task<JsonObject> RunExport(LabelsExportSettings settings, CommandContext context)
    {
        var format = settings.Format switch { "trl" => ExportFormat.Trl, "math-shepherd" => ExportFormat.MathShepherd, _ => ExportFormat.Jsonl };
        var export = new LabelExport(format, settings.Threshold, new(settings.Template.Replace("\\n", "\n")), settings.Task);
        var rows = export.Write(settings.Out, settings.Labels.SelectMany(LabelFiles.Read), LabelFiles.Problems(settings.Problems));
        context.Reporter.Say($"{rows:N0} rows in {settings.Out}");
        return System.Threading.Tasks.Task.FromResult(new JsonObject { ["file"] = settings.Out, ["rows"] = rows });
    }
}
