using System.Globalization;

namespace Pav.Cli.Terminal;

/// <summary>Rows of text under headings, columns aligned: the first to the left, the others to the right.</summary>
internal static class ResultTable
{
    public static IEnumerable<string> Lines(IReadOnlyList<string> headings, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = headings.Select((h, c) => rows.Select(r => r[c].Length).Append(h.Length).Max()).ToArray();
        string Line(IReadOnlyList<string> cells) => string.Join("  ", cells.Select((text, c) => c == 0 ? text.PadRight(widths[c]) : text.PadLeft(widths[c]))).TrimEnd();
        yield return Line(headings);
        yield return new string('-', widths.Sum() + 2 * (widths.Length - 1));
        foreach (var row in rows) yield return Line(row);
    }

    /// <summary>Methods of a search with accuracy, its 95% interval, Pass@N of the candidates, and costs per problem.</summary>
    public static IEnumerable<string> Of(Summary summary)
    {
        static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
        return Lines(
            ["method", "n", "alpha", "accuracy %", "95%", "any right %", "generated", "scored", "problems"],
            [.. summary.Methods.Select(m => (IReadOnlyList<string>)
            [
                m.Prover is null ? m.Method : $"{m.Method} {m.Prover}",
                m.N.ToString(CultureInfo.InvariantCulture),
                m.Alpha is { } alpha ? Text(alpha, "0.##") : "",
                Text(100 * m.Accuracy, "0.0"),
                $"{Text(100 * m.Low, "0.0")} to {Text(100 * m.High, "0.0")}",
                Text(100 * m.Pass, "0.0"),
                m.GeneratedTokens > 0 ? Text(m.GeneratedTokens, "0") : "unknown",
                Text(m.ScoredTokens, "0"),
                m.Problems.ToString(CultureInfo.InvariantCulture),
            ])]);
    }

    /// <summary>What the comparisons say of beams against best-of-N by the outcome verifier, the strongest of each kind, said to be that.</summary>
    public static IEnumerable<string> Claims(Summary summary)
    {
        if (summary.Methods.Any(m => m.GeneratedTokens == 0)) yield return "Nothing is compared at equal tokens: the servers did not tell how many they generated; give the served model's --tokenizer.";
        static string Points(double difference) => (100 * difference).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture);
        var claims = summary.Comparisons.Where(c => c.A.StartsWith("beam-", StringComparison.Ordinal) && c.B.StartsWith("best-of-n-orm", StringComparison.Ordinal)).ToList();
        var equal = claims.Where(c => c.Claim == "equal-tokens").ToList();
        if (equal.Count > 0)
        {
            var best = equal.MaxBy(c => c.Difference)!;
            yield return string.Create(CultureInfo.InvariantCulture, $"At equal generated tokens ({best.TokensA:0} a problem), {best.A} is {Points(best.Difference)} points [{Points(best.Low)} to {Points(best.High)}] from {best.B}: the largest of {equal.Count} such differences.");
        }
        var reach = claims.Where(c => c.Claim == "tokens-to-reach").ToList();
        if (reach.Count == 0) yield break;
        var fewest = reach.MaxBy(c => c.Difference)!;
        yield return fewest.TokensA is null ? $"No beam reaches the accuracy of {fewest.B}."
            : string.Create(CultureInfo.InvariantCulture, $"{fewest.A} reaches the accuracy of {fewest.B} with {fewest.TokensA:0} tokens, best-of-N itself first with {fewest.TokensB:0}: {fewest.Difference:0.0} times fewer [{fewest.Low:0.0} to {fewest.High:0.0}], the best of {reach.Count}.");
    }
}
