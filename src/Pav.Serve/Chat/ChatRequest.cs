using System.Text.Json;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>What a request of OpenAI's API asks for.</summary>
/// <param name="Model">As the client called it.</param>
/// <param name="Searches">One for each choice, in their order.</param>
/// <param name="Stream">The answer comes as it is made.</param>
/// <param name="TellUsage">A stream ends with what was spent.</param>
internal sealed record ChatRequest(string Model, IReadOnlyList<Asked> Searches, bool Stream, bool TellUsage)
{
    /// <summary>Fields that change what is answered, and that this server does not honour, with the values that change nothing.</summary>
    private static readonly (string Name, Func<JsonElement, bool> IsHarmless, string Why)[] Refused =
    [
        ("tools", IsEmpty, "this server calls no tools"), ("functions", IsEmpty, "this server calls no functions"),
        ("tool_choice", value => IsText(value, "none", "auto"), "this server calls no tools"),
        ("function_call", value => IsText(value, "none", "auto"), "this server calls no functions"),
        ("response_format",
            value => value.ValueKind == JsonValueKind.Object && value.TryGetProperty("type", out var type) && IsText(type, "text"),
            "answers are the policy's own text"),
        ("logit_bias", IsEmpty, "logits are not biased here"), ("presence_penalty", IsZero, "there are no penalties here"),
        ("frequency_penalty", IsZero, "there are no penalties here"),
        ("repetition_penalty", value => IsNumber(value, 1), "there are no penalties here"), ("min_p", IsZero, "use top_p or top_k"),
        ("audio", _ => false, "answers are text"), ("prediction", _ => false, "answers are not predicted"),
        ("modalities", value => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(m => IsText(m, "text")),
            "answers are text"),
        ("web_search_options", _ => false, "this server searches no web"), ("suffix", value => IsText(value, ""), "text is only continued"),
        ("logprobs", value => value.ValueKind == JsonValueKind.False, "log-probabilities are not told"),
        ("top_logprobs", IsZero, "log-probabilities are not told"),
        ("echo", value => value.ValueKind == JsonValueKind.False, "prompts are not sent back"),
        ("best_of", value => IsNumber(value, 1), "use pav.method best-of and pav.n"),
    ];

    /// <summary>Fields that change nothing here.</summary>
    private static readonly string[] Harmless =
    [
        "user", "metadata", "store", "service_tier", "reasoning_effort", "verbosity", "safety_identifier", "prompt_cache_key",
        "parallel_tool_calls",
    ];

    public static ChatRequest Chat(Body body, Desk desk) => Read(body, desk, "messages", [Conversation.Problem(body)]);

    public static ChatRequest Completion(Body body, Desk desk)
    {
        var prompts = body.Texts("prompt") ?? throw body.Wrong("prompt", "is missing");
        if (prompts.Count == 0 || prompts.Count > desk.Options.MaxN) throw body.Wrong("prompt", $"must be 1 to {desk.Options.MaxN} texts");
        return Read(body, desk, "prompt", prompts);
    }

    private static ChatRequest Read(Body body, Desk desk, string field, IReadOnlyList<string> problems)
    {
        var model = body.Text("model") ?? desk.Models.Name;
        var named = ModelName.Parse(model, desk.Models);
        foreach (var (name, isHarmless, why) in Refused)
            if (body.Find(name) is { } value && !isHarmless(value)) throw body.Wrong(name, $"is not honoured: {why}");
        foreach (var name in Harmless) body.Find(name);
        var choices = (int)(body.Whole("n", 1, desk.Options.MaxN) ?? 1);
        if (choices * problems.Count > desk.Options.MaxN) throw body.Wrong("n", $"makes more than {desk.Options.MaxN} answers (--max-n)");
        var search = body.Object("pav");
        var count = choices * problems.Count;
        var asked = problems.Select(problem => AskedReader.Read(problem, field, named, body, search, count, desk)).ToList();
        var stream = body.Switch("stream") ?? false;
        var usage = body.Object("stream_options")?.Switch("include_usage") ?? false;
        return new(model, [.. asked.SelectMany(one => Enumerable.Range(0, choices).Select(i => Numbered(one, i)))], stream, usage);
    }

    /// <summary>The i-th choice is a search of the same kind with the seed that comes i later.</summary>
    private static Asked Numbered(Asked asked, int i) =>
        asked with { Options = asked.Options with { Seed = asked.Options.Seed + (ulong)i } };

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.GetArrayLength() == 0,
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        _ => false,
    };

    private static bool IsZero(JsonElement value) => IsNumber(value, 0);

    private static bool IsNumber(JsonElement value, double number) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var given) && given == number;

    private static bool IsText(JsonElement value, params string[] texts) =>
        value.ValueKind == JsonValueKind.String && texts.Contains(value.GetString());
}
