using System.Text.Json;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>Tokens, as vLLM and SGLang count them.</summary>
internal sealed record PoolingUsage(long PromptTokens, long TotalTokens, int CompletionTokens = 0, object? PromptTokensDetails = null);

/// <summary>What all these routes answer with.</summary>
internal sealed record PoolingReply<T>(string Id, string Object, long Created, string Model, IReadOnlyList<T> Data, PoolingUsage Usage)
{
    public static PoolingReply<T> From(string kind, string model, IEnumerable<T> data, long tokens) =>
        new($"{kind}-{Guid.NewGuid():N}", "list", DateTimeOffset.UtcNow.ToUnixTimeSeconds(), model, [.. data], new(tokens, tokens));
}

/// <summary>A text's class and its probabilities.</summary>
internal sealed record Classified(int Index, string Label, double[] Probs, int NumClasses);

/// <summary>A text's pooled values: one row for each step, or one value.</summary>
internal sealed record Pooled(int Index, string Object, object Data);

/// <summary>A pair's score.</summary>
internal sealed record PairScore(int Index, string Object, double Score);

/// <summary>vLLM's error, whose code is a number.</summary>
internal sealed record VllmError(VllmErrorBody Error);

internal sealed record VllmErrorBody(string Message, string Type, string? Param, int Code);

/// <summary>vLLM's routes for a reward model of one label: /classify, /pooling, /score.</summary>
internal static class VllmDialect
{
    /// <summary>/classify: Q at the end of each text.</summary>
    public static PoolingReply<Classified> Classify(IReadOnlyList<TraceReward> rewards, bool activation, string model, long tokens) =>
        PoolingReply<Classified>.From(
            "classify", model, rewards.Select((r, i) => new Classified(i, "LABEL_0", [Value(r.Q, activation)], 1)), tokens);

    /// <summary>/pooling: [steps][1] for the task token_classify, the rows of a pooler of kind STEP; [1] for classify.</summary>
    public static PoolingReply<Pooled> Pool(IReadOnlyList<TraceReward> rewards, bool bySteps, bool activation, string model, long tokens) =>
        PoolingReply<Pooled>.From("pool", model, rewards.Select((r, i) => new Pooled(i, "pooling",
            bySteps ? r.Steps.Select(s => new[] { Value(s.Q, activation) }).ToArray() : new[] { Value(r.Q, activation) })), tokens);

    /// <summary>/score: Q of the second text as the response to the first.</summary>
    public static PoolingReply<PairScore> Score(IReadOnlyList<TraceReward> rewards, bool activation, string model, long tokens) =>
        PoolingReply<PairScore>.From("embd", model, rewards.Select((r, i) => new PairScore(i, "score", Value(r.Q, activation))), tokens);

    /// <summary>Whether /pooling is asked for a row for each step.</summary>
    public static bool BySteps(Body body) => body.Text("task") switch
    {
        null or "token_classify" or "encode" => true,
        "classify" => false,
        var task => throw body.Wrong("task", $"'{task}' is not what a verifier does; take token_classify or classify"),
    };

    /// <summary>Pairs of /score: one text with each of several, or two lists of one length.</summary>
    public static IReadOnlyList<RewardQuestion> Pairs(Body body, RewardModels models)
    {
        models.CheckModel(body.Text("model"));
        var (first, second) = Sides(body);
        var (problems, responses) = (Texts(body, first), Texts(body, second));
        if (problems.Count != 1 && problems.Count != responses.Count)
            throw body.Wrong(first, $"has {problems.Count} texts and {second} {responses.Count}; give one, or as many");
        return [.. responses.Select((response, i) => models.Question(problems[problems.Count == 1 ? 0 : i], first, response, second))];
    }

    /// <summary>An error as vLLM writes it.</summary>
    public static (int Status, object Body) Error(ApiError error)
    {
        var (status, type) = error.Status switch
        {
            422 => (400, "BadRequestError"),
            404 => (404, "NotFoundError"),
            var other => (other, other < 500 ? "BadRequestError" : "InternalServerError"),
        };
        return (status, new VllmError(new(error.Message, type, error.Reply.Error.Param, status)));
    }

    private static double Value(double q, bool activation) => activation ? q : PoolingRequest.Logit(q);

    private static (string First, string Second) Sides(Body body) =>
        body.Has("queries") ? ("queries", body.Has("items") ? "items" : "documents")
        : body.Has("data_1") ? ("data_1", "data_2") : ("text_1", "text_2");

    private static IReadOnlyList<string> Texts(Body body, string field) =>
        body.Texts(field) ?? throw body.Wrong(field, "is missing: a text, or a list of texts");
}
