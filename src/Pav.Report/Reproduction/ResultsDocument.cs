using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Report.Reproduction;

/// <summary>The figures as Markdown: docs/results.md is this text of docs/results.json.</summary>
public static partial class ResultsDocument
{
    private const int Width = 140;

    public static string Markdown(IReadOnlyList<FigureSummary> figures)
    {
        var text = new StringBuilder();
        text.Append("""
            # Results

            The figures of arXiv 2410.08146 on the embedded problems and models, as `pav reproduce` finds them. This file is written by the
            command from its run folders (`results.json` beside it holds the same with every point); a test fails when the two differ. What
            the intervals in brackets are stands under each figure. A verdict is chosen by the rule under it, not by hand.

            | figure | verdict | models | problems | seeds | scale |
            | --- | --- | --- | --- | --- | --- |

            """.ReplaceLineEndings("\n"));
        foreach (var f in figures)
            text.Append(Inv(
                $"| [{f.Figure}: {f.Title}](#{Anchor(f)}) | {Words(f.Verdict)} | {string.Join(", ", f.Size.Models)} | {Count(f.Size.Problems)} | {Count(f.Size.Seeds)} | {f.Size.Scale} |\n"));
        foreach (var f in figures) Append(text, f);
        return string.Join('\n', text.ToString().Split('\n').SelectMany(Wrapped));
    }

    /// <summary>A paragraph in lines of at most 140 characters, none of which begins as a list would; a table's row as it is.</summary>
    private static IEnumerable<string> Wrapped(string line)
    {
        if (line.Length <= Width || line[0] is '|' or '#') return [line];
        var rows = new List<string>();
        foreach (var word in line.Split(' '))
        {
            if (rows.Count > 0 && (rows[^1].Length + 1 + word.Length <= Width || BeginsList().IsMatch(word))) rows[^1] += $" {word}";
            else rows.Add(word);
        }

        return rows;
    }

    [GeneratedRegex(@"^([-*+#|>]|\d+[.)])$")]
    private static partial Regex BeginsList();

    private static void Append(StringBuilder text, FigureSummary f)
    {
        text.Append(Inv($"\n## {Heading(f)}\n\n{f.Asks}\n\n**{f.Sentence}**\n"));
        if (f.Rule != "") text.Append(Inv($"\nRule: {f.Rule}\n"));
        if (f.Findings.Count > 0)
        {
            text.Append("\n| measured | here | the paper |\n| --- | --- | --- |\n");
            foreach (var x in f.Findings) text.Append(Inv($"| {x.What} | {Number(x)} | {x.Paper} |\n"));
        }

        foreach (var panel in f.Panels)
        {
            text.Append(Inv(
                $"\n{panel.Title}: {panel.Y} over {panel.X}.\n\n| | {string.Join(" | ", panel.Lines.Select(l => l.Name))} |\n| ---{string.Concat(panel.Lines.Select(_ => " | ---"))} |\n"));
            var byTokens = panel.Lines.SelectMany(l => l.Points).Any(p => p.N is { } n && n != p.X);
            foreach (var x in panel.Lines.SelectMany(l => l.Points).Select(p => byTokens ? p.N ?? p.X : p.X).Distinct().Order()
                .ToList() is var all && all.Count > 12 ? [.. all.Where((_, i) => i % (all.Count / 10) == 0)] : all)
                text.Append(Inv(
                    $"| {(byTokens ? "N = " : "")}{x:0.###} | {string.Join(" | ", panel.Lines.Select(l => Cell(panel, l.Points.FirstOrDefault(p => (byTokens ? p.N ?? p.X : p.X) == x), byTokens)))} |\n"));
        }

        if (f.Intervals != "") text.Append(Inv($"\nIntervals: {f.Intervals}\n"));
        foreach (var note in f.Notes) text.Append(Inv($"\n{note}\n"));
        if (f.Size.Seconds > 0)
            text.Append(Inv(
                $"\n{f.Size.Tokens:N0} tokens generated or trained on, {f.Size.Seconds / 60:0.#} minutes, shared parts counted in every figure that uses them.\n"));
    }

    public static string Words(FigureVerdict verdict) =>
        verdict switch { FigureVerdict.Reproduced => "reproduced", FigureVerdict.Partly => "partly", FigureVerdict.NotReproduced =>
        "not reproduced", FigureVerdict.Measured => "measured", _ => "not run" };

    /// <summary>A finding's number with its interval: <c>+3.1 points [-0.4, +6.6]</c>.</summary>
    public static string Number(Finding f)
    {
        if (f.Value is not { } value) return "none";
        var (scale, format, unit) = f.Unit switch { "points" => (100, "+0.0;-0.0;0.0", " points"), "share" => (100, "0.0", "%"), "times" =>
            (1, "0.0", " times"), "" => (1, "0.###", ""), var other => (1, "0.###", $" {other}") };
        string Text(double? x) => x is { } y ? (scale * y).ToString(format, CultureInfo.InvariantCulture) : "∞";
        return f.Low is null && f.High is null ? $"{Text(value)}{unit}" : $"{Text(value)}{unit} [{Text(f.Low)}, {Text(f.High)}]";
    }

    private static string Cell(Panel panel, LinePoint? p, bool withTokens)
    {
        if (p is null) return "";
        string Text(double y) => panel.Percent ? Inv($"{100 * y:0.0}%") : Inv($"{y:0.###}");
        return $"{Text(p.Y)}{(p.Low is { } low && p.High is { } high ? $" [{Text(low)}, {Text(high)}]" : "")}{(withTokens ? Inv($" at {p.X:0}") : "")}";
    }

    private static string Heading(FigureSummary f) => $"{(char.IsDigit(f.Figure[0]) ? "Figure " : "")}{f.Figure}: {f.Title}";

    /// <summary>GitHub's anchor of a heading.</summary>
    private static string Anchor(FigureSummary f) =>
        string.Concat(Heading(f).ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-');

    private static string Count(int n) => n == 0 ? "" : Inv($"{n:N0}");

    private static string Inv(FormattableString text) => FormattableString.Invariant(text);
}
