using System.Text.Json;

namespace Pav.Models.Remote;

/// <summary>What vLLM and SGLang have in common.</summary>
/// <param name="keepStop">The request's field that keeps the stop text.</param>
/// <param name="stoppedBy">The choice's field that tells the stop string; anything but a string is an end-of-sequence.</param>
internal abstract class EngineDialect(string keepStop, string stoppedBy) : Dialect
{
    public override bool TellsStepEnd => true;

    public override StopText StopText => StopText.Returned;

    public override bool SpeaksIds => true;

    protected override void Write(Utf8JsonWriter json, CompletionRequest request)
    {
        base.Write(json, request);
        json.WriteNumber("top_k", request.Sampling.TopK > 0 ? request.Sampling.TopK : -1);
        json.WriteNumber("min_p", 0);
        json.WriteNumber("repetition_penalty", 1);
        json.WriteNumber("min_tokens", 0);
        json.WriteBoolean("ignore_eos", false);
        json.WriteBoolean("skip_special_tokens", true);
        json.WriteBoolean(keepStop, true);
        json.WriteBoolean("return_token_ids", request.Prompt.Ids is not null);
    }

    protected override string? StoppedAt(JsonElement choice) => choice.TryGetProperty(stoppedBy, out var stop)
        && stop.ValueKind == JsonValueKind.String ? stop.GetString() : null;
}

/// <summary>vLLM: <c>stop_reason</c> is the stop string and null at end-of-sequence; choice i uses seed + i; usage counts all
/// choices.</summary>
internal sealed class VllmDialect() : EngineDialect("include_stop_str_in_output", "stop_reason")
{
    public override string Name => "vllm";

    public override (Uri, string)? Version(EndpointUrl url) => (url.Root("version"), "version");

    public override int SeedBits => 62;
}

/// <summary>SGLang: <c>matched_stop</c> is the stop string, or the id of the end-of-sequence; <c>no_stop_trim</c> keeps the stop
/// text.</summary>
internal sealed class SglangDialect() : EngineDialect("no_stop_trim", "matched_stop")
{
    public override string Name => "sglang";

    public override (Uri, string)? Version(EndpointUrl url) => (url.Root("get_server_info"), "version");
}

/// <summary>
/// llama.cpp's own <c>/completion</c>: its OpenAI route tells neither what stopped a choice nor ids, and its usage counts one choice only.
/// Temperature is put before top-k and
/// top-p, as elsewhere (its own order ends with it); all other samplers are left out.
/// </summary>
internal sealed class LlamaCppDialect : Dialect
{
    public override string Name => "llamacpp";

    public override Uri Route(EndpointUrl url) => url.Root("completion");

    public override (Uri, string)? Version(EndpointUrl url) => (url.Root("props"), "build_info");

    public override bool TellsStepEnd => true;

    public override StopText StopText => StopText.AddedBack;

    public override bool SpeaksIds => true;

    /// <summary>A slot is full one token before its context is.</summary>
    public override int ContextReserve => 1;

    /// <summary>Slots that share one context answer 500 to all under way when it is full: fewer of them fit.</summary>
    public override Fault Classify(int status, string message) => status != 500 ? base.Classify(status, message)
        : message.Contains("does not match the expected Content-only format", StringComparison.Ordinal) ? Fault.NoText
        : message.Contains("Context size has been exceeded", StringComparison.OrdinalIgnoreCase) ? Fault.Busy
        : Fault.Server;

    protected override void Write(Utf8JsonWriter json, CompletionRequest request)
    {
        var sampling = request.Sampling;
        WritePrompt(json, request.Prompt);
        json.WriteNumber("n_cmpl", request.N);
        json.WriteNumber("n_predict", request.MaxTokens);
        json.WriteNumber("temperature", sampling.Temperature);
        json.WriteNumber("dynatemp_range", 0);
        json.WriteNumber("top_k", sampling.TopK);
        json.WriteNumber("top_p", sampling.TopP);
        json.WriteNumber("min_p", 0);
        json.WriteNumber("typical_p", 1);
        json.WriteNumber("top_n_sigma", -1);
        json.WriteNumber("xtc_probability", 0);
        json.WriteNumber("repeat_penalty", 1);
        json.WriteNumber("presence_penalty", 0);
        json.WriteNumber("frequency_penalty", 0);
        json.WriteNumber("dry_multiplier", 0);
        json.WriteNumber("mirostat", 0);
        json.WriteStartArray("samplers");
        foreach (var name in (string[])["temperature", "top_k", "top_p"]) json.WriteStringValue(name);
        json.WriteEndArray();
        json.WriteNumber("seed", request.Seed);
        json.WriteBoolean("ignore_eos", false);
        json.WriteBoolean("cache_prompt", true);
        json.WriteBoolean("return_tokens", request.Prompt.Ids is not null);
        json.WriteBoolean("stream", false);
        WriteStop(json, request);
    }

    protected override Completion Read(JsonElement json, CompletionRequest request)
    {
        var usage = default(Usage);
        Choice One(JsonElement choice)
        {
            var (prompt, cached) = Prompts(choice, "tokens_evaluated", choice.TryGetProperty("timings", out var timings)
                ? timings : null, "cache_n");

            // "truncated" says only that the slot is full, which ends a trace by its length.
            if (request.Prompt.Ids is { } sent && choice.TryGetProperty("tokens_evaluated", out _) && prompt < sent.Length)
                throw new FormatException($"a prompt cut from {sent.Length} to {prompt} tokens");
            var generated = Count(choice, "tokens_predicted", request.MaxTokens);
            usage = new(Math.Max(usage.Prompt, prompt), Math.Max(usage.Cached, cached), usage.Generated + generated);
            var word = choice.TryGetProperty("stopping_word", out var told) && told.ValueKind == JsonValueKind.String
                && told.GetString() is { Length: > 0 } said ? said
                : request.TraceStops.Texts.Count == 0 ? request.Stop : request.TraceStops.Texts is [var only] && request.Stop is null
                    ? only : null;
            var ending = Text(choice, "stop_type") switch
            {
                "eos" => Ending.Trace,
                "limit" => Ending.Length,
                "word" => word is not null
                    ? EndingAt(request, word) : throw new FormatException("stop_type 'word' without its stopping_word"),
                var type => throw new FormatException($"stop_type '{type}'"),
            };
            var ids = request.Prompt.Ids is null ? null : Ids(choice, "tokens", request.MaxTokens) is { Length: > 0 } tokens
                ? tokens : null;
            return Whole(request, Text(choice, "content"), ids, ending, word) with { Tokens = (int)generated };
        }

        var choices = json.ValueKind == JsonValueKind.Array ? Ordered(json, request.N, One) : [One(json)];
        return new(choices, usage);
    }
}
