using Pav.Cli.Commands.Rl;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Terminal;
using Pav.Report.Folders;

namespace Pav.Cli.Commands.Report;

internal sealed record ReportSettings
{
    [Flag("Run folders; all that lie below them are read too", Positional = true, Required = true, Input = true)]
    public string[] Folders { get; init; } = [];

    [Flag("HTML file to write (default: report.html in the first folder)", Local = true)]
    public string Out { get; init; } = "";
}

/// <summary>The page, and what RL runs came to where there are some.</summary>
internal sealed record ReportResult(string File, IReadOnlyList<RlComparison>? Rl);

/// <summary>Makes one self-contained HTML page from run folders.</summary>
internal static class ReportCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<ReportSettings, ReportResult>(
        "report", "Make one self-contained HTML page from run folders: accuracy against compute, verifiers, search trees, settings.",
        "pav report runs/demo --out report.html", Output.File, Run);

    private static Task<ReportResult> Run(ReportSettings settings, CommandContext context)
    {
        if (settings.Folders.FirstOrDefault(f => !Directory.Exists(f)) is { } missing)
            throw new UserError($"{missing}: there is no such folder.");
        var data = RunFolders.Read(settings.Folders, DateTimeOffset.Now, RlWays.Read);
        var path = ReportWriter.Write(data, settings.Folders[0], settings.Out == "" ? null : settings.Out);
        foreach (var line in RlTable.Lines(data.Rl, context.Reporter.Width)) context.Reporter.Say(line);
        context.Reporter.Say(path);
        return Task.FromResult(new ReportResult(path, data.Rl?.Comparisons));
    }
}
