using System.Buffers;
using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>A token that is found in the text before the model sees it.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special, bool Normalized, bool SingleWord, bool StripLeft, bool StripRight)
{
    public static AddedToken Parse(TokenizerJson json)
    {
        var content = json.Text("content") is { Length: > 0 } text ? text : throw json.Wrong("has no \"content\"");
        var id = json.Checked(json.Int("id") ?? throw json.Wrong("has no \"id\""), content);
        return new(id, content, json.Flag("special"), json.Flag("normalized", true), json.Flag("single_word"), json.Flag("lstrip"),
            json.Flag("rstrip"));
    }
}

/// <summary>Finds added tokens in a text: leftmost, then longest. One that would have to be a word of its own and is not is passed over
/// whole.</summary>
internal sealed class AddedTokenFinder
{
    private readonly SearchValues<char> firsts;
    private readonly Dictionary<char, int[]> lengths;
    private readonly Dictionary<string, AddedToken>.AlternateLookup<ReadOnlySpan<char>> byContent;

    public AddedTokenFinder(IEnumerable<AddedToken> tokens)
    {
        var all = new Dictionary<string, AddedToken>();
        foreach (var token in tokens) all[token.Content] = token;
        byContent = all.GetAlternateLookup<ReadOnlySpan<char>>();
        lengths = all.Keys.GroupBy(c => c[0]).ToDictionary(g => g.Key, g => g.Select(c => c.Length).Distinct().OrderDescending().ToArray());
        firsts = SearchValues.Create([.. lengths.Keys]);
    }

    /// <summary>Parts in order: a text, or an added token.</summary>
    public IEnumerable<(string Text, AddedToken? Token)> Parts(string text)
    {
        var done = 0;
        for (var position = 0; Next(text, position) is { } found;)
        {
            var (start, token) = found;
            position = start + token.Content.Length;
            if (token.SingleWord && !StandsAlone(text, start, position)) continue;
            var (from, to) = (start, position);
            if (token.StripLeft) while (from > done && char.IsWhiteSpace(text[from - 1])) from--;
            if (token.StripRight) while (to < text.Length && char.IsWhiteSpace(text[to])) to++;
            if (from > done) yield return (text[done..from], null);
            yield return (token.Content, token);
            done = to;
        }

        if (done < text.Length) yield return (done == 0 ? text : text[done..], null);
    }

    private (int Start, AddedToken Token)? Next(string text, int position)
    {
        for (; position < text.Length; position++)
        {
            var skip = text.AsSpan(position).IndexOfAny(firsts);
            if (skip < 0) return null;
            position += skip;
            foreach (var length in lengths[text[position]])
                if (position + length <= text.Length && byContent.TryGetValue(text.AsSpan(position, length), out var token))
                    return (position, token);
        }

        return null;
    }

    private static bool StandsAlone(string text, int start, int end)
    {
        Rune.DecodeLastFromUtf16(text.AsSpan(0, start), out var before, out _);
        Rune.DecodeFromUtf16(text.AsSpan(end), out var after, out _);
        return (start == 0 || !IsWord(before)) && (end == text.Length || !IsWord(after));
    }

    /// <summary>Joiners count here, though a pattern's \w leaves them out.</summary>
    private static bool IsWord(Rune rune) => rune.Value is 0x200C or 0x200D || CodePointSet.Word.Contains(rune.Value);
}
