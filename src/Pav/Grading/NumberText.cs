namespace Pav.Grading;

/// <summary>Decimal numbers in plain text: a sign, thousands separators and a currency sign allowed; written back as digits without surplus
/// zeros.</summary>
internal static class NumberText
{
    /// <summary>The number that the whole text is, spaces, <c>$</c>, <c>%</c> and a final full stop apart; null if it is something
    /// else.</summary>
    public static string? Whole(string text)
    {
        var body = text.AsSpan().Trim().TrimEnd('.').TrimEnd('%').TrimEnd('\\').Trim();
        var position = 0;
        var negative = Sign(body, ref position);
        return position < body.Length && End(body, position) == body.Length ? Signed(negative, body[position..]) : null;
    }

    /// <summary>The last number of a text; a minus after a letter, a digit or a bracket is a difference, no sign.</summary>
    public static string? Last(ReadOnlySpan<char> text) => Scan(text, last: true);

    /// <summary>The first number of a text.</summary>
    public static string? First(ReadOnlySpan<char> text) => Scan(text, last: false);

    private static string? Scan(ReadOnlySpan<char> text, bool last)
    {
        var (from, to) = (-1, -1);
        for (var i = 0; i < text.Length && (last || from < 0);)
        {
            if (End(text, i) is var end && end > i) (from, to, i) = (i, end, end);
            else i++;
        }

        return from < 0 ? null : Signed(IsNegative(text, from), text[from..to]);
    }

    private static bool IsNegative(ReadOnlySpan<char> text, int position)
    {
        var before = position - 1;
        while (before >= 0 && text[before] is '$' or '\\') before--;
        return before >= 0 && text[before] is '-' or '−'
            && (before == 0 || !(char.IsLetterOrDigit(text[before - 1]) || text[before - 1] is ')' or ']' or '}'));
    }

    private static bool Sign(ReadOnlySpan<char> text, ref int position)
    {
        var negative = false;
        for (; position < text.Length && text[position] is '-' or '−' or '+' or '$' or '\\' or ' '; position++)
            negative |= text[position] is '-' or '−';
        return negative;
    }

    /// <summary>The end of the digits from there on, a comma between each three of them allowed, and of a fraction; the place itself where
    /// none begin.</summary>
    private static int End(ReadOnlySpan<char> text, int position)
    {
        var end = Run(text, position);
        if (end - position is > 0 and <= 3)
            while (end < text.Length && text[end] == ',' && Run(text, end + 1) == end + 4) end += 4;
        return end + 1 < text.Length && text[end] == '.' && char.IsAsciiDigit(text[end + 1]) ? Run(text, end + 1) : end;
    }

    private static int Run(ReadOnlySpan<char> text, int position)
    {
        while (position < text.Length && char.IsAsciiDigit(text[position])) position++;
        return position;
    }

    private static string Signed(bool negative, ReadOnlySpan<char> digits)
    {
        var canonical = digits.TrimStart('0').ToString().Replace(",", "");
        if (canonical.Contains('.')) canonical = canonical.TrimEnd('0').TrimEnd('.');
        if (canonical == "") return "0";
        if (canonical[0] == '.') canonical = "0" + canonical;
        return negative ? "-" + canonical : canonical;
    }
}
