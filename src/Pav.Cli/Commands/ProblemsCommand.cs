using System.Text.Json.Nodes;
using Pav.Arithmetic;
using Pav.Cli.Options;
using Pav.Models.Files;

namespace Pav.Cli.Commands;

internal sealed record ProblemsSettings
{
    [Flag("File to write: JSON lines with id, problem, answer, level", Required = true, Local = true)]
    public string Out { get; init; } = "";

    [Flag("How many problems", Min = 1, Max = 1_000_000)]
    public int Count { get; init; } = 1000;

    [Flag("Which part; the three share no problem", Choices = "train|valid|test")]
    public string Split { get; init; } = "test";

    [Flag("Lines of a worksheet (5 to 10); 0 mixes all", Min = 0, Max = Worksheet.MaxLevel)]
    public int Level { get; init; }

    [Flag("Least number of lines that tempt to a mistake: 0 for any worksheet, more for harder ones", Min = 0, Max = 7)]
    public int Traps { get; init; }

    [Flag("Seed; equal seeds give equal problems")]
    public ulong Seed { get; init; } = 1;
}

/// <summary>Writes embedded problems.</summary>
internal static class ProblemsCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Of<ProblemsSettings>(
        "problems", "Write arithmetic problems of the embedded domain to a file.",
        "pav problems --count 300 --split test --out test.jsonl", Output.File, Run);

    private static Task<JsonObject> Run(ProblemsSettings options, CommandContext context)
    {
        if (options.Level is > 0 and < Worksheet.MinLevel)
            throw new UserError($"--level is '{options.Level}', but must be 0 (all) or a whole number from {Worksheet.MinLevel} to {Worksheet.MaxLevel}.");
        if (options.Level > 0 && options.Traps > options.Level)
            throw new UserError($"--traps is {options.Traps}, but a worksheet of --level {options.Level} has only {options.Level} lines; ask for fewer traps or more lines.");
        var problems = Distinct(options, context.Cancel);
        Problems.Write(options.Out, problems);
        context.Reporter.Say($"{problems.Count} {options.Split} problems in {options.Out}; the first: {problems[0].Text.ReplaceLineEndings(" | ")} -> {problems[0].Answer}");
        return Task.FromResult(new JsonObject { ["file"] = options.Out, ["problems"] = problems.Count });
    }

    private static List<Problem> Distinct(ProblemsSettings options, CancellationToken cancel)
    {
        var problems = new List<Problem>(options.Count);
        foreach (var problem in Worksheet.Problems(options.Seed, Enum.Parse<Split>(options.Split, ignoreCase: true), options.Level, options.Traps).Take(options.Count))
        {
            cancel.ThrowIfCancellationRequested();
            problems.Add(problem);
        }
        return problems;
    }
}
