using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>A text's score, where an embedding is looked for.</summary>
internal sealed record Embedded(string Object, double[] Embedding, int Index);

/// <summary>The reply of /v1/embeddings.</summary>
internal sealed record EmbeddingReply(IReadOnlyList<Embedded> Data, string Model, PoolingUsage Usage, string Object = "list");

/// <summary>SGLang's error: its fields stand at the top.</summary>
internal sealed record SglangError(string Object, string Message, string Type, string? Param, int Code);

/// <summary>
/// SGLang's routes for a reward model: /v1/embeddings with the score as the only value, /v1/classify with the probabilities of wrong and
/// right.
/// </summary>
internal static class SglangDialect
{
    public static EmbeddingReply Embed(IReadOnlyList<TraceReward> rewards, string model, long tokens) =>
        new([.. rewards.Select((r, i) => new Embedded("embedding", [PoolingRequest.Logit(r.Q)], i))], model, new(tokens, tokens));

    public static PoolingReply<Classified> Classify(IReadOnlyList<TraceReward> rewards, string model, long tokens) =>
        PoolingReply<Classified>.From("classify", model,
            rewards.Select((r, i) => new Classified(i, r.Q >= 0.5 ? "LABEL_1" : "LABEL_0", [1 - r.Q, r.Q], 2)), tokens);

    /// <summary>An error as SGLang writes it.</summary>
    public static (int Status, object Body) Error(ApiError error)
    {
        var (status, body) = VllmDialect.Error(error);
        var said = ((VllmError)body).Error;
        return (status, new SglangError("error", said.Message, said.Type, said.Param, status));
    }
}
