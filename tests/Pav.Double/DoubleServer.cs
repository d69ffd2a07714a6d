using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Pav.Double;

/// <summary>An inference server in this process, on a port of the loopback address, that speaks the dialect of a real one and lies as they
/// do.</summary>
public sealed class DoubleServer : IAsyncDisposable
{
    private static readonly JsonSerializerOptions Readable =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string[] Common = ["n", "max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty", "seed",
        "stream", "stop"];

    private readonly WebApplication app;
    private readonly Generator generator;
    private readonly PrefixCache cache = new();
    private long requests, samples, drawnByOwnSeed, underWay, overflows;

    private DoubleServer(Generator generator, DoubleOptions options)
    {
        (this.generator, Options) = (generator, options);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        app = builder.Build();
        app.Run(Answer);
    }

    public DoubleOptions Options { get; set; }

    public string Url => app.Urls.Single() + "/v1";

    /// <summary>Breaks every connection from now on.</summary>
    public bool Dead { get; set; }

    /// <summary>Requests for completions so far.</summary>
    public long Requests => Interlocked.Read(ref requests);

    /// <summary>Samples drawn and sent off whole.</summary>
    public long Samples => Interlocked.Read(ref samples);

    public List<string> Prompts { get; } = [];

    public static async Task<DoubleServer> Start(Generator generator, DoubleOptions? options = null)
    {
        var server = new DoubleServer(generator, options ?? new());
        await server.app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await app.StopAsync(soon.Token);
        await app.DisposeAsync();
    }

    private async Task Answer(HttpContext context)
    {
        if (Dead)
        {
            context.Abort();
            return;
        }

        if (Options.Loading)
        {
            await Send(context, 503, Error(503, "Loading model", "unavailable_error"));
            return;
        }

        var given = context.Request.Headers.Authorization.ToString();
        if (Options.Key is { } key && given != $"Bearer {key}")
        {
            await Send(context, 401, Error(401, $"Incorrect API key provided: {given.Replace("Bearer ", "")}", "invalid_api_key"));
            return;
        }

        switch (context.Request.Path.Value)
        {
            case "/v1/models" when Options.Models is { } models:
                await Send(context, 200, Encoding.UTF8.GetBytes(models));
                break;
            case "/v1/models":
                await Send(context, 200,
                    new JsonObject { ["object"] = "list",
                    ["data"] = new JsonArray(new JsonObject { ["id"] = Options.Model, ["object"] = "model", ["owned_by"] = Options.Dialect,
                    ["max_model_len"] = Options.Dialect == "vllm" ? Options.Context : null }) });
                break;
            case "/version" when Options.Dialect == "vllm":
            case "/get_server_info" when Options.Dialect == "sglang":
                await Send(context, 200, new JsonObject { ["version"] = Options.Version });
                break;
            case "/props" when Options.Dialect == "llamacpp":
                await Send(context, 200,
                    new JsonObject { ["total_slots"] = Options.Slots, ["build_info"] = "b0-double",
                    ["default_generation_settings"] = new JsonObject { ["n_ctx"] = Options.Context } });
                break;
            case "/v1/completions" when context.Request.Method == "POST":
            case "/completion" when context.Request.Method == "POST" && Options.Dialect == "llamacpp":
                await Complete(context);
                break;
            default:
                await Send(context, 404, Error(404, "File Not Found", "not_found_error"));
                break;
        }
    }

    private async Task Complete(HttpContext context)
    {
        var mishap = Options.Mishaps(Interlocked.Increment(ref requests) - 1);
        using var request = await JsonDocument.ParseAsync(context.Request.Body);
        var asked = request.RootElement.GetProperty("prompt");
        if (mishap == Mishap.None && Options.Poison.Count > 0)
        {
            var text = asked.ValueKind == JsonValueKind.String
                ? asked.GetString()! : generator.Tokenizer.Decode(asked.EnumerateArray().Select(e => e.GetInt32()));
            mishap = Options.Poison.FirstOrDefault(p => text.Contains(p.Key, StringComparison.Ordinal)).Value;
        }

        if (!await FitsIn(context)) return;
        switch (mishap)
        {
            case Mishap.Busy:
                await Send(context, 429, Error(429, "too many requests", "rate_limit"));
                return;
            case Mishap.BusyForOneSecond:
                context.Response.Headers.RetryAfter = "1";
                await Send(context, 429, Error(429, "too many requests", "rate_limit"));
                return;
            case Mishap.BusyUntilDate:
                var clock = DateTimeOffset.UtcNow.AddHours(1);
                context.Response.Headers.Date = clock.ToString("R");
                context.Response.Headers.RetryAfter = clock.AddSeconds(2).ToString("R");
                await Send(context, 503, Error(503, "loading", "unavailable"));
                return;
            case Mishap.Error500:
                await Send(context, 500, Error(500, "CUDA error", "server_error"));
                return;
            case Mishap.HtmlBadGateway:
                await Send(context, 502, Encoding.UTF8.GetBytes("<html><body><h1>502 Bad Gateway</h1></body></html>"), "text/html");
                return;
            case Mishap.ErrorIn200:
                await Send(context, 200, Error(429, "Provider returned error", "provider_error"));
                return;
            case Mishap.Empty:
                await Send(context, 200, []);
                return;
            case Mishap.Stream:
                await Send(context, 200, "data: {\"choices\":[]}\n\ndata: [DONE]\n\n"u8.ToArray(), "text/event-stream");
                return;
            case Mishap.BadRequest:
                await Send(context, 400, Error(400, "this prompt is not allowed", "content_filter"));
                return;
            case Mishap.Endless:
                context.Response.ContentType = "application/json";
                for (var blank = new byte[1 << 16]; !context.RequestAborted.IsCancellationRequested;)
                    await context.Response.Body.WriteAsync(blank, context.RequestAborted);
                return;
            case Mishap.NoText:
                await Send(context, 500,
                    Error(500, "The model produced output that does not match the expected Content-only format", "server_error"));
                return;
        }

        byte[] body;
        try
        {
            body = await Body(request.RootElement, mishap, context.Request.Path == "/completion");
        }
        catch (BadRequest e)
        {
            await Send(context, 400, Error(400, e.Message, "invalid_request_error"));
            return;
        }

        switch (mishap)
        {
            case Mishap.CutBody:
            case Mishap.Stall:
                context.Response.ContentLength = body.Length;
                context.Response.ContentType = "application/json";
                await context.Response.Body.WriteAsync(body.AsMemory(0, body.Length / 2));
                await context.Response.Body.FlushAsync();
                if (mishap == Mishap.Stall)
                    await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                context.Abort();
                return;
            case Mishap.TruncatedJson:
                body = body[..(body.Length / 2)];
                break;
        }

        await Send(context, 200, body);
    }

    /// <summary>Waits as long as a request takes. False where too many were under way meanwhile, which is answered then.</summary>
    private async Task<bool> FitsIn(HttpContext context)
    {
        var before = Interlocked.Read(ref overflows);
        if (Interlocked.Increment(ref underWay) > Options.Fits) Interlocked.Increment(ref overflows);
        try
        {
            if (Options.Latency > TimeSpan.Zero) await Task.Delay(Options.Latency, context.RequestAborted);
        }
        finally
        {
            Interlocked.Decrement(ref underWay);
        }

        if (Interlocked.Read(ref overflows) == before) return true;
        await Send(context, 500, Error(500, "Context size has been exceeded.", "server_error"));
        return false;
    }

    private async Task<byte[]> Body(JsonElement request, Mishap mishap, bool native)
    {
        var n = Options.IgnoresN ? 1 : (native ? request.GetProperty("n_cmpl") : request.GetProperty("n")).GetInt32();
        var sampling = Checked(request, native);
        if (native && n > Options.Slots)
            throw new BadRequest($"Field 'n': Value must be between 1 <= value <= {Options.Slots}, but got {n}");
        var prompt = request.GetProperty("prompt");
        int[] ids;
        try
        {
            ids = prompt.ValueKind == JsonValueKind.String
                ? generator.Tokenizer.Encode(prompt.GetString()!) : [.. prompt.EnumerateArray().Select(e => e.GetInt32())];
        }
        catch (UserError e)
        {
            throw new BadRequest(e.Message);
        }

        lock (Prompts) Prompts.Add(prompt.ToString());
        List<string> stops = Options.IgnoresStop ? [] : [.. request.GetProperty("stop").EnumerateArray().Select(s => s.GetString()!)];
        var until = stops is ["\n"] ? Until.StepEnd : Until.TraceEnd;
        var seed = request.GetProperty("seed").GetUInt64();
        var most = request.GetProperty(native ? "n_predict" : "max_tokens").GetInt32();
        if (native && ids.Length >= Options.Context) throw new BadRequest($"request ({ids.Length} tokens) exceeds the available context "
            + $"size ({Options.Context} tokens), try increasing it");
        if (native) most = Math.Min(most, Options.Context - ids.Length - 1);
        else if (ids.Length + most > Options.Context)
            throw new BadRequest($"This model's maximum context length is {Options.Context} tokens. However, you requested "
                + $"{ids.Length + most} tokens ({ids.Length} in the prompt, {most} in the completion)");
        var cached = cache.Read(ids);
        var drawn = await Task.WhenAll(Enumerable.Range(0, n)
            .Select(i => generator.Draw(new(ids, SeedOf(seed, i), most, until, sampling))));
        if (until == Until.TraceEnd && stops.Count > 0) drawn = [.. drawn.Select(d => d.StoppedAt(stops, generator.Tokenizer))];
        foreach (var d in drawn) cache.Read([.. ids, .. d.Ids]);
        var choices = drawn.Select((d, i) => native ? Native(d, i, ids.Length, cached, request) : Choice(d, i, request, ids)).ToList();
        switch (mishap)
        {
            case Mishap.WrongN: choices.Add((JsonObject)choices[0].DeepClone()); break;
            case Mishap.DuplicateChoices: choices[^1]["index"] = n > 1 ? 0 : 1; break;
            case Mishap.StrangeIds: choices[0][native ? "tokens" : "token_ids"] = new JsonArray(-1, 400_000_000); break;
            case Mishap.CutPrompt: choices[0]["tokens_evaluated"] = ids.Length - 1; break;
            case Mishap.NullFinish: choices[0][native ? "stop_type" : "finish_reason"] = null; break;
            case Mishap.UnknownFinish: choices[0][native ? "stop_type" : "finish_reason"] = "abort"; break;
            default: Interlocked.Add(ref samples, mishap == Mishap.None ? n : 0); break;
        }

        var generated = mishap switch { Mishap.NegativeTokens => -1, Mishap.TooManyTokens => n * most + 1, _ =>
            drawn.Sum(d => d.Ids.Length) };
        if (native && mishap is Mishap.NegativeTokens or Mishap.TooManyTokens) choices[0]["tokens_predicted"] = generated;
        JsonNode json = native
            ? choices.Count == 1 ? choices[0] : new JsonArray([.. choices])
            : new JsonObject
            {
                ["id"] = "cmpl-double", ["object"] = "text_completion", ["model"] = Options.Model,
                    ["choices"] = new JsonArray([.. choices]),
                ["usage"] = new JsonObject { ["prompt_tokens"] = ids.Length, ["completion_tokens"] = generated,
                    ["total_tokens"] = ids.Length + generated, ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = cached } },
            };
        if (!Options.TellsUsage) json.AsObject().Remove("usage");
        var body = Encoding.UTF8.GetBytes(json.ToJsonString(Readable));
        if (mishap == Mishap.InvalidUtf8)
            body[body.AsSpan().IndexOf(native ? "\"content\":\""u8 : "\"text\":\""u8) + (native ? 11 : 8)] = 0xFF;
        return body;
    }

    private ulong SeedOf(ulong seed, int i) => Options switch
    {
        { OwnSeed: { } seeded } => Seeds.Derive(seeded, "", "own", Interlocked.Increment(ref drawnByOwnSeed)),
        { Dialect: "sglang" } => seed,
        _ => seed + (ulong)i,
    };

    private JsonObject Choice(Drawn drawn, int index, JsonElement request, int[] prompt)
    {
        var choice = new JsonObject { ["index"] = index, ["text"] = drawn.Text, ["logprobs"] = null,
            ["finish_reason"] = drawn.End == "limit" ? "length" : "stop" };
        if (Options.Dialect == "vllm") choice["stop_reason"] = drawn.End == "word" ? drawn.Word : null;
        if (Options.Dialect == "sglang")
            choice["matched_stop"] = drawn.End == "word" ? drawn.Word : drawn.End == "eos" ? generator.Tokenizer.Eos : null;
        var keeps = request.TryGetProperty(Options.Dialect == "sglang" ? "no_stop_trim" : "include_stop_str_in_output", out var keep)
            && keep.GetBoolean();
        if (drawn.End == "word" && !keeps) choice["text"] = drawn.Text[..^drawn.Word.Length];
        if (Options.TellsIds && request.TryGetProperty("return_token_ids", out var tell) && tell.GetBoolean())
        {
            var told = Options.DropsLastId && drawn.End != "limit" ? drawn.Ids[..^1] : drawn.Ids;
            choice["token_ids"] = new JsonArray([.. told.Select(i => JsonValue.Create(i))]);
            choice["prompt_token_ids"] = new JsonArray([.. prompt.Select(i => JsonValue.Create(i))]);
        }

        return choice;
    }

    private JsonObject Native(Drawn drawn, int index, int prompt, int cached, JsonElement request) => new()
    {
        ["index"] = index, ["content"] = drawn.Text[..^drawn.Word.Length], ["stop"] = true, ["model"] = Options.Model,
            ["tokens_predicted"] = drawn.Ids.Length, ["tokens_evaluated"] = prompt,
        ["tokens"] = new JsonArray([.. request.GetProperty("return_tokens").GetBoolean() && Options.TellsIds
            ? drawn.Ids.Select(i => JsonValue.Create(i)) : []]), ["truncated"] = prompt + drawn.Ids.Length + 1 >= Options.Context,
        ["stop_type"] = drawn.End, ["stopping_word"] = drawn.Word, ["timings"] = new JsonObject { ["cache_n"] = cached },
    };

    /// <summary>The sampling that a request asks for. One that leaves a field to the server's own defaults is refused, which real servers
    /// do not do.</summary>
    private Sampling Checked(JsonElement request, bool native)
    {
        string[] fields = native
            ? ["temperature", "top_k", "top_p", "min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty",
                "dry_multiplier", "mirostat", "xtc_probability", "samplers", "seed", "n_predict", "stop"]
            : Options.Dialect is "vllm" or "sglang" ? [.. Common, "top_k", "min_p", "repetition_penalty", "min_tokens"] : Common;
        if (fields.FirstOrDefault(f => !request.TryGetProperty(f, out _)) is { } missing)
            throw new BadRequest($"the double takes no request without {missing}");
        var topK = request.TryGetProperty("top_k", out var k) ? Math.Max(0, k.GetInt32()) : 0;
        return new(request.GetProperty("temperature").GetDouble(), topK, request.GetProperty("top_p").GetDouble());
    }

    private static JsonObject Error(int code, string message, string type) =>
        new() { ["error"] = new JsonObject { ["code"] = code, ["message"] = message, ["type"] = type } };

    private static Task Send(HttpContext context, int status, JsonNode body) =>
        Send(context, status, Encoding.UTF8.GetBytes(body.ToJsonString(Readable)));

    private static async Task Send(HttpContext context, int status, byte[] body, string type = "application/json")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body);
    }

    private sealed class BadRequest(string message) : Exception(message);
}
