using System.Globalization;

namespace Pav.Cli.Terminal;

/// <summary>
/// Rows of text under headings, columns aligned: the first to the left, the others to the right. A table that is wider than the terminal
/// gets headings of several lines, then smaller gaps, then a first column of several lines; one that still is too wide is told in parts,
/// each with the first column.
/// </summary>
internal static class ResultTable
{
    /// <summary>Columns that the first one keeps, however many others there are.</summary>
    private const int LeastFirst = 16;

    public static IEnumerable<string> Lines(
        IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows, int width = int.MaxValue)
    {
        var stacked = headings.Select(h => h.Split(' ')).ToArray();
        var whole = headings.Select(h => new[] { h }).ToArray();
        foreach (var (heads, gap) in new[] { (whole, 2), (stacked, 2), (stacked, 1) })
        {
            var widths = Widths(heads, rows);
            if (widths.Sum() + gap * (widths.Length - 1) <= width) return Drawn(heads, rows, widths, gap);
        }
        var narrow = Widths(stacked, rows);
        var first = Math.Min(narrow[0], Math.Max(LeastFirst, width - narrow[1..].Sum(w => w + 1)));
        narrow[0] = Math.Min(first, width);
        return narrow[0] + narrow[1..].Sum(w => w + 1) <= width ? Drawn(stacked, rows, narrow, 1) : Parts(stacked, rows, narrow, width);
    }

    private static int[] Widths(IReadOnlyList<string[]> headings, IReadOnlyList<IReadOnlyList<string>> rows) =>
        [.. headings.Select((h, c) => rows.Select(r => r[c].Length).Concat(h.Select(line => line.Length)).Max())];

    /// <summary>As many columns as fit behind the first, then the next ones.</summary>
    private static IEnumerable<string> Parts(
        IReadOnlyList<string[]> headings, IReadOnlyList<IReadOnlyList<string>> rows, int[] widths, int width)
    {
        for (var from = 1; from < widths.Length;)
        {
            var (to, taken) = (from, widths[0]);
            while (to < widths.Length && (to == from || taken + 1 + widths[to] <= width)) taken += 1 + widths[to++];
            int[] columns = [0, .. Enumerable.Range(from, to - from)];
            if (from > 1) yield return "";
            var cells = rows.Select(r => (IReadOnlyList<string>)[.. columns.Select(c => r[c])]).ToList();
            foreach (var line in Drawn([.. columns.Select(c => headings[c])], cells, [.. columns.Select(c => widths[c])], 1)) yield return line;
            from = to;
        }
    }

    private static IEnumerable<string> Drawn(
        IReadOnlyList<string[]> headings, IReadOnlyList<IReadOnlyList<string>> rows, int[] widths, int gap)
    {
        var between = new string(' ', gap);
        var height = headings.Max(h => h.Length);
        for (var line = 0; line < height; line++)
        {
            var at = line;
            yield return Line([.. headings.Select(h => at - (height - h.Length) is >= 0 and var i ? h[i] : "")]);
        }
        yield return new string('-', widths.Sum() + gap * (widths.Length - 1));
        foreach (var row in rows)
        {
            var first = Wrapped(row[0], widths[0]);
            yield return Line([first[0], .. row.Skip(1)]);
            foreach (var more in first.Skip(1)) yield return more;
        }

        string Line(IReadOnlyList<string> cells) =>
            string.Join(between, cells.Select((text, c) => c == 0 ? text.PadRight(widths[c]) : text.PadLeft(widths[c]))).TrimEnd();
    }

    /// <summary>A text in lines of at most so many characters, parted at blanks where there are some.</summary>
    private static List<string> Wrapped(string text, int width)
    {
        var lines = new List<string>();
        while (text.Length > width)
        {
            var blank = text.LastIndexOf(' ', width);
            var length = blank > 0 ? blank : width;
            lines.Add(text[..length].TrimEnd());
            text = text[length..].TrimStart();
        }
        return [.. lines, text];
    }

    /// <summary>Methods of a search with accuracy, its 95% interval, Pass@N of the candidates, and costs per problem.</summary>
    public static IEnumerable<string> Of(Summary summary, int width = int.MaxValue)
    {
        return Lines(
            ["method", "n", "alpha", "right %", "95% interval", "any right %", "tokens generated", "tokens scored", "problems"],
            [.. summary.Methods.Select(m => (IReadOnlyList<string>)
            [
                Printable.From(m.Prover is null ? m.Method : $"{m.Method} {m.Prover}"),
                m.N.ToString(CultureInfo.InvariantCulture),
                m.Alpha is { } alpha ? Text(alpha, "0.##") : "",
                Text(100 * m.Accuracy, "0.0"),
                $"{Text(100 * m.Low, "0.0")}-{Text(100 * m.High, "0.0")}",
                Text(100 * m.Pass, "0.0"),
                m.GeneratedTokens > 0 ? Text(m.GeneratedTokens, "0") : "unknown",
                Text(m.ScoredTokens, "0"),
                m.Problems.ToString(CultureInfo.InvariantCulture),
            ])], width).Append("(tokens per problem)");
    }

    private static bool IsLearned(string id) => SearchMethods.Find(id) is { IsGuided: true, ByOracle: false };

    /// <summary>What the comparisons say of guided searches against best-of-N by the outcome verifier, the strongest of each kind, said to be that.</summary>
    public static IEnumerable<string> Claims(Summary summary)
    {
        if (summary.Methods.Any(m => m.GeneratedTokens == 0))
            yield return "Nothing is compared at equal tokens: the servers did not tell how many they generated; give the served model's --tokenizer.";
        var claims = Told(summary.Comparisons);
        var equal = claims.Where(c => c.Claim == "equal-tokens").ToList();
        if (equal.Count > 0) yield return AtEqualTokens(equal.MaxBy(c => c.Difference)!, equal.Count);
        var reach = claims.Where(c => c.Claim == "tokens-to-reach").ToList();
        if (reach.Count > 0) yield return ToReach(reach.MaxBy(c => c.Difference)!, reach.Count);
    }

    private static string AtEqualTokens(Comparison best, int count)
    {
        var chosen = count == 1 ? "the only such comparison" : $"the largest of {count} such differences";
        var doubt = best.Low <= 0 && best.High >= 0 ? "; zero lies in the interval, so no difference is shown" : "";
        var tokens = Text(best.TokensA ?? 0, "0");
        return $"At equal generated tokens ({tokens} per problem), {best.A} is {Points(best.Difference)} points "
            + $"[{Points(best.Low)} to {Points(best.High)}] from {best.B}, {chosen}{doubt}.";
    }

    private static string ToReach(Comparison best, int count)
    {
        if (best.TokensA is not { } tokens) return $"No guided search reaches the accuracy of {best.B}.";
        var chosen = count == 1 ? "" : $", the best of {count}";
        var doubt = TimesFewer.IsShown(best.Low, best.High) ? "" : "; 1 lies in the interval, so no saving is shown";
        return $"{best.A} reaches the accuracy of {best.B} with {Text(tokens, "0")} tokens per problem, best-of-N itself first with "
            + $"{Text(best.TokensB, "0")}: {TimesFewer.Words(best.Difference, best.Low, best.High)}{chosen}{doubt}.";
    }

    /// <summary>
    /// Guided searches against best-of-N by the outcome verifier. A beam of one ranks steps of one state only, where Q + alpha A under best-of-K orders them
    /// as Q does: equal numbers are told once, of the method that comes first in tables.
    /// </summary>
    private static List<Comparison> Told(IReadOnlyList<Comparison> comparisons)
    {
        static string Id(string side) => side.Split(' ')[0];
        return [.. comparisons.Where(c => IsLearned(Id(c.A)) && Id(c.B) == SearchMethods.BestByOutcome.Id)
            .OrderBy(c => SearchMethods.Order(Id(c.A))).DistinctBy(c => (c.Claim, c.B, c.A.Split(' ')[^1], c.Difference, c.TokensA))];
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Points(double difference) => (100 * difference).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture);
}
