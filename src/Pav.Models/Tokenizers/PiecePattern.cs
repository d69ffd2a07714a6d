using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Models.Tokenizers;

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

    public IEnumerable<string> Isolate(string text) => Parts(text).Select(p => p.Text);

    /// <summary>Matches and what lies between them, in order; no part is empty.</summary>
    public IEnumerable<(string Text, bool Match)> Parts(string text)
    {
        var (matched, starts) = StandIns(text);
        var at = 0;
        foreach (var match in regex.EnumerateMatches(matched).ToList())
        {
            if (match.Length == 0) continue;
            if (match.Start > at) yield return (Slice(at, match.Start), false);
            at = match.Start + match.Length;
            yield return (Slice(match.Start, at), true);
        }

        if (at < matched.Length) yield return (Slice(at, matched.Length), false);

        string Slice(int from, int to) => starts is null ? text[from..to] : text[starts[from]..starts[to]];
    }

    /// <returns>The text in stand-ins and where each of its units starts in the text; no starts where the text is its own stand-in.</returns>
    private static (string Text, int[]? Starts) StandIns(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')) return (text, null);
        var (units, starts, at) = (new StringBuilder(text.Length), new List<int>(), 0);
        foreach (var rune in text.EnumerateRunes())
        {
            units.Append(rune.IsBmp ? (char)rune.Value : StandIn(Rune.GetUnicodeCategory(rune)));
            starts.Add(at);
            at += rune.Utf16SequenceLength;
        }

        return (units.ToString(), [.. starts, at]);
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

internal static class MatchEnumeration
{
    public static List<(int Start, int Length)> ToList(this Regex.ValueMatchEnumerator matches)
    {
        var list = new List<(int, int)>();
        foreach (var match in matches) list.Add((match.Index, match.Length));
        return list;
    }
}
