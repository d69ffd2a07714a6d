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
            foreach (var line in Drawn([.. columns.Select(c => headings[c])], cells, [.. columns.Select(c => widths[c])], 1))
                yield return line;
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
            var column = line;
            yield return Line([.. headings.Select(h => column - (height - h.Length) is >= 0 and var i ? h[i] : "")]);
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

    /// <summary>Methods of a search, by kind, with accuracy, its 95% interval, Pass@N of the candidates, and costs per problem.</summary>
    public static IEnumerable<string> FromSummary(Summary summary, int width = int.MaxValue)
    {
        string[] headings = ["method", "n", "alpha", "right %", "95% interval", "any right %", "tokens generated", "tokens scored",
            "problems"];
        var kinds = summary.Methods.GroupBy(m => m.Kind).ToList();
        string[] Titled(MethodKind? kind) =>
            [$"{(kind is { } known ? MethodKinds.Title(known) : "Others")}:", .. headings.Skip(1).Select(_ => "")];
        var rows = kinds.SelectMany(k => k.Select(Row).Prepend(Titled(k.Key)).Skip(kinds.Count > 1 ? 0 : 1));
        return Lines(headings, [.. rows], width).Append("(tokens per problem)");
    }

    private static string[] Row(MethodSummary method) =>
    [
        Printable.From(method.Prover is null ? method.Method : $"{method.Method} {method.Prover}"),
        method.N.ToString(CultureInfo.InvariantCulture),
        method.Alpha is { } alpha ? Text(alpha, "0.##") : "",
        Text(100 * method.Accuracy, "0.0"),
        $"{Text(100 * method.Low, "0.0")}-{Text(100 * method.High, "0.0")}",
        Text(100 * method.Pass, "0.0"),
        method.GeneratedTokens > 0 ? Text(method.GeneratedTokens, "0") : "unknown",
        Text(method.ScoredTokens, "0"),
        method.Problems.ToString(CultureInfo.InvariantCulture),
    ];

    /// <summary>
    /// What the comparisons say of the first kind of guided searches (forests, where there are some) against up to two ways to rank
    /// samples, and of the next kind against its first; the strongest of each, said to be that.
    /// </summary>
    public static IEnumerable<string> Claims(Summary summary)
    {
        if (summary.Methods.Any(m => m.GeneratedTokens == 0))
            yield return "Nothing is compared at equal tokens: the servers did not tell how many they generated; give the served model's "
                + "--tokenizer.";
        var told = Told(summary.Comparisons);
        foreach (var group in told.Where(t => t.Kind == told[0].Kind).Take(2))
        {
            var equal = group.Rows.Where(c => c.Claim == "equal-tokens").ToList();
            if (equal.Count > 0) yield return AtEqualTokens(group.Kind, equal);
            var reach = group.Rows.Where(c => c.Claim == "tokens-to-reach").ToList();
            if (reach.Count > 0) yield return ToReach(group.Kind, reach);
        }

        if (told.Find(t => t.Kind != told[0].Kind) is { } next && next.Rows.Where(c => c.Claim == "equal-tokens")
            .ToList() is { Count: > 0 } other)
            yield return AtEqualTokens(next.Kind, other);
    }

    private static string AtEqualTokens(MethodKind kind, IReadOnlyList<Comparison> compared)
    {
        var best = compared.MaxBy(c => c.Difference)!;
        var chosen = compared.Count == 1
            ? "the only such comparison" : $"the largest of {compared.Count} such differences of {Plural(kind)}";
        var doubt = best.Low <= 0 && best.High >= 0 ? "; zero lies in the interval, so no difference is shown" : "";
        var tokens = Text(best.TokensA ?? 0, "0");
        return $"At equal generated tokens ({tokens} per problem), {best.A} is {Points(best.Difference)} points "
            + $"[{Points(best.Low)} to {Points(best.High)}] from {best.B}, {chosen}{doubt}.";
    }

    private static string ToReach(MethodKind kind, IReadOnlyList<Comparison> compared)
    {
        var best = compared.MaxBy(c => c.Difference)!;
        if (best.TokensA is not { } tokens) return $"None of the {Plural(kind)} reaches the accuracy of {best.B}.";
        var chosen = compared.Count == 1 ? "" : $", the best of {compared.Count} {Plural(kind)}";
        var doubt = TimesFewer.IsShown(best.Low, best.High) ? "" : "; 1 lies in the interval, so no saving is shown";
        return $"{best.A} reaches the accuracy of {best.B} with {Text(tokens, "0")} tokens per problem, {Id(best.B)} itself first with "
            + $"{Text(best.TokensB, "0")}: {TimesFewer.Words(best.Difference, best.Low, best.High)}{chosen}{doubt}.";
    }

    private static string Plural(MethodKind kind) => MethodKinds.Title(kind).ToLowerInvariant();

    private static string Id(string side) => side.Split(' ')[0];

    /// <summary>Comparisons of guided searches of one kind with one way to rank samples.</summary>
    private sealed record Group(MethodKind Kind, IReadOnlyList<Comparison> Rows);

    /// <summary>
    /// Guided searches against the ways to rank samples that they name, in that order. A beam of one ranks steps of one state only, where Q
    /// + alpha A under best-of-K orders them as Q does: equal numbers are told once, of the method that comes first.
    /// </summary>
    private static List<Group> Told(IReadOnlyList<Comparison> comparisons) =>
    [
        .. from kind in MethodKinds.Guided
           let rows = comparisons.Where(c => SearchMethods.Find(Id(c.A))?.Kind == kind).OrderBy(c => SearchMethods.Order(Id(c.A)))
               .DistinctBy(c => (c.Claim, c.B, c.A.Split(' ')[^1], c.Difference, c.TokensA)).ToList()
           from against in rows.SelectMany(c => SearchMethods.Find(Id(c.A))!.Against).Distinct()
           let compared = rows.Where(c => Id(c.B) == against).ToList()
           where compared.Count > 0 && SearchMethods.Find(against)?.Kind == MethodKind.Ranking
           select new Group(kind, compared),
    ];

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private static string Points(double difference) => (100 * difference).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture);
}
