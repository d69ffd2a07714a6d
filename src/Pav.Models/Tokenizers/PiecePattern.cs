using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Models.Tokenizers;

/// <summary>A stretch of a text that a pattern matched, or what lies between two matches. A match may be empty.</summary>
internal readonly record struct Part(int Start, int Length, bool Match);

/// <summary>
/// A regular expression as tokenizer.json means it: Oniguruma's, over code points. .NET matches UTF-16 units; therefore a character
/// beyond U+FFFF is
/// matched through a stand-in, one unit that belongs to the same sets of this pattern.
/// </summary>
internal sealed class PiecePattern
{
    private readonly Regex regex;
    private readonly StandIns standIns;

    public PiecePattern(string pattern, Func<string, UserError>? wrong = null)
    {
        wrong ??= what => new($"the pattern {pattern}: {what}");
        var sets = new List<CodePointSet>();
        new PatternReader(pattern, set =>
        {
            sets.Add(set);
            return "";
        }, wrong).Read();
        standIns = new(sets);
        regex = new Regex(new PatternReader(pattern, standIns.Render, wrong).Read(), RegexOptions.Compiled | RegexOptions.CultureInvariant);
    }

    /// <summary>The "pattern" of a component: { "Regex": … } or { "String": … }.</summary>
    public static PiecePattern Parse(TokenizerJson json)
    {
        var given = json.Required("pattern");
        return given.Text("Regex") is { Length: > 0 } regex ? new(regex, given.Wrong)
            : given.Text("String") is { Length: > 0 } literal ? Literal(literal)
            : throw given.Wrong("holds neither \"Regex\" nor \"String\"");
    }

    public static PiecePattern Literal(string text) =>
        new(string.Concat(text.Select(c => char.IsAscii(c) && !char.IsAsciiLetterOrDigit(c) ? $"\\{c}" : c.ToString())));

    /// <summary>Matches, empty ones too, and what lies between them, in order.</summary>
    public void Find(ReadOnlySpan<char> text, List<Part> into)
    {
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            Find(text, null, into);
            return;
        }

        var (matched, starts) = standIns.Replace(text);
        Find(matched, starts, into);
    }

    private void Find(ReadOnlySpan<char> text, int[]? starts, List<Part> into)
    {
        var (end, any) = (0, false);
        foreach (var match in regex.EnumerateMatches(text))
        {
            // As the reference does: no empty match right after another.
            if (match.Length == 0 && any && match.Index == end) continue;
            if (match.Index > end) Add(end, match.Index, false);
            (end, any) = (match.Index + match.Length, true);
            Add(match.Index, end, true);
        }

        if (end < text.Length) Add(end, text.Length, false);

        void Add(int from, int to, bool match) =>
            into.Add(starts is null ? new(from, to - from, match) : new(starts[from], starts[to] - starts[from], match));
    }
}

/// <summary>
/// One unit for each kind of character beyond U+FFFF: those of a kind are in the same ones of some sets. Half surrogates serve, as no
/// text holds one.
/// </summary>
internal sealed class StandIns
{
    private const int First = 0x10000, Unit = 0xD800;

    private readonly int[] starts;
    private readonly char[] units;
    private readonly List<(int Example, char Unit)> kinds = [];

    public StandIns(IReadOnlyList<CodePointSet> sets)
    {
        starts = [First, .. sets.SelectMany(s => s.Ranges).SelectMany(r => new[] { r.From, r.To }).Where(c => c is > First and < 0x110000)
            .Distinct().Order()];
        var known = new Dictionary<string, char>();
        units = new char[starts.Length];
        for (var i = 0; i < starts.Length; i++)
        {
            var kind = string.Concat(sets.Select(s => s.Contains(starts[i]) ? '1' : '0'));
            if (!known.TryGetValue(kind, out units[i]))
            {
                units[i] = known[kind] = (char)(Unit + known.Count);
                kinds.Add((starts[i], units[i]));
            }
        }
    }

    /// <summary>.NET's text for one character of a set.</summary>
    public string Render(CodePointSet set)
    {
        var text = new StringBuilder();
        foreach (var (from, to) in set.Ranges)
        {
            Add(from, Math.Min(to, Unit));
            Add(Math.Max(from, 0xE000), Math.Min(to, First));
        }

        foreach (var (example, unit) in kinds)
            if (set.Contains(example)) Add(unit, unit + 1);
        return text.Length == 0 ? "(?!)" : $"[{text}]";

        void Add(int from, int to)
        {
            if (from < to) text.Append($"\\u{from:X4}").Append(to > from + 1 ? $"-\\u{to - 1:X4}" : "");
        }
    }

    /// <returns>A text in stand-ins and where each of its units starts in the text.</returns>
    public (char[] Text, int[] Starts) Replace(ReadOnlySpan<char> text)
    {
        var (made, from, count, position) = (new char[text.Length], new int[text.Length + 1], 0, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            made[count] = rune.IsBmp ? (char)rune.Value : UnitOf(rune.Value);
            from[count++] = position;
            position += rune.Utf16SequenceLength;
        }

        from[count] = position;
        return (made[..count], from);
    }

    private char UnitOf(int codePoint) =>
        units[Array.BinarySearch(starts, codePoint) is >= 0 and var found ? found : ~Array.BinarySearch(starts, codePoint) - 1];
}
