namespace Pav.Serve.Chat;

/// <summary>A token with its log-probability: of the model's own distribution, before temperature, top_k and top_p.</summary>
/// <param name="Token">Its text; U+FFFD where it holds a part of a character.</param>
/// <param name="Bytes">Its bytes; those of all tokens together are the answer's.</param>
/// <param name="TopLogprobs">The most likely tokens in its place; null for one of these.</param>
internal sealed record TokenReply(string Token, double Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<TokenReply>? TopLogprobs = null);

/// <summary>Log-probabilities as chats have them.</summary>
internal sealed record ChatLogprobs(IReadOnlyList<TokenReply> Content)
{
    public static ChatLogprobs? From(IReadOnlyList<TokenReply>? tokens) => tokens is null ? null : new(tokens);
}

/// <summary>Log-probabilities as text completions have them: lists of one length.</summary>
/// <param name="TopLogprobs">By the tokens' texts, the answer's own token among them; null where none were asked for.</param>
/// <param name="TextOffset">Where each token begins in the answer, in Unicode code points.</param>
internal sealed record TextLogprobs(
    IReadOnlyList<string> Tokens, IReadOnlyList<double> TokenLogprobs, IReadOnlyList<IReadOnlyDictionary<string, double>>? TopLogprobs,
    IReadOnlyList<int> TextOffset)
{
    /// <param name="tokens">Of a part of an answer; null: not asked for.</param>
    /// <param name="top">So many of the most likely were asked for.</param>
    /// <param name="start">Where the part begins.</param>
    public static TextLogprobs? From(IReadOnlyList<TokenReply>? tokens, int? top, int start)
    {
        if (tokens is null) return null;
        var offsets = new List<int>(tokens.Count);
        foreach (var token in tokens)
        {
            offsets.Add(start);
            start += token.Bytes.Count(b => (b & 0xC0) != 0x80);
        }

        return new([.. tokens.Select(t => t.Token)], [.. tokens.Select(t => t.Logprob)], top > 0 ? [.. tokens.Select(Top)] : null, offsets);
    }

    private static Dictionary<string, double> Top(TokenReply token)
    {
        var all = new Dictionary<string, double>();
        foreach (var likely in token.TopLogprobs!.Append(token)) all.TryAdd(likely.Token, likely.Logprob);
        return all;
    }
}
