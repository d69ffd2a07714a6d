using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pav.Models.Files;

namespace Pav.Report.Reproduction;

/// <summary>The figures as a page: Markdown with a picture for each figure, and the numbers beside it.</summary>
internal static partial class ResultsDocument
{
    private const int Width = 140;

    /// <summary>A figure's table has at most so many rows; findings beyond them are listed below it.</summary>
    private const int MostRows = 12;

    /// <summary>A curve on the page has about so many points at most.</summary>
    private const int MostPoints = 12;

    private const int Digits = 4;

    /// <summary>Writes <c>results.md</c>, <c>results.json</c> and a picture of each figure in <c>figures/</c>. Without
    /// <paramref name="everything"/> the numbers are those of the page (<see cref="Short"/>).</summary>
    public static void Write(string folder, IReadOnlyList<FigureSummary> figures, bool everything)
    {
        var page = figures.Select(Short).ToList();
        var lines = (everything ? figures : page).Select(f => JsonSerializer.Serialize(f, Json.Line));
        AtomicFile.WriteText(Path.Combine(folder, "results.json"), $"[\n{string.Join(",\n", lines)}\n]\n");
        AtomicFile.WriteText(Path.Combine(folder, "results.md"), Markdown(page));
        Directory.CreateDirectory(Path.Combine(folder, "figures"));
        foreach (var figure in page.Where(f => f.Panels.Count > 0))
            AtomicFile.WriteText(Path.Combine(folder, PictureOf(figure)), FigurePicture.Svg(figure));
    }

    /// <summary>The picture's place beside the page.</summary>
    public static string PictureOf(FigureSummary figure) => $"figures/{figure.Figure}.svg";

    /// <summary>What the page shows of a figure: curves of about 12 points at most, without those of single seeds, numbers of four
    /// significant digits (whole numbers as they are). The same again is the same.</summary>
    public static FigureSummary Short(FigureSummary figure) => figure with
    {
        Panels = [.. figure.Panels.Select(p => p with { Lines = [.. p.Lines.Select(l => l with { Points = [.. Thinned(l.Points)
            .Select(Rounded)], Seeds = [] })] })],
        Findings = [.. figure.Findings.Select(f => f with { Value = Rounded(f.Value), Low = Rounded(f.Low), High = Rounded(f.High) })],
    };

    /// <summary>The first, the last, and between them one in so many.</summary>
    private static IEnumerable<LinePoint> Thinned(IReadOnlyList<LinePoint> points)
    {
        var every = (points.Count + MostPoints - 1) / MostPoints;
        return points.Where((_, i) => points.Count <= MostPoints + 1 || i % every == 0 || i == points.Count - 1);
    }

    private static LinePoint Rounded(LinePoint p) => new(Rounded(p.X)!.Value, Rounded(p.Y)!.Value, Rounded(p.Low), Rounded(p.High), p.N);

    private static double? Rounded(double? value) => value is not { } x || double.IsInteger(x) || !double.IsFinite(x)
        ? value : double.Parse(x.ToString($"G{Digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    public static string Markdown(IReadOnlyList<FigureSummary> figures)
    {
        var text = new StringBuilder();
        text.Append("""
            # Results

            The figures of arXiv 2410.08146 on the embedded problems and models, as `pav reproduce` finds them. This page, its pictures and
            `results.json` beside it (the same in numbers) are written by the command; a test fails when they differ. Bands, and brackets
            behind numbers, are intervals. What they are, and the rule that chose a verdict, is folded away under each figure's table.

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

    /// <summary>A figure on one screen: what it asks, its picture, its verdict, one table; the rest is folded away.</summary>
    private static void Append(StringBuilder text, FigureSummary f)
    {
        text.Append(Inv($"\n## {Heading(f)}\n\n{f.Asks}\n"));
        if (f.Panels.Count > 0) text.Append(Inv($"\n![{f.Title}]({PictureOf(f)})\n"));
        text.Append(Inv($"\n**{f.Sentence}**\n"));
        if (f.Findings.Count > 0)
        {
            text.Append("\n| measured | here | the paper |\n| --- | --- | --- |\n");
            foreach (var x in f.Findings.Take(MostRows)) text.Append(Inv($"| {InTable(x.What)} | {Number(x)} | {x.Paper} |\n"));
        }

        if (f.Table is { } table)
        {
            text.Append(Inv($"\n{Row(table.Columns)}{Row([.. table.Columns.Select(_ => "---")])}"));
            foreach (var row in table.Rows) text.Append(Row(row));
        }

        if (f.Verdict == FigureVerdict.NotRun) return;
        text.Append("\n<details><summary>Rule, intervals, further findings</summary>\n");
        if (f.Rule != "") text.Append(Inv($"\nRule: {f.Rule}\n"));
        if (f.Intervals != "") text.Append(Inv($"\nIntervals: {f.Intervals}\n"));
        var further = f.Findings.Skip(MostRows).Select(x => $"{x.What}: {Number(x)}").Concat(f.Notes).ToList();
        if (further.Count > 0) text.Append('\n');
        foreach (var x in further) text.Append(Inv($"- {x}\n"));
        if (f.Size.Seconds > 0)
            text.Append(f.Size.Tokens == 0 ? "\n" : Inv($"\n{f.Size.Tokens:N0} tokens generated or trained on, "))
                .Append(Inv($"{f.Size.Seconds / 60:0.#} minutes, "))
                .Append("shared parts counted in every figure that uses them.\n");
        text.Append("\n</details>\n");
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

    private static string Row(IReadOnlyList<string> cells) => $"| {string.Join(" | ", cells.Select(InTable))} |\n";

    private static string InTable(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    private static string Heading(FigureSummary f) => $"{(char.IsDigit(f.Figure[0]) ? "Figure " : "")}{f.Figure}: {f.Title}";

    /// <summary>GitHub's anchor of a heading.</summary>
    private static string Anchor(FigureSummary f) =>
        string.Concat(Heading(f).ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-');

    private static string Count(int n) => n == 0 ? "" : Inv($"{n:N0}");

    private static string Inv(FormattableString text) => FormattableString.Invariant(text);
}
