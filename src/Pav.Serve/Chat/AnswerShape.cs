using Pav.Serve.Searches;

namespace Pav.Serve.Chat;

/// <summary>An answer, and the tokens of its text where their log-probabilities are asked for.</summary>
internal sealed record SpelledAnswer(Answer Answer, IReadOnlyList<TokenReply>? Tokens);

/// <summary>Answers as one of OpenAI's two endpoints writes them, whole or in pieces.</summary>
internal abstract class AnswerShape
{
    private readonly long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private readonly string id = Guid.NewGuid().ToString("N");

    protected long Created => created;

    /// <summary>The reply to a request that does not stream.</summary>
    public abstract object Whole(ChatRequest request, IReadOnlyList<SpelledAnswer> answers, Usage usage);

    /// <summary>What a stream begins a choice with; null: nothing.</summary>
    public abstract object? Opening(ChatRequest request, int index);

    /// <summary>More of an answer's text.</summary>
    public abstract object Text(ChatRequest request, int index, AnswerText text);

    /// <summary>How the search goes on; null where the form has no place for it.</summary>
    public abstract object? Progress(ChatRequest request, int index, string line);

    /// <summary>The end of a choice.</summary>
    public abstract object Closing(ChatRequest request, int index, Answer answer);

    /// <summary>The end of a stream, where it is asked for.</summary>
    public abstract object Spent(ChatRequest request, Usage usage);

    protected string Id(string prefix) => $"{prefix}-{id}";

    protected static Found Found(Asked asked, Answer answer)
    {
        var row = answer.Row;
        int? correct = asked.Problem.Answer == "" ? null : row.Correct;
        return new(row.Method, row.N, row.Alpha, row.Prover, row.Seed, row.Answer, row.Q, correct, answer.Tokens, answer.Tree);
    }
}

internal sealed class ChatShape : AnswerShape
{
    public override object Whole(ChatRequest request, IReadOnlyList<SpelledAnswer> answers, Usage usage) => new ChatReply(
        Id("chatcmpl"), Created, request.Model, [.. answers.Select((answer, i) => Choice(request.Searches[i], answer, i))], usage);

    public override object Opening(ChatRequest request, int index) => Chunk(request, new ChatPiece(index, new("assistant", ""), null));

    public override object Text(ChatRequest request, int index, AnswerText text) =>
        Chunk(request, new ChatPiece(index, new(null, text.Value), null, ChatLogprobs.From(text.Tokens)));

    public override object Progress(ChatRequest request, int index, string line) =>
        Chunk(request, new ChatPiece(index, new(null, null, line, line), null));

    public override object Closing(ChatRequest request, int index, Answer answer) =>
        Chunk(request, new ChatPiece(index, new(null, null), answer.FinishReason, null, Found(request.Searches[index], answer)));

    public override object Spent(ChatRequest request, Usage usage) => Chunk(request) with { Usage = usage };

    private static ChatChoice Choice(Asked asked, SpelledAnswer spelled, int index) => new(
        index, new("assistant", spelled.Answer.Trace.Text), spelled.Answer.FinishReason, ChatLogprobs.From(spelled.Tokens),
        Found(asked, spelled.Answer));

    private ChatChunk Chunk(ChatRequest request, params ChatPiece[] pieces) => new(Id("chatcmpl"), Created, request.Model, pieces);
}

internal sealed class TextShape : AnswerShape
{
    public override object Whole(ChatRequest request, IReadOnlyList<SpelledAnswer> answers, Usage usage) => Reply(
        request, usage, [.. answers.Select((a, i) => new TextChoice(
            i, a.Answer.Trace.Text, a.Answer.FinishReason, TextLogprobs.From(a.Tokens, request.Logprobs, 0),
            Found(request.Searches[i], a.Answer)))]);

    public override object? Opening(ChatRequest request, int index) => null;

    public override object Text(ChatRequest request, int index, AnswerText text) => Reply(
        request, null, new TextChoice(index, text.Value, null, TextLogprobs.From(text.Tokens, request.Logprobs, text.Start)));

    public override object? Progress(ChatRequest request, int index, string line) => null;

    public override object Closing(ChatRequest request, int index, Answer answer) =>
        Reply(request, null, new TextChoice(index, "", answer.FinishReason, null, Found(request.Searches[index], answer)));

    public override object Spent(ChatRequest request, Usage usage) => Reply(request, usage);

    private TextReply Reply(ChatRequest request, Usage? usage, params TextChoice[] choices) =>
        new(Id("cmpl"), Created, request.Model, choices, usage);
}
