using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Models.Remote;

/// <summary>What servers say, made fit for terminals and files: in one line, short, without control characters.</summary>
internal static partial class ServerText
{
    private const int Longest = 300;

    public static string Clean(string text)
    {
        var clean = new StringBuilder(Math.Min(text.Length, Longest) + 1);
        foreach (var rune in text.Trim().EnumerateRunes())
        {
            if (clean.Length >= Longest) return clean.Append('…').ToString();
            if (rune.Value is '\r' or '\n' or '\t') clean.Append(' ');
            else if (!IsHidden(rune)) clean.Append(rune);
            else clean.Append(rune.Value < 0x100 ? $"\\x{rune.Value:x2}" : $"\\u{rune.Value:x4}");
        }

        return clean.ToString();
    }

    /// <summary>Control characters, and those that turn the direction of a text round.</summary>
    private static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format;

    /// <summary>
    /// How many tokens the context leaves to a trace, by the numbers in a server's complaint: those of the context and of the prompt, and
    /// with them sometimes their sum with
    /// max_tokens. Worked: "maximum context length is 256 tokens, you requested 300 tokens (220 in the prompt, 80 in the completion)" with
    /// max_tokens 80 leaves 36.
    /// </summary>
    /// <param name="message">The complaint.</param>
    /// <param name="maxTokens">What was asked for.</param>
    /// <param name="context">The context where it is known otherwise.</param>
    /// <returns>Tokens, 0 or less for none; null where the message does not tell.</returns>
    public static int? Room(string message, int maxTokens, int? context)
    {
        var numbers = Number().Matches(Thousands().Replace(message, "")).Select(m => int.TryParse(m.Value, out var n) ? n : 0)
            .Where(n => n > 0).Distinct().ToList();
        if (context is { } known && !numbers.Contains(known)) numbers.Add(known);
        var rest = numbers.Count > 2 ? numbers.Where(n => n != maxTokens).ToList() : numbers;

        // The prompt is the number whose sum with max_tokens is told as well, else the largest that with max_tokens is too long for the
        // context.
        var found =
            from size in context is { } c ? [c] : rest
            from prompt in rest
            where prompt != size && prompt + maxTokens > size
            where context is not null || prompt < size || rest.Count == 2
            orderby rest.Contains(prompt + maxTokens) descending, prompt < size descending, prompt descending
            select size - prompt;
        return found.Cast<int?>().FirstOrDefault();
    }

    /// <summary>Whole numbers, not parts of names and versions.</summary>
    [GeneratedRegex(@"(?<![\w\-.])\d+(?![\w\-]|\.\d)")]
    private static partial Regex Number();

    [GeneratedRegex(@"(?<=\d),(?=\d{3})")]
    private static partial Regex Thousands();
}
