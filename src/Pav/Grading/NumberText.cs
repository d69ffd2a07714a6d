using System.Text;

namespace Pav.Grading;

/// <summary>Decimal numbers in plain text: a sign, thousands separators and a currency sign allowed; written back as digits without surplus zeros.</summary>
internal static class NumberText
{
    /// <summary>The number that the whole text is, spaces, <c>$</c>, <c>%</c> and a final full stop apart; null if it is something else.</summary>
    public static string? Whole(string text)
    {
        var body = text.AsSpan().Trim().TrimEnd('.').TrimEnd('%').TrimEnd('\\').Trim();
        var at = 0;
        var negative = Sign(body, ref at);
        return at < body.Length && Unsigned(body, at) is var (end, digits) && end == body.Length ? Signed(negative, digits) : null;
    }

    /// <summary>The last number of a text; a minus after a letter, a digit or a bracket is a difference, no sign.</summary>
    public static string? Last(ReadOnlySpan<char> text) => Scan(text, last: true);

    /// <summary>The first number of a text.</summary>
    public static string? First(ReadOnlySpan<char> text) => Scan(text, last: false);

    private static string? Scan(ReadOnlySpan<char> text, bool last)
    {
        string? found = null;
        for (var i = 0; i < text.Length;)
        {
            if (Unsigned(text, i) is not var (end, digits))
            {
                i++;
                continue;
            }

            found = Signed(IsNegative(text, i), digits);
            if (!last) return found;
            i = end;
        }

        return found;
    }

    private static bool IsNegative(ReadOnlySpan<char> text, int at)
    {
        var before = at - 1;
        while (before >= 0 && text[before] is '$' or '\\') before--;
        return before >= 0 && text[before] is '-' or '−' && (before == 0 || !(char.IsLetterOrDigit(text[before - 1]) || text[before - 1] is ')' or ']' or '}'));
    }

    private static bool Sign(ReadOnlySpan<char> text, ref int at)
    {
        var negative = false;
        for (; at < text.Length && text[at] is '-' or '−' or '+' or '$' or '\\' or ' '; at++) negative |= text[at] is '-' or '−';
        return negative;
    }

    /// <summary>Digits from there on, a comma between each three of them allowed, and a fraction; null where none begin.</summary>
    private static (int End, string Digits)? Unsigned(ReadOnlySpan<char> text, int at)
    {
        var digits = new StringBuilder();
        var end = Run(text, at);
        digits.Append(text[at..end]);
        if (end - at is > 0 and <= 3)
        {
            while (end < text.Length && text[end] == ',' && Run(text, end + 1) == end + 4)
            {
                digits.Append(text[(end + 1)..(end + 4)]);
                end += 4;
            }
        }

        if (end + 1 < text.Length && text[end] == '.' && char.IsAsciiDigit(text[end + 1]))
        {
            var stop = Run(text, end + 1);
            digits.Append(text[end..stop]);
            end = stop;
        }

        return end > at ? (end, digits.ToString()) : null;
    }

    private static int Run(ReadOnlySpan<char> text, int at)
    {
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        return at;
    }

    private static string Signed(bool negative, string digits)
    {
        var canonical = digits.TrimStart('0');
        if (canonical.Contains('.')) canonical = canonical.TrimEnd('0').TrimEnd('.');
        if (canonical == "") return "0";
        if (canonical[0] == '.') canonical = "0" + canonical;
        return negative ? "-" + canonical : canonical;
    }
}
