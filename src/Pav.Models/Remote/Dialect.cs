using System.Buffers;
using System.Text.Json;

namespace Pav.Models.Remote;

/// <summary>
/// How one kind of server is asked and how it answers. Every sampling field is always sent: what is left out, servers take from the model's
/// generation_config.json or from
/// defaults of their own, and the samples are another policy's. This class is the plain OpenAI form, of a server that says no more than it
/// must.
/// </summary>
internal class Dialect
{
    private const long MostPromptTokens = 1L << 40;

    /// <summary>By <c>owned_by</c> of the server's model list.</summary>
    public static Dialect For(string? ownedBy) =>
        ownedBy switch { "vllm" => new VllmDialect(), "sglang" => new SglangDialect(), "llamacpp" => new LlamaCppDialect(), _ =>
        new Dialect() };

    public virtual string Name => "openai";

    /// <summary>Where completions are asked for.</summary>
    public virtual Uri Route(EndpointUrl url) => url.Api("completions");

    /// <summary>Where the server tells its version, and the field of the answer that holds it.</summary>
    public virtual (Uri Route, string Field)? Version(EndpointUrl url) => null;

    /// <summary>Seeds have so many bits, seed + n included.</summary>
    public virtual int SeedBits => 31;

    /// <summary>
    /// A stop is told apart from an end-of-sequence, and which one it was. Where it is not, whole traces are drawn and cut.
    /// </summary>
    public virtual bool TellsStepEnd => false;

    public virtual StopText StopText => StopText.Cut;

    /// <summary>Can ids be asked for and be sent as a prompt?</summary>
    public virtual bool SpeaksIds => false;

    /// <summary>Tokens of the context that no trace gets.</summary>
    public virtual int ContextReserve => 0;

    public byte[] Body(CompletionRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, new() { SkipValidation = true }))
        {
            json.WriteStartObject();
            Write(json, request);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads a 200's body; a <see cref="FormatException"/> tells what is wrong with it.</summary>
    public Completion Read(ReadOnlyMemory<byte> body, CompletionRequest request)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var completion = Read(json.RootElement, request);
            if (completion.Choices.Count != request.N)
                throw new FormatException($"{completion.Choices.Count} choices instead of {request.N}");
            return completion;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException(
                Error(body) is { } error ? $"an error ({error})"
                : body.IsEmpty ? "nothing"
                : body.Span.StartsWith("data:"u8) ? "a stream of events, which was not asked for"
                : "something that is not the JSON of a completion", e);
        }
    }

    /// <summary>What kind of failure an answer other than 200 is.</summary>
    /// <param name="status">Its status.</param>
    /// <param name="message">What it says.</param>
    public virtual Fault Classify(int status, string message) => status switch
    {
        429 or 503 => Fault.Busy,
        401 or 403 or 404 => Fault.Refused,
        408 => Fault.Timeout,
        >= 500 => Fault.Server,
        >= 400 => IsTooLong(message) ? Fault.TooLong : Fault.Rejected,
        _ => Fault.Malformed,
    };

    /// <summary>The message of an error in one of the forms that servers and proxies give it; null where there is none.</summary>
    public static string? Error(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            if (json.RootElement.ValueKind != JsonValueKind.Object) return null;
            foreach (var name in (string[])["error", "message", "detail"])
            {
                if (!json.RootElement.TryGetProperty(name, out var told)) continue;
                if (told.ValueKind == JsonValueKind.Object && told.TryGetProperty("message", out var message)) told = message;
                if (told.ValueKind != JsonValueKind.Null) return told.ToString();
            }

            return null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static bool IsTooLong(string message)
    {
        bool Says(string words) => message.Contains(words, StringComparison.OrdinalIgnoreCase);
        return (Says("context") && (Says("token") || Says("length") || Says("size") || Says("window")))
            || Says("max_new_tokens") || Says("max_model_len") || Says("too long") || Says("longer than");
    }

    protected virtual void Write(Utf8JsonWriter json, CompletionRequest request)
    {
        var sampling = request.Sampling;
        json.WriteString("model", request.Model);
        WritePrompt(json, request.Prompt);
        json.WriteNumber("n", request.N);
        json.WriteNumber("max_tokens", request.MaxTokens);
        json.WriteNumber("temperature", sampling.Temperature);
        json.WriteNumber("top_p", sampling.TopP);
        json.WriteNumber("presence_penalty", 0);
        json.WriteNumber("frequency_penalty", 0);
        json.WriteNumber("seed", request.Seed);
        json.WriteBoolean("stream", false);
        json.WriteBoolean("echo", false);
        WriteStop(json, request);
    }

    protected static void WritePrompt(Utf8JsonWriter json, Prompt prompt)
    {
        if (prompt.Ids is null)
        {
            json.WriteString("prompt", prompt.Text);
            return;
        }

        json.WriteStartArray("prompt");
        foreach (var id in prompt.Ids) json.WriteNumberValue(id);
        json.WriteEndArray();
    }

    protected void WriteStop(Utf8JsonWriter json, CompletionRequest request)
    {
        json.WriteStartArray("stop");
        foreach (var text in request.TraceStops.Texts) json.WriteStringValue(text);
        if (TellsStepEnd && request.Stop is { } stop) json.WriteStringValue(stop);
        json.WriteEndArray();
    }

    protected virtual Completion Read(JsonElement json, CompletionRequest request)
    {
        var usage = json.TryGetProperty("usage", out var told) && told.ValueKind == JsonValueKind.Object
            ? ReadUsage(told, request) : default;
        int[]? promptIds = null;
        var choices = Ordered(json.GetProperty("choices"), request.N, choice =>
        {
            promptIds ??= Ids(choice, "prompt_token_ids", int.MaxValue);
            var text = Text(choice, "text");
            var ids = Ids(choice, "token_ids", request.MaxTokens);
            var ending = Text(choice, "finish_reason") switch
            {
                "length" => Ending.Length,
                "stop" => EndingAt(request, StoppedAt(choice)),
                var reason => throw new FormatException($"finish_reason '{reason}'"),
            };
            return Whole(request, text, ids, ending, StoppedAt(choice));
        });
        return new(Counted(choices, usage.Generated), usage, promptIds ?? Ids(json, "prompt_token_ids", int.MaxValue));
    }

    /// <summary>The stop string that ended a choice; null for an end-of-sequence.</summary>
    protected virtual string? StoppedAt(JsonElement choice) => null;

    /// <summary>A stop string that is both a trace's and a step's end is the trace's.</summary>
    protected static Ending EndingAt(CompletionRequest request, string? stop) =>
        stop is null ? Ending.Trace : request.TraceStops.Texts.Contains(stop) ? Ending.Stop : stop == request.Stop
            ? Ending.Step : Ending.Trace;

    /// <summary>
    /// A stop string is added where the server trims it; a trace that was drawn whole, or in which the server missed the stop, is cut after
    /// its first step.
    /// </summary>
    protected Choice Whole(CompletionRequest request, string text, int[]? ids, Ending ending, string? stop)
    {
        if (ending is Ending.Step or Ending.Stop && (stop ?? request.Stop) is { } end && !text.EndsWith(end, StringComparison.Ordinal))
            text += end;
        if (request.Until != Until.StepEnd || !request.StepEnd.In(text)) return new(text, ids, ending, ids?.Length ?? 0);

        // Where a step's end stands in the text, it is the end of the draw, whatever the server took it for.
        var first = request.StepEnd.Split(text)[0];
        if (first != text) return new(first, null, Ending.Step, 0);
        return new(text, ids, ending == Ending.Stop ? Ending.Stop : Ending.Step, ids?.Length ?? 0);
    }

    /// <summary>Choices by their index, of which each must be there once.</summary>
    protected static Choice[] Ordered(JsonElement array, int n, Func<JsonElement, Choice> read)
    {
        if (array.GetArrayLength() is var length && length != n) throw new FormatException($"{length} choices instead of {n}");
        var choices = new Choice[n];
        foreach (var choice in array.EnumerateArray())
        {
            var index = choice.GetProperty("index").GetInt32();
            if (index < 0 || index >= n || choices[index] is not null)
                throw new FormatException($"choice {index} of {n} twice or out of range");
            choices[index] = read(choice);
        }

        return choices;
    }

    /// <summary>Without ids a request's tokens are shared out by length of text: only their sum is known.</summary>
    private static Choice[] Counted(Choice[] choices, long generated)
    {
        if (choices.All(c => c.Ids is not null)) return choices;
        var letters = choices.Sum(c => (long)c.Text.Length + 1);
        long before = 0, given = 0;
        for (var i = 0; i < choices.Length; i++)
        {
            before += choices[i].Text.Length + 1;
            var upTo = generated * before / letters;
            choices[i] = choices[i] with { Tokens = (int)(upTo - given) };
            given = upTo;
        }

        return choices;
    }

    protected static string Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()! : throw new FormatException($"no {name} in a choice");

    /// <summary>A list of ids, if it is there; more of them than were asked for are refused.</summary>
    protected static int[]? Ids(JsonElement json, string name, int most)
    {
        if (!json.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.Array) return null;
        if (value.GetArrayLength() > most)
            throw new FormatException($"{value.GetArrayLength()} {name} where at most {most} were asked for");
        return [.. value.EnumerateArray().Select(e => e.TryGetInt32(out var id) && id >= 0
            ? id : throw new FormatException($"{name} that hold {e}"))];
    }

    /// <summary>
    /// A count of tokens, 0 where it is not told; one that cannot be is refused, since budgets and costs are built on it.
    /// </summary>
    protected static long Count(JsonElement json, string name, long most)
    {
        if (!json.TryGetProperty(name, out var value) || value.ValueKind != JsonValueKind.Number) return 0;
        if (value.TryGetInt64(out var count) && count >= 0 && count <= most) return count;
        throw new FormatException($"{name} {value}, where 0 to {most} are possible");
    }

    /// <summary>Tokens that were read; more from the cache than in all are as many as in all.</summary>
    protected static (long Prompt, long Cached) Prompts(JsonElement prompt, string name, JsonElement? cached, string cachedName)
    {
        var all = Count(prompt, name, MostPromptTokens);
        return (all, cached is { ValueKind: JsonValueKind.Object } told ? Math.Min(all, Count(told, cachedName, MostPromptTokens)) : 0);
    }

    private static Usage ReadUsage(JsonElement usage, CompletionRequest request)
    {
        var (prompt, cached) = Prompts(usage, "prompt_tokens", usage.TryGetProperty("prompt_tokens_details", out var details)
            ? details : null, "cached_tokens");
        return new(prompt, cached, Count(usage, "completion_tokens", (long)request.N * request.MaxTokens));
    }
}
