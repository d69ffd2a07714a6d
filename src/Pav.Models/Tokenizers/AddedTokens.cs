using System.Text;

namespace Pav.Models.Tokenizers;

/// <summary>A token that is found in the text before the model sees it.</summary>
internal sealed record AddedToken(int Id, string Content, bool Special, bool Normalized, bool SingleWord, bool StripLeft, bool StripRight)
{
    public static AddedToken Parse(TokenizerJson json) => new(
        json.Get<int?>("id") ?? throw json.Wrong("has no \"id\""),
        json.Text("content") is { Length: > 0 } content ? content : throw json.Wrong("has no \"content\""),
        json.Flag("special"), json.Flag("normalized", true), json.Flag("single_word"), json.Flag("lstrip"), json.Flag("rstrip"));
}

/// <summary>Finds added tokens in a text: leftmost, then longest.</summary>
internal sealed class AddedTokenFinder(IEnumerable<AddedToken> tokens)
{
    private readonly Dictionary<char, AddedToken[]> byFirst = tokens.GroupBy(t => t.Content[0]).ToDictionary(g => g.Key, g => g.OrderByDescending(t => t.Content.Length).ToArray());

    /// <summary>Parts in order: a text, or an added token.</summary>
    public IEnumerable<(string Text, AddedToken? Token)> Parts(string text)
    {
        var done = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (!byFirst.TryGetValue(text[i], out var candidates) || candidates.FirstOrDefault(t => Matches(text, i, t)) is not { } token) continue;
            var (from, to) = (i, i + token.Content.Length);
            if (token.StripLeft) while (from > done && char.IsWhiteSpace(text[from - 1])) from--;
            if (token.StripRight) while (to < text.Length && char.IsWhiteSpace(text[to])) to++;
            if (from > done) yield return (text[done..from], null);
            yield return (token.Content, token);
            done = to;
            i = to - 1;
        }

        if (done < text.Length) yield return (text[done..], null);
    }

    private static bool Matches(string text, int at, AddedToken token)
    {
        if (string.CompareOrdinal(text, at, token.Content, 0, token.Content.Length) != 0) return false;
        if (!token.SingleWord) return true;
        var end = at + token.Content.Length;
        return (at == 0 || !IsWord(text[at - 1])) && (end == text.Length || !IsWord(text[end]));
    }

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '_';
}
