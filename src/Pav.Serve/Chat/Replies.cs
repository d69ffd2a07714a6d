using System.Text.Json.Serialization;

namespace Pav.Serve.Chat;

/// <summary>
/// What a request has spent. Completion tokens are all that were generated for it, those of traces that were not chosen included.
/// </summary>
internal sealed record Usage(int PromptTokens, long CompletionTokens, long TotalTokens, UsageDetails CompletionTokensDetails)
{
    public static Usage From(int prompt, long generated, long answers, long scored) =>
        new(prompt, generated, prompt + generated, new(Math.Max(0, generated - answers), answers, scored));
}

/// <param name="ReasoningTokens">Generated tokens that are not in an answer.</param>
/// <param name="AnswerTokens">Tokens of the answers.</param>
/// <param name="ScoredTokens">Tokens that verifiers have read, and the policy for log-probabilities.</param>
internal sealed record UsageDetails(long ReasoningTokens, long AnswerTokens, long ScoredTokens);

/// <summary>A message, or in a stream a piece of one.</summary>
/// <param name="ReasoningContent">How the search went on; some clients know it by this name.</param>
/// <param name="Reasoning">The same; others know it by that.</param>
internal sealed record Message(string? Role, string? Content, string? ReasoningContent = null, string? Reasoning = null);

/// <summary>How one answer was found.</summary>
/// <param name="Answer">The answer that the grader reads; null: none.</param>
/// <param name="Q">Of the chosen trace; null where nothing scored it.</param>
/// <param name="Correct">1 or 0 where the request brought the reference answer.</param>
/// <param name="Tree">The search's tree, where it was asked for and there is one.</param>
internal sealed record Found(
    string Method, int N, double? Alpha, string? Prover, ulong Seed, string? Answer, double? Q, int? Correct, long AnswerTokens,
    SearchTree? Tree);

/// <summary>One answer of a chat.</summary>
internal sealed record ChatChoice(int Index, Message Message, string FinishReason, ChatLogprobs? Logprobs, Found Pav);

internal sealed record ChatReply(string Id, long Created, string Model, IReadOnlyList<ChatChoice> Choices, Usage Usage)
{
    public string Object => "chat.completion";
}

/// <summary>A piece of an answer; the last one says why it ends.</summary>
internal sealed record ChatPiece(
    int Index, Message Delta, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason,
    ChatLogprobs? Logprobs = null, Found? Pav = null);

internal sealed record ChatChunk(string Id, long Created, string Model, IReadOnlyList<ChatPiece> Choices, Usage? Usage = null)
{
    public string Object => "chat.completion.chunk";
}

/// <summary>One answer of a completion, or in a stream a piece of one.</summary>
internal sealed record TextChoice(
    int Index, string Text, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason,
    TextLogprobs? Logprobs = null, Found? Pav = null);

internal sealed record TextReply(string Id, long Created, string Model, IReadOnlyList<TextChoice> Choices, Usage? Usage)
{
    public string Object => "text_completion";
}
