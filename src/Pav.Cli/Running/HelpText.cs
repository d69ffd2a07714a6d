using Pav.Cli.Installation;
using Pav.Cli.Options;

namespace Pav.Cli.Running;

/// <summary>One option as help shows it.</summary>
/// <param name="Names">--out &lt;PATH&gt;.</param>
/// <param name="Words">What it is, what it accepts, its default.</param>
/// <param name="Section">The heading below which it stands.</param>
/// <param name="IsFirst">Shown without --all.</param>
internal sealed record HelpLine(string Names, string Words, string Section, bool IsFirst);

/// <summary>
/// The help of one command, its options by section. A command with many options shows those that matter first, a line each;
/// <c>--help --all</c> shows every option with all that is said of it.
/// </summary>
internal static class HelpText
{
    /// <summary>A help of so many lines, or fewer, is shown whole: with the example it fits a screen.</summary>
    private const int Short = 34;

    private const int NarrowestWords = 30;

    /// <summary>What a first user of a command needs to know of, wherever a command has it.</summary>
    internal static readonly HashSet<string> First =
    [
        "--policy", "--problems", "--split", "--limit", "--verifier", "--outcome", "--prover-policy",
        "--model", "--labels", "--data", "--count",
        "--methods", "--n", "--beam", "--candidates", "--alpha", "--provers", "--valid-problems", "--test-problems", "--samples",
        "--n-cov", "--n-mc", "--dry-run", "--trunk", "--rounds", "--steps", "--batch", "--rate", "--loss", "--layers", "--hidden",
        "--reward", "--iterations", "--kl", "--host", "--port", "--key-file", "--max-tokens", "--temperature", "--grader", "--chat",
        "--lora-rank", "--seed", "--device", "--threads", "--out",
    ];

    public static IEnumerable<HelpLine> Lines(CommandSpec spec) => spec.Schema.Fields.Select(field => new HelpLine(
        field.Flag.Positional ? $"<{field.ShownName}>" : field.IsSwitch ? field.FlagName : $"{field.FlagName} <{field.ValueName}>",
        Home.Typed($"{field.Flag.Description}{field.Accepts()}"),
        field.Section ?? "Options",
        field.Flag.Required || field.Flag.Positional || (First.Contains(field.FlagName) && field.Section != "Servers")));

    /// <summary>All of the help but the example.</summary>
    /// <param name="spec">The command.</param>
    /// <param name="common">Options that every command has.</param>
    /// <param name="all">Show every option, each in full, however many lines that takes.</param>
    /// <param name="columns">Width of the terminal, at least 60.</param>
    public static string Write(CommandSpec spec, IReadOnlyList<HelpLine> common, bool all, int columns)
    {
        if (!all && Write(spec, common, all: true, columns) is var whole && whole.Count(c => c == '\n') <= Short) return whole;
        var lines = Lines(spec).ToList();
        var shown = lines.Where(line => all || line.IsFirst).Concat(common.Where(line => all || line.IsFirst)).ToList();
        var left = Math.Min(shown.Max(line => line.Names.Length), columns - NarrowestWords - 4);
        var positional = string.Concat(spec.Schema.Fields.Where(f => f.Flag.Positional).Select(f => $" [<{f.ShownName}>...]"));
        List<string> text =
        [
            .. Wrapped(Home.Typed(spec.Description), columns), "", $"Usage: {Home.Typed($"pav {spec.Name}")}{positional} [options]",
        ];
        foreach (var section in shown.GroupBy(line => line.Section).OrderBy(g => Order(g.Key)))
        {
            if (all) text.Add("");
            text.Add($"{section.Key}:");
            foreach (var line in section) text.AddRange(Row(line, left, columns, whole: all));
        }

        if (!all) text.Add($"  {"--help --all".PadRight(left)}  All {lines.Count + common.Count} options, and all that is to say of these");
        return string.Join('\n', text) + "\n";
    }

    /// <summary>A command's own options come first, and those of every command last.</summary>
    private static int Order(string section) => section switch { "What" => 0, "Options" => 1, "Servers" => 3, "Run" => 4, _ => 2 };

    private static IEnumerable<string> Row(HelpLine line, int left, int columns, bool whole)
    {
        var words = columns - left - 4;
        var rows = whole ? Wrapped(line.Words, words) : [Shortened(line.Words, words)];
        var names = $"  {line.Names.PadRight(left)}  ";
        foreach (var row in rows)
        {
            yield return names + row;
            names = new string(' ', left + 4);
        }
    }

    /// <summary>What fits on one line: the first clause, and what holds without the option.</summary>
    internal static string Shortened(string words, int width)
    {
        var bracket = words.LastIndexOf(" [", StringComparison.Ordinal) is > 0 and var found && words.EndsWith(']') ? found : words.Length;
        var held = words[bracket..].Trim(' ', '[', ']').Split("; ")
            .LastOrDefault(part => part == "required" || part.StartsWith("default", StringComparison.Ordinal));
        var end = held is null or "default: off" ? "" : $" [{held}]";
        var clause = words[..bracket];
        if (clause.Length + end.Length > width) clause = clause.Split([": ", "; ", " ("], StringSplitOptions.None)[0];
        if (clause.Length + end.Length > width && held != "required") end = "";
        return clause.Length + end.Length <= width ? clause + end : clause[..Math.Max(1, width - end.Length - 1)].TrimEnd() + "…" + end;
    }

    private static IEnumerable<string> Wrapped(string words, int width)
    {
        var row = "";
        foreach (var word in words.Split(' '))
        {
            if (row != "" && row.Length + 1 + word.Length > width)
            {
                yield return row;
                row = "";
            }

            row += row == "" ? word : $" {word}";
        }

        yield return row;
    }
}
