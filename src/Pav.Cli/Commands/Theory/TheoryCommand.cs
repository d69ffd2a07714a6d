using System.Text;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Models.Files;
using Pav.Report.Folders;

namespace Pav.Cli.Commands.Theory;

internal sealed record TheorySettings : RunSettings
{
    [OptionGroup]
    public TheoryOptions Theory { get; init; } = new();

    [Flag("In place of the checks: the map of where a beam on Q + alpha A beats a beam on Q")]
    public bool Progress { get; init; }

    [Flag("Print the Markdown table of docs/theory.md", Local = true)]
    public bool Markdown { get; init; }
}

/// <summary>Checks the paper's theory exactly on random trees.</summary>
internal static class TheoryCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<TheorySettings, TheoryFile>(
        "theory", "Check the theory of the method exactly on small random trees: what holds, what does not, with numbers (docs/theory.md).",
        "pav theory --trees 1000", Output.OptionalFolder, Run);

    private static Task<TheoryFile> Run(TheorySettings settings, CommandContext context)
    {
        var (steps, depth, leaves) = (settings.Theory.Steps, settings.Theory.Depth, Math.Pow(settings.Theory.Steps, settings.Theory.Depth));
        if (leaves > 100_000)
            throw new UserError($"--steps {steps} and --depth {depth} make a tree of {leaves:N0} leaves; at most 100,000 are looked at.");
        if (settings.Progress) return Task.FromResult(Map(settings, context));
        var results = TheoryChecks.Run(settings.Theory);
        if (settings.Markdown) context.Reporter.Say(TheoryResult.Markdown(results).TrimEnd('\n'));
        else foreach (var line in results.SelectMany(Lines)) context.Reporter.Say(line);
        return Task.FromResult(Written(new(results), context));
    }

    private static TheoryFile Map(TheorySettings settings, CommandContext context)
    {
        var diagrams = MapDiagram.Draw(settings.Theory.Trees, settings.Theory.Seed);
        if (settings.Markdown) context.Reporter.Say(MapDiagram.Markdown(diagrams).TrimEnd('\n'));
        else foreach (var line in diagrams.SelectMany(d => d.Lines().Append(""))) context.Reporter.Say(line);
        var cells = diagrams.SelectMany(d => d.Cells.SelectMany(row => row)).Distinct(ReferenceEqualityComparer.Instance);
        return Written(new([]) { Progress = [.. cells.Cast<MapCell>()] }, context);
    }

    private static TheoryFile Written(TheoryFile file, CommandContext context)
    {
        if (context.Folder is { } folder) AtomicFile.WriteJson(folder.At("theory.json"), file);
        return file;
    }

    /// <summary>A result: its name and verdict, and under them what was found, in lines of bearable length.</summary>
    private static IEnumerable<string> Lines(TheoryResult result)
    {
        yield return $"{result.Name,-34} {result.VerdictText}";
        var line = new StringBuilder();
        foreach (var word in result.Found.Split(' '))
        {
            if (line.Length + word.Length > 110)
            {
                yield return $"    {line}";
                line.Clear();
            }
            line.Append(line.Length > 0 ? " " : "").Append(word);
        }
        yield return $"    {line}";
    }
}
