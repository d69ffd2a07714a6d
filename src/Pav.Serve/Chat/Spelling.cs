using System.Text;
using Pav.Models;
using Pav.Models.Engine;
using Pav.Models.Tokenizers;
using Pav.Serve.Rooms;

namespace Pav.Serve.Chat;

/// <summary>A part of an answer's text.</summary>
/// <param name="Value">The text.</param>
/// <param name="Start">Where it begins in the answer, in Unicode code points.</param>
/// <param name="Tokens">Its tokens; null where nobody asked for them.</param>
internal sealed record AnswerText(string Value, int Start, IReadOnlyList<TokenReply>? Tokens);

/// <summary>Log-probabilities with the texts of their tokens.</summary>
internal static class Spelling
{
    /// <summary>Told for log-probabilities of minus infinity, which JSON has not; vLLM's number.</summary>
    private const double Least = -9999;

    /// <summary>
    /// For each step of a trace after so many of them, the tokens of its text; null where they are not asked for. Tokens without text, the
    /// end-of-sequence among them, are left out.
    /// </summary>
    public static async Task<IReadOnlyList<IReadOnlyList<TokenReply>>?> Read(Seat seat, Prefix trace, int after, int? top)
    {
        if (top is not { } most) return null;
        var tokenizer = seat.Models.Tokenizer!;
        var told = await seat.Logprobs(trace, after, most);
        return [.. told.Steps.Select(step => step.Where(t => !tokenizer.IsSpecial(t.Token.Id)).Select(t =>
            Spelled(t.Token, tokenizer) with { TopLogprobs = [.. t.Top.Select(other => Spelled(other, tokenizer))] }).ToList())];
    }

    private static TokenReply Spelled(Logprob token, Tokenizer tokenizer)
    {
        var bytes = tokenizer.Bytes(token.Id);
        return new(Encoding.UTF8.GetString(bytes), Math.Max(Least, token.Value), [.. bytes.ToArray().Select(b => (int)b)]);
    }
}
