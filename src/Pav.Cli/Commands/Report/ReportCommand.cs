using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Terminal;
using Pav.Models.Files;
using Pav.Report.Folders;

namespace Pav.Cli.Commands.Report;

internal sealed record ReportSettings
{
    [Flag("Run folders; all that lie below them are read too", Positional = true, Required = true, Input = true)]
    public string[] Folders { get; init; } = [];

    [Flag("HTML file to write (default: report.html in the first folder)", Local = true)]
    public string Out { get; init; } = "";
}

/// <summary>Makes one self-contained HTML page from run folders.</summary>
internal static class ReportCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Of<ReportSettings>(
        "report", "Make one self-contained HTML page from run folders: accuracy against compute, verifiers, search trees, settings.",
        "pav report runs/demo --out report.html", Output.File, Run);

    private static Task<JsonObject> Run(ReportSettings settings, CommandContext context)
    {
        if (settings.Folders.FirstOrDefault(f => !Directory.Exists(f)) is { } missing) throw new UserError($"{missing}: there is no such folder.");
        var data = RunFolders.Read(settings.Folders, DateTimeOffset.Now, RlWays.Read);
        var path = ReportWriter.Write(data, settings.Folders[0], settings.Out == "" ? null : settings.Out);
        foreach (var line in RlTable.Lines(data.Rl, context.Reporter.Width)) context.Reporter.Say(line);
        context.Reporter.Say(path);
        var result = new JsonObject { ["file"] = path };
        if (data.Rl is { } rl) result["rl"] = JsonSerializer.SerializeToNode(rl.Comparisons, Json.Line);
        return Task.FromResult(result);
    }
}
