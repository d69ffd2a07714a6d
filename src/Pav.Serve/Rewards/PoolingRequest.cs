using System.Text.Json;
using Pav.Serve.Wire;

namespace Pav.Serve.Rewards;

/// <summary>What the routes of vLLM and SGLang for reward models have in common: texts that hold problem and response.</summary>
internal static class PoolingRequest
{
    /// <summary>Fields that would change the answer and that a verifier of steps cannot honour.</summary>
    private static readonly string[] Refused = ["truncate_prompt_tokens", "dimensions"];

    /// <summary>The traces of <c>input</c> (a text, a list of texts, ids or a list of ids), or of <c>messages</c>.</summary>
    public static IReadOnlyList<RewardQuestion> Questions(Body body, RewardModels models)
    {
        models.CheckModel(body.Text("model"));
        foreach (var field in Refused)
            if (body.Has(field)) throw body.Wrong(field, "is not supported; leave it out");
        if (body.Text("encoding_format") is { } format && format != "float")
            throw body.Wrong("encoding_format", $"'{format}' is not supported; take float");
        if (body.Find("messages") is { } messages) return [Chat(messages, models)];
        var input = body.Find("input") ?? throw body.Wrong("input", "is missing: a text, a list of texts, token ids, or messages");
        var isIds = input.ValueKind == JsonValueKind.Array && input.GetArrayLength() > 0 && input[0].ValueKind == JsonValueKind.Number;
        return input.ValueKind switch
        {
            JsonValueKind.String => [Whole(input, models, "input")],
            JsonValueKind.Array when isIds => [Whole(input, models, "input")],
            JsonValueKind.Array => [.. input.EnumerateArray().Select((one, i) => Whole(one, models, $"input[{i}]"))],
            _ => throw body.Wrong("input", "must be a text, a list of texts, or token ids"),
        };
    }

    /// <summary>Does the request want probabilities (the default), or what is before the activation?</summary>
    public static bool Activation(Body body) => body.Switch("use_activation") ?? body.Switch("activation") ?? true;

    /// <summary>
    /// Q before its activation: the calibrated score ln(Q/(1 − Q)). A Q of 0 or 1 is taken for 2⁻²⁴ away from it: ±16.6.
    /// Worked: 0.5 gives 0, 0.9 gives 2.197.
    /// </summary>
    public static double Logit(double q)
    {
        const double least = 1.0 / (1 << 24);
        var inside = Math.Clamp(q, least, 1 - least);
        return Math.Log(inside / (1 - inside));
    }

    private static RewardQuestion Whole(JsonElement input, RewardModels models, string field)
    {
        var text = input.ValueKind == JsonValueKind.String ? input.GetString()! : models.Text(RewardRequest.Ids(input, field), field);
        var (problem, response) = models.Prompts.Split(text, field);
        return new(models.Traces.FromText(RewardModels.Problem(problem, null), response), null, field);
    }

    private static RewardQuestion Chat(JsonElement messages, RewardModels models)
    {
        if (messages.ValueKind != JsonValueKind.Array) throw ApiError.Wrong("messages", "messages must be a list");
        var problem = RewardRequest.Prompt(messages, models.Prompts, "messages");
        var response = RewardRequest.Message(messages, "assistant", "messages")
            ?? throw ApiError.Wrong("messages", "messages has none of the assistant to judge");
        return new(models.Traces.FromText(RewardModels.Problem(problem, null), response), null, "messages");
    }
}
