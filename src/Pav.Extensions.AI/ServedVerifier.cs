using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Polly;
using Polly.Retry;

namespace Pav.Extensions.AI;

/// <summary>
/// A verifier on a pav server (`pav serve --verifier`), asked by its route /v1/steps. A server that is busy (429) or loading (503) is asked
/// again, after as long as its Retry-After says, else after growing waits.
/// </summary>
public sealed class ServedVerifier : IVerifier
{
    private const int MostRetries = 8;

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(0.5), LongestWait = TimeSpan.FromSeconds(60);

    private readonly ResiliencePipeline<HttpResponseMessage> pipeline;
    private readonly HttpClient client;
    private readonly Uri address;
    private readonly string? key;

    /// <param name="server">http://127.0.0.1:8080, or with the path under which it is served.</param>
    /// <param name="client">Sends the requests; the caller disposes it.</param>
    /// <param name="key">The server's; null where it has none.</param>
    /// <param name="time">Times the waits; null: the system's clock.</param>
    public ServedVerifier(Uri server, HttpClient client, string? key = null, TimeProvider? time = null)
    {
        (address, this.client, this.key) = (new($"{server.AbsoluteUri.TrimEnd('/')}/v1/steps"), client, key);
        time ??= TimeProvider.System;
        pipeline = new ResiliencePipelineBuilder<HttpResponseMessage> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<HttpResponseMessage>
            {
                MaxRetryAttempts = MostRetries, BackoffType = DelayBackoffType.Exponential, Delay = FirstWait, MaxDelay = LongestWait,
                UseJitter = true,
                ShouldHandle = reply => ValueTask.FromResult(
                    reply.Outcome.Result?.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable),
                DelayGenerator = reply => ValueTask.FromResult(Wish(reply.Outcome.Result!.Headers.RetryAfter, time.GetUtcNow())),
            }).Build();
    }

    public string Name => address.Authority;

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        if (prefixes.Count == 0) return [];
        var samples = prefixes.Select(p => new { prompt = p.Problem.Text, response = p.Text });
        using var reply = await Send(JsonSerializer.SerializeToUtf8Bytes(new { samples }), cancel);
        try
        {
            return Read(prefixes, await reply.Content.ReadAsStringAsync(cancel));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            throw new UserError($"the verifier at {address} answered something else than /v1/steps does: {e.Message}", e);
        }
    }

    private IReadOnlyList<Scored> Read(IReadOnlyList<Prefix> prefixes, string text)
    {
        using var json = JsonDocument.Parse(text);
        var data = json.RootElement.GetProperty("data").EnumerateArray().ToList();
        var tokens = json.RootElement.GetProperty("usage").GetProperty("scored_tokens").GetInt64();
        return [.. prefixes.Select((prefix, i) =>
            Scored(prefix, data[i], (int)(tokens * (i + 1) / prefixes.Count - tokens * i / prefixes.Count)))];
    }

    /// <summary>What a server that is busy asks for, up to the longest wait; null where it does not say.</summary>
    private static TimeSpan? Wish(RetryConditionHeaderValue? asked, DateTimeOffset now)
    {
        var wait = asked?.Delta ?? asked?.Date - now;
        return wait is { } known ? TimeSpan.FromSeconds(Math.Clamp(known.TotalSeconds, 0, LongestWait.TotalSeconds)) : null;
    }

    private async Task<HttpResponseMessage> Send(byte[] body, CancellationToken cancel)
    {
        HttpResponseMessage reply;
        try
        {
            reply = await pipeline.ExecuteAsync(async stop =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(body) };
                request.Content.Headers.ContentType = new("application/json");
                if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
                return await client.SendAsync(request, stop);
            }, cancel);
        }
        catch (HttpRequestException e)
        {
            throw new UserError($"the verifier at {address} cannot be reached: {e.Message}", e);
        }

        if (reply.IsSuccessStatusCode) return reply;
        using (reply)
        {
            var said = await reply.Content.ReadAsStringAsync(cancel);
            throw new UserError($"the verifier at {address} answered {(int)reply.StatusCode}: {said}");
        }
    }

    private Scored Scored(Prefix prefix, JsonElement trace, int tokens)
    {
        var steps = trace.GetProperty("steps").EnumerateArray().Select(s => s.GetProperty("q").GetDouble());
        double[] q = [trace.GetProperty("q0").GetDouble(), .. steps];
        // A last step without text, the choice to stop, changes nothing.
        var texts = prefix.Path().Skip(1).Count(p => p.Step != "");
        if (q.Length != texts + 1)
            throw new UserError(
                $"the verifier at {address} sees {q.Length - 1} steps where this search sees {texts}; give both the same step end");
        var from = 0;
        return new([.. prefix.Path().Select(p => p.Depth == 0 || p.Step == "" ? q[from] : q[++from])], tokens);
    }
}
