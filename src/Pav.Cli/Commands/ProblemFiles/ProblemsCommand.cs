using Pav.Arithmetic;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models.Files;

namespace Pav.Cli.Commands.ProblemFiles;

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

    [Flag("Least number of lines that tempt to a mistake: 0 for any worksheet, more for harder ones", Min = 0,
        Max = Worksheet.MaxLevel)]
    public int Traps { get; init; }

    [Flag("Quizzes in place of worksheets: five lines, all of them traps, and four answers to choose from (docs/embedded-problems.md)")]
    public bool Quiz { get; init; }

    [Flag("Seed; equal seeds give equal problems")]
    public ulong Seed { get; init; } = 1;

    [Flag("Replace a file that is there with other content", Local = true)]
    public bool Overwrite { get; init; }
}

/// <summary>The file that was written.</summary>
/// <param name="LeftOut">Rows that could not be used; null where problems were made and not read.</param>
internal sealed record ProblemsFile(string File, int Problems, int? LeftOut = null);

/// <summary>Test problems that stand among the training problems.</summary>
internal sealed record ProblemsInBoth(int Tested, int Overlap, IReadOnlyList<ProblemPair> Pairs);

/// <summary>The ids of a training problem and of the test problem that is the same.</summary>
internal sealed record ProblemPair(string Problem, string Test);

/// <summary>Writes embedded problems.</summary>
internal static class ProblemsCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<ProblemsSettings, ProblemsFile>(
        "problems", "Write arithmetic problems of the embedded domain to a file.",
        "pav problems --count 300 --split test --out test.jsonl", Output.File, Run);

    private static Task<ProblemsFile> Run(ProblemsSettings options, CommandContext context)
    {
        if (options.Level is > 0 and < Worksheet.MinLevel)
            throw new UserError(
                $"--level is '{options.Level}', but must be 0 (all) or a whole number from {Worksheet.MinLevel} to {Worksheet.MaxLevel}.");
        if (options.Level > 0 && options.Traps > options.Level)
            throw new UserError($"--traps is {options.Traps}, but a worksheet of --level {options.Level} has only {options.Level} lines; "
                + "ask for fewer traps or more lines.");
        if (options.Quiz && (options.Level > 0 || options.Traps > 0))
            throw new UserError("--quiz goes without --level and --traps: a quiz has five lines, and all of them tempt to a mistake.");
        var problems = Distinct(options, context.Cancel);
        Problems.Write(options.Out, problems, options.Overwrite);
        context.Reporter.Say($"{problems.Count} {options.Split} problems in {options.Out}; the first: "
            + $"{problems[0].Text.ReplaceLineEndings(" | ")} -> {problems[0].Answer}");
        return Task.FromResult(new ProblemsFile(options.Out, problems.Count));
    }

    private static List<Problem> Distinct(ProblemsSettings options, CancellationToken cancel)
    {
        var problems = new List<Problem>(options.Count);
        var split = Enum.Parse<Split>(options.Split, ignoreCase: true);
        var all = options.Quiz
            ? Quiz.Distinct(options.Seed, split).Select(q => q.ToProblem())
            : Worksheet.Problems(options.Seed, split, options.Level, options.Traps);
        foreach (var problem in all.Take(options.Count))
        {
            cancel.ThrowIfCancellationRequested();
            problems.Add(problem);
        }
        return problems;
    }
}

internal sealed record ProblemsImportSettings
{
    [Flag("File of problems: JSON lines or a JSON list, plain or gzip, Parquet, Arrow, or a data set's folder",
        Required = true, Input = true)]
    public string Input { get; init; } = "";

    [OptionGroup]
    public ProblemChoice Rows { get; init; } = new();

    [Flag("File to write: JSON lines with id, problem, answer, level", Required = true, Local = true)]
    public string Out { get; init; } = "";

    [Flag("Field of the problem's text (default: problem, text or question)")]
    public string ProblemField { get; init; } = "";

    [Flag("Field of the answer (default: answer, final_answer or ground_truth_answer, else the last box in solution)")]
    public string AnswerField { get; init; } = "";

    [Flag("Field of the id (default: id or unique_id, else file and line)")]
    public string IdField { get; init; } = "";

    [Flag("Field of the level (default: level)")]
    public string LevelField { get; init; } = "";

    [Flag("Put before every id, so that those of several files differ")]
    public string Prefix { get; init; } = "";

    [Flag("What a row that cannot be used does: stop ends the reading, skip leaves it out and tells how many and why",
        Choices = "stop|skip")]
    public string OnBadRow { get; init; } = "skip";

    [Flag("Replace a file that is there with other content", Local = true)]
    public bool Overwrite { get; init; }
}

internal sealed record ProblemsCheckSettings
{
    [Flag("Problems to train on: files or folders of imported labels", Required = true, Input = true)]
    public string[] Problems { get; init; } = [];

    [Flag("Problems to test on", Required = true, Input = true)]
    public string[] Against { get; init; } = [];
}

/// <summary>Problems of other people.</summary>
internal static class ProblemFileCommands
{
    private const int Shown = 5;

    public static CommandSpec Import { get; } = CommandSpec.Create<ProblemsImportSettings, ProblemsFile>(
        "problems import", "Write other people's problems as pav's: GSM8K, MATH, or any JSON lines by the names of their fields.",
        "pav problems import --input amc.jsonl.gz --problem-field stem --answer-field key --out amc.jsonl", Output.File, RunImport);

    public static CommandSpec Check { get; } = CommandSpec.Create<ProblemsCheckSettings, ProblemsInBoth>(
        "problems check", "Say which test problems stand among the training problems.",
        "pav problems check --problems train.jsonl --against math500.jsonl.gz", Output.None, RunCheck);

    private static Task<ProblemsFile> RunImport(ProblemsImportSettings settings, CommandContext context)
    {
        var bad = new BadRows(settings.OnBadRow == "stop");
        var names = settings.Rows.Names();
        var fields = new ProblemFields(
            First(settings.ProblemField, names.Problem), First(settings.AnswerField, names.Answer), First(settings.IdField, names.Id),
            First(settings.LevelField, names.Level));
        var problems = Problems.Read(settings.Rows.Path(settings.Input), fields, bad: bad)
            .Select(p => p with { Id = settings.Prefix + p.Id }).ToList();
        Problems.Write(settings.Out, problems, settings.Overwrite);
        foreach (var line in bad.Lines("see whether --problem-field and --answer-field name its fields")) context.Reporter.Say(line);
        context.Reporter.Say($"{problems.Count:N0} problems in {settings.Out}");
        return Task.FromResult(new ProblemsFile(settings.Out, problems.Count, bad.Count));
    }

    private static Task<ProblemsInBoth> RunCheck(ProblemsCheckSettings settings, CommandContext context)
    {
        var tested = LabelFiles.Problems(settings.Against).Values.ToList();
        var overlap = Overlap.Find(LabelFiles.Problems(settings.Problems).Values, tested);
        context.Reporter.Say($"{overlap.Count:N0} of {tested.Count:N0} test problems stand among the training problems");
        foreach (var (known, again) in overlap.Take(Shown)) context.Reporter.Say($"  {again.Id} is {known.Id}: {Start(again.Text)}");
        if (overlap.Count > Shown) context.Reporter.Say($"  and {overlap.Count - Shown:N0} more (--json lists all)");
        return Task.FromResult(new ProblemsInBoth(tested.Count, overlap.Count,
            [.. overlap.Select(o => new ProblemPair(o.Known.Id, o.Again.Id))]));
    }

    private static string First(string given, string other) => given != "" ? given : other;

    private static string Start(string text) => text.ReplaceLineEndings(" ") is var line && line.Length > 70 ? line[..70] + "…" : line;
}
