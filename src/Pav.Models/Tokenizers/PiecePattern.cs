using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Models.Tokenizers;

/// <summary>A stretch of a text that a pattern matched, or what lies between two matches.</summary>
internal readonly record struct Part(int Start, int Length, bool Match);

/// <summary>
/// A regular expression as tokenizer.json means it: over code points. .NET matches UTF-16 units, so \p{L} misses letters beyond U+FFFF;
/// therefore such characters are matched through stand-ins of the same category, one unit each.
/// </summary>
internal sealed class PiecePattern
{
    private readonly Regex regex;

    public PiecePattern(string pattern)
    {
        try
        {
            regex = new Regex(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant);
        }
        catch (ArgumentException e)
        {
            throw new UserError($"tokenizer.json: the pattern {pattern} is not one that .NET understands ({e.Message})", e);
        }
    }

    /// <summary>The "pattern" of a component: { "Regex": … } or { "String": … }.</summary>
    public static PiecePattern Parse(TokenizerJson json)
    {
        var given = json.Required("pattern");
        return given.Text("Regex") is { Length: > 0 } regex ? new(regex)
            : given.Text("String") is { Length: > 0 } literal ? Literal(literal)
            : throw given.Wrong("holds neither \"Regex\" nor \"String\"");
    }

    public static PiecePattern Literal(string text) => new(Regex.Escape(text));

    /// <summary>Matches and what lies between them, in order; no part is empty.</summary>
    public void Find(ReadOnlySpan<char> text, List<Part> into)
    {
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            Find(text, null, into);
            return;
        }

        var (matched, starts) = StandIns(text);
        Find(matched, starts, into);
    }

    private void Find(ReadOnlySpan<char> text, int[]? starts, List<Part> into)
    {
        var at = 0;
        foreach (var match in regex.EnumerateMatches(text))
        {
            if (match.Length == 0) continue;
            if (match.Index > at) Add(at, match.Index, false);
            at = match.Index + match.Length;
            Add(match.Index, at, true);
        }

        if (at < text.Length) Add(at, text.Length, false);

        void Add(int from, int to, bool match) => into.Add(starts is null ? new(from, to - from, match) : new(starts[from], starts[to] - starts[from], match));
    }

    /// <returns>The text in stand-ins and where each of its units starts in the text.</returns>
    private static (char[] Text, int[] Starts) StandIns(ReadOnlySpan<char> text)
    {
        var (units, starts, count, at) = (new char[text.Length], new int[text.Length + 1], 0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            units[count] = rune.IsBmp ? (char)rune.Value : StandIn(Rune.GetUnicodeCategory(rune));
            starts[count++] = at;
            at += rune.Utf16SequenceLength;
        }

        starts[count] = at;
        return (units[..count], starts);
    }

    private static char StandIn(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\uA640',
        UnicodeCategory.LowercaseLetter => '\uA641',
        UnicodeCategory.TitlecaseLetter => '\u1F88',
        UnicodeCategory.ModifierLetter => '\uA4F8',
        UnicodeCategory.OtherLetter => '\uA000',
        UnicodeCategory.NonSpacingMark => '\uA66F',
        UnicodeCategory.SpacingCombiningMark => '\uA823',
        UnicodeCategory.EnclosingMark => '\uA670',
        UnicodeCategory.DecimalDigitNumber => '\uA620',
        UnicodeCategory.LetterNumber => '\uA6E6',
        UnicodeCategory.OtherNumber => '\uA830',
        UnicodeCategory.OtherPunctuation => '\uA874',
        UnicodeCategory.Format => '\uFEFF',
        UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned => '\uE000',
        _ => '\uA490',
    };
}
