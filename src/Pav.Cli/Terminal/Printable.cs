using System.Globalization;
using System.Text;

namespace Pav.Cli.Terminal;

/// <summary>
/// Text of servers, problems and models made harmless for a terminal: what would move the cursor, change colours or turn the direction
/// of reading is shown by its number, <c>\x1b</c> or <c>\u202e</c>. Line ends and tabs stay; the joiners that scripts and emoji need too.
/// </summary>
internal static class Printable
{
    private const int ZeroWidthNonJoiner = 0x200c, ZeroWidthJoiner = 0x200d, SoftHyphen = 0xad;

    public static string From(string text)
    {
        text = text.Replace("\r\n", "\n");
        if (text.All(c => c is >= ' ' and <= '~' or '\n' or '\t')) return text;
        var shown = new StringBuilder(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsHarmless(rune)) shown.Append(rune);
            else shown.Append(rune.Value < 0x100 ? $"\\x{rune.Value:x2}" : rune.IsBmp ? $"\\u{rune.Value:x4}" : $"\\U{rune.Value:x8}");
        }
        return shown.ToString();
    }

    private static bool IsHarmless(Rune rune) => rune.Value is '\n' or '\t' or ZeroWidthNonJoiner or ZeroWidthJoiner or SoftHyphen
        || Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
}
