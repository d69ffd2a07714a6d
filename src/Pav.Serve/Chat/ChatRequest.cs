using System.Text.Json;
using Pav.Serve.Rewards;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>What a request of OpenAI's API asks for.</summary>
/// <param name="Model">As the client called it.</param>
/// <param name="Searches">One for each choice, in their order.</param>
/// <param name="Stream">The answer comes as it is made.</param>
/// <param name="TellUsage">A stream ends with what was spent.</param>
/// <param name="Logprobs">So many likely tokens stand beside each of the answer's, with log-probabilities; null: not asked for.</param>
internal sealed record ChatRequest(string Model, IReadOnlyList<Asked> Searches, bool Stream, bool TellUsage, int? Logprobs)
{
    private const int MostLogprobs = 20;

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
        ("prompt_logprobs", _ => false, "log-probabilities are told of answers, not of prompts"),
        ("echo", value => value.ValueKind == JsonValueKind.False, "prompts are not sent back"),
        ("continue_final_message", value => value.ValueKind == JsonValueKind.False, "begun answers are continued by /v1/completions"),
        ("add_generation_prompt", value => value.ValueKind == JsonValueKind.True, "the assistant is always next"),
        ("chat_template", _ => false, "the policy's own is used"), ("chat_template_kwargs", IsEmpty, "see --chat of pav serve"),
        ("best_of", value => IsNumber(value, 1), "use pav.method best-of and pav.n"),
    ];

    /// <summary>Fields that change nothing here.</summary>
    private static readonly string[] Harmless =
    [
        "user", "metadata", "store", "service_tier", "reasoning_effort", "verbosity", "safety_identifier", "prompt_cache_key",
        "parallel_tool_calls",
    ];

    /// <summary>A conversation, whose last message of the user is the problem.</summary>
    public static ChatRequest Chat(Body body, Desk desk)
    {
        var question = Conversation.Read(body, desk.Models.Template);
        var told = body.Switch("logprobs") ?? false;
        var top = body.Whole("top_logprobs", 0, MostLogprobs);
        if (top > 0 && !told) throw body.Wrong("top_logprobs", "needs logprobs: true");
        return Read(body, desk, [new(_ => question, "messages")], told ? (int)(top ?? 0) : null);
    }

    /// <summary>Texts, or ids, that are continued as they are.</summary>
    public static ChatRequest Completion(Body body, Desk desk, PromptReader reader)
    {
        var begun = new BegunTexts(desk.Models, reader);
        if (body.Find("top_logprobs") is { } top && !IsZero(top))
            throw body.Wrong("top_logprobs", "is of chats; here logprobs is the number");
        var prompts = begun.Read(body, desk.Options.MaxN);
        return Read(
            body, desk, [.. prompts.Select(one => new Asking(method => begun.Asked(one.Prompt, one.Field, method), one.Field))],
            (int?)body.Whole("logprobs", 0, MostLogprobs));
    }

    /// <param name="Ask">The question for a method: what its verifiers need of it may be an error.</param>
    /// <param name="Field">Where it stands in the body.</param>
    private sealed record Asking(Func<SearchMethod, Question> Ask, string Field);

    private static ChatRequest Read(Body body, Desk desk, IReadOnlyList<Asking> questions, int? logprobs)
    {
        var model = body.Text("model") ?? desk.Models.Name;
        var named = ModelName.Parse(model, desk.Models);
        foreach (var (name, isHarmless, why) in Refused)
            if (body.Find(name) is { } value && !isHarmless(value)) throw body.Wrong(name, $"is not honoured: {why}");
        foreach (var name in Harmless) body.Find(name);
        var choices = (int)(body.Whole("n", 1, desk.Options.MaxN) ?? 1);
        if (choices * questions.Count > desk.Options.MaxN) throw body.Wrong("n", $"makes more than {desk.Options.MaxN} answers (--max-n)");
        var search = body.Object("pav");
        if (logprobs is not null && desk.Models.Logprobs is null)
            throw body.Wrong("logprobs", "is not honoured: the policy is on servers, whose log-probabilities are not passed on");
        var count = choices * questions.Count;
        var asked = questions.Select(q => AskedReader.Read(q.Ask, q.Field, named, body, search, count, desk)).ToList();
        var stream = body.Switch("stream") ?? false;
        var usage = body.Object("stream_options")?.Switch("include_usage") ?? false;
        var searches = asked.SelectMany(one => Enumerable.Range(0, choices).Select(i => Numbered(one, i)));
        return new(model, [.. searches], stream, usage, logprobs);
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
