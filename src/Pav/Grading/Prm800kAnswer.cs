using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Pav.Grading;

/// <summary>
/// PRM800K's grader (openai/prm800k, <c>prm800k/grading/grader.py</c>), rule by rule, with <see cref="Identity"/> in sympy's place: equal
/// as MATH's authors normalise; or equal after a rougher normalisation; or part by part with a difference of 0, where at most two letters
/// stand in both, whole numbers are written out and fractions are the same.
/// </summary>
internal static partial class Prm800kAnswer
{
    private const int LongestRead = 1000;
    private const int MostSteps = 60_000;
    private const string Brackets = "()[]";

    private static readonly string[] Units =
        ["degree", "cm", "centimeter", "meter", "mile", "second", "minute", "hour", "day", "week", "month", "year", "foot", "feet",
            "inch", "yard"];

    public static bool Same(string answer, string reference)
    {
        if (Mathd(answer) == Mathd(reference)) return true;
        if (answer.Length > LongestRead || reference.Length > LongestRead) return false;
        var (given, wanted) = (Normalise(answer), Normalise(reference));
        if (given == wanted) return true;
        if (given.Length == 0 || wanted.Length == 0) return false;
        var (parts, wantedParts) = (Parts(given), Parts(wanted));
        if (wantedParts.Count > 1 && (wanted[0] != given[0] || wanted[^1] != given[^1])) return false;
        return parts.Count == wantedParts.Count && parts.Zip(wantedParts).All(p => SamePart(p.First, p.Second));
    }

    private static string Mathd(string answer)
    {
        answer = answer.Trim();
        return Hendrycks.Normalise(WholeText.Match(answer) is { Success: true } text ? text.Groups[1].Value.Trim() : answer);
    }

    private static bool SamePart(string given, string wanted)
    {
        if (Fraction.IsMatch(wanted) && Fraction.IsMatch(given)) return wanted == given;
        return IsWhole(wanted) == IsWhole(given) && MayEvaluate($"({wanted})-({given})") && Evaluates(given, wanted);
    }

    private static string Normalise(string answer)
    {
        var text = WholeText.Match(answer) is { Success: true } whole ? whole.Groups[1].Value : answer;
        text = text.Replace("\\%", "%").Replace("\\$", "$").Replace("$", "").Replace("%", "").Replace(" or ", " , ").Replace(" and ",
            " , ");
        text = text.Replace("million", "*10^6").Replace("billion", "*10^9").Replace("trillion", "*10^12");
        foreach (var unit in Units) text = Regex.Replace(text, unit + @"(es)?(s)? *(\^[0-9]+)?", "");
        text = Degrees.Replace(text, "");
        if (text.Length > 1 && text[0] == '{' && text[^1] == '}') text = text[1..^1];
        text = ThinComma.Replace(text, "");
        if (Float(text) is { } number && IsWhole(number)) text = Rounded(number);
        if (text.Contains('\\')) text = Plain(text);
        text = SignedSpace.Replace(text, "-");
        text = Mixed.Replace(text, "$1+$2").Replace(" ", "").Replace("{", "").Replace("}", "").ToLowerInvariant();
        return IsWhole(text) ? new BigInteger(Math.Truncate(Float(text.Replace(",", ""))!.Value)).ToString(CultureInfo.InvariantCulture)
            : text;
    }

    private static string Plain(string latex)
    {
        try
        {
            var text = LatexText.Convert(latex.Replace("\\tfrac", "\\frac").Replace("\\dfrac", "\\frac").Replace("\\frac", " \\frac"));
            return text.Replace("√", "sqrt").Replace("π", "pi").Replace("∞", "inf").Replace("∪", "U").Replace("·", "*").Replace("×",
                "*").Trim();
        }
        catch (UnreadableAnswer)
        {
            return latex;
        }
    }

    /// <summary>What Python's <c>float</c> reads: 40_9 is 409.</summary>
    private static double? Float(string text) =>
        Number.IsMatch(text) && double.TryParse(text.Replace("_", ""), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && double.IsFinite(value) ? value : null;

    private static bool IsWhole(double value) => Math.Abs(value - Math.Round(value)) <= 1e-7;

    private static bool IsWhole(string text) => Float(WithoutCommas(text)) is { } value && IsWhole(value);

    private static string Rounded(double value) => new BigInteger(Math.Round(value)).ToString(CultureInfo.InvariantCulture);

    private static string WithoutCommas(string text)
    {
        for (var next = Thousands.Replace(text, "$1$2$3"); next != text; next = Thousands.Replace(text, "$1$2$3")) text = next;
        return text;
    }

    private static List<string> Parts(string text)
    {
        text = WithoutCommas(text);
        var bracketed = text.Length > 2 && Brackets.Contains(text[0]) && Brackets.Contains(text[^1])
            && text.AsSpan(1, text.Length - 2).IndexOfAny(Brackets) < 0;
        return bracketed ? [.. text[1..^1].Split(',').Select(part => part.Trim())] : [text];
    }

    private static bool MayEvaluate(string difference) =>
        difference.Replace("sqrt", "").Replace("frac", "").Where(char.IsLetter).Distinct().Count() <= 2
        && !difference.Contains("^{") && !difference.Contains("^(") && !LongPower.IsMatch(difference);

    private static bool Evaluates(string given, string wanted)
    {
        try
        {
            var work = new Work(MostSteps);
            return Identity.Holds(Read(given), Read(wanted), work);

            Expression Read(string text) => Tokens(text) is var tokens && tokens.Count > 0
                ? ExpressionParser.Parse(tokens, 0, tokens.Count, "+", work) : throw new UnreadableAnswer();
        }
        catch (UnreadableAnswer)
        {
            return false;
        }
    }

    /// <summary>As sympy reads them: each letter but those of sqrt, pi and ln a variable, i and e too.</summary>
    private static List<Token> Tokens(string text)
    {
        var tokens = new List<Token>();
        for (var match = Piece.Match(text); match.Success; match = match.NextMatch())
        {
            var piece = match.Value;
            tokens.Add(piece switch
            {
                "sqrt" => new(TokenKind.Mark, piece, false),
                "pi" => new(TokenKind.Symbol, piece, false),
                "ln" => new(TokenKind.Function, piece, false),
                _ when char.IsAsciiDigit(piece[0]) || (piece.Length > 1 && piece[0] == '.') =>
                    new(TokenKind.Number, piece.TrimEnd('.'), false),
                _ when char.IsLetter(piece[0]) => new(TokenKind.Symbol, piece is "i" or "e" ? $"variable {piece}" : piece, false),
                _ when "+-*/^()!".Contains(piece[0]) => new(TokenKind.Mark, piece == "**" ? "^" : piece, false),
                _ => throw new UnreadableAnswer(),
            });
        }

        return tokens;
    }

    [GeneratedRegex(@"^\\text\{(.+?)\}$")]
    private static partial Regex WholeText { get; }

    [GeneratedRegex(@"^-?[0-9]+.?/0*[1-9][0-9]*.?$")]
    private static partial Regex Fraction { get; }

    [GeneratedRegex(@"\^ *\\circ")]
    private static partial Regex Degrees { get; }

    [GeneratedRegex(@",\\! *")]
    private static partial Regex ThinComma { get; }

    [GeneratedRegex("- *")]
    private static partial Regex SignedSpace { get; }

    [GeneratedRegex("([0-9]) +([0-9])")]
    private static partial Regex Mixed { get; }

    [GeneratedRegex(@"(\d),(\d\d\d)($|\D)")]
    private static partial Regex Thousands { get; }

    [GeneratedRegex(@"^\s*[-+]?(\d+(_\d+)*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$")]
    private static partial Regex Number { get; }

    [GeneratedRegex(@"\^[0-9]+\^|\^[0-9][0-9]+")]
    private static partial Regex LongPower { get; }

    [GeneratedRegex(@"sqrt|pi|ln|(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?|\*\*|.", RegexOptions.Singleline)]
    private static partial Regex Piece { get; }
}
