using System.Text;

namespace Pav.Grading;

/// <summary>The normalisation of MATH's authors (hendrycks/math, <c>math_equivalence.py</c>): two answers are equal if they look the same
/// after it.</summary>
internal static class Hendrycks
{
    /// <summary>
    /// Spaces, delimiters' sizes, degrees, <c>\%</c> and <c>\$</c>, units in <c>\text{ …}</c> and short left-hand sides go;
    /// <c>\frac12</c>, <c>1/2</c> and <c>0.5</c> become <c>\frac{1}{2}</c>.
    /// </summary>
    public static string Normalise(string answer) => Normalised(answer) ?? answer;

    /// <summary>Equal after normalisation; where that fails for one of them, equal as they stand.</summary>
    public static bool Same(string a, string b) => Normalised(a) is { } left && Normalised(b) is { } right ? left == right : a == b;

    private static string? Normalised(string answer)
    {
        var text = answer
            .Replace("\n", "").Replace("\\!", "").Replace("\\\\", "\\")
            .Replace("tfrac", "frac").Replace("dfrac", "frac").Replace("\\left", "").Replace("\\right", "")
            .Replace("^{\\circ}", "").Replace("^\\circ", "").Replace("\\$", "");
        var units = text.Split("\\text{ ");
        if (units.Length > 2) return null;
        text = units[0].Replace("\\%", "").Replace(" .", " 0.").Replace("{.", "{0.");
        if (text.Length == 0) return text;
        if (text[0] == '.') text = "0" + text;
        if (text.Split('=') is [{ Length: <= 2 }, var right]) text = right;
        if (Braced(text, "\\sqrt", 1) is not { } roots) return null;
        if (Braced(roots.Replace(" ", ""), "\\frac", 2) is not { } fractions) return null;
        return fractions == "0.5" ? "\\frac{1}{2}" : Slash(fractions);
    }

    /// <summary>Puts braces around the arguments of a command that are single characters; null where an argument is missing.</summary>
    private static string? Braced(string text, string command, int arguments)
    {
        var parts = text.Split(command);
        var braced = new StringBuilder(parts[0]);
        foreach (var part in parts.Skip(1))
        {
            if (part.Length == 0) return null;
            braced.Append(command);
            if (part[0] == '{')
            {
                braced.Append(part);
                continue;
            }

            if (part.Length < arguments) return text;
            braced.Append('{').Append(part[0]).Append('}');
            var rest = 1;
            if (arguments == 2 && part[1] != '{')
            {
                braced.Append('{').Append(part[1]).Append('}');
                rest = 2;
            }

            braced.Append(part, rest, part.Length - rest);
        }

        return braced.ToString();
    }

    /// <summary>A quotient a/b of whole numbers as a fraction.</summary>
    private static string Slash(string text)
    {
        static bool Whole(ReadOnlySpan<char> part)
        {
            var digits = part is ['-', not '0', ..] ? part[1..] : part;
            return digits.Length > 0 && (digits[0] != '0' || digits.Length == 1) && !digits.ContainsAnyExceptInRange('0', '9');
        }

        return text.Split('/') is [var a, var b] && Whole(a) && Whole(b) ? $"\\frac{{{a}}}{{{b}}}" : text;
    }
}
