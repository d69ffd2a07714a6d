using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;

namespace Pav.Models.Remote;

/// <summary>What requests to one endpoint came to, over all starts of a run.</summary>
public sealed record EndpointTally(string Url, long Requests = 0, long Completions = 0, long PromptTokens = 0, long CachedTokens = 0, long GeneratedTokens = 0, long Busy = 0, long Failed = 0, double Seconds = 0)
{
    public EndpointTally Plus(EndpointTally other) => this with
    {
        Requests = Requests + other.Requests, Completions = Completions + other.Completions, PromptTokens = PromptTokens + other.PromptTokens, CachedTokens = CachedTokens + other.CachedTokens,
        GeneratedTokens = GeneratedTokens + other.GeneratedTokens, Busy = Busy + other.Busy, Failed = Failed + other.Failed, Seconds = Seconds + other.Seconds,
    };
}

/// <summary>One server: sends it a request and sorts out what comes back. What it may be sent now is known to the <see cref="EndpointPool"/>, under whose lock the mutable part stands.</summary>
internal sealed class Endpoint(EndpointUrl url, HttpClient http, RemoteOptions options)
{
    private readonly ApiKey key = options.Key ?? ApiKey.None;

    public EndpointUrl Url { get; } = url;

    /// <summary>For choosing the endpoint of a prefix: the same in every process.</summary>
    public ulong Hash { get; } = Seeds.Of(0, url.ToString(), "endpoint", 0);

    public Window Window { get; } = new(options.InFlight);

    public LinkedList<Ticket> Waiting { get; } = [];

    public int InFlight { get; set; }

    /// <summary>What the server can do; null until it has been asked.</summary>
    public Capabilities? Capabilities { get; set; }

    public bool Refused { get; set; }

    /// <summary>Dropped from the file of endpoints.</summary>
    public bool Dropped { get; set; }

    public int Failures { get; set; }

    public int TimesAside { get; set; }

    /// <summary>Nothing is sent before this time (<see cref="Stopwatch"/> ticks).</summary>
    public long NotBefore { get; set; }

    public string? LastError { get; set; }

    public EndpointTally Tally { get; set; } = new(url.ToString());

    /// <summary>How many more requests it takes now; one that has just come back from being aside is tried with one.</summary>
    public bool HasRoom(long now) => Usable(now) && InFlight < (TimesAside > 0 ? 1 : Window.Size);

    public bool Usable(long now) => Capabilities is not null && !Refused && !Dropped && now >= NotBefore;

    public async Task<Completion> Complete(CompletionRequest request, Dialect dialect, CancellationToken cancel)
    {
        var body = await Send(dialect, () => new(HttpMethod.Post, dialect.Route(Url)) { Content = new ByteArrayContent(dialect.Body(request)) { Headers = { ContentType = new("application/json") } } }, cancel);
        try
        {
            return dialect.Read(body, request);
        }
        catch (FormatException e)
        {
            throw Failed(Fault.Malformed, $"answered with {key.Clean(e.Message)}", e);
        }
    }

    /// <summary>A JSON answer, or null for 404: the server has no such route.</summary>
    public async Task<JsonDocument?> Get(Uri route, CancellationToken cancel)
    {
        try
        {
            var body = await Send(null, () => new(HttpMethod.Get, route), cancel);
            return JsonDocument.Parse(body);
        }
        catch (EndpointException e) when (e.Fault == Fault.Refused && e.Message.Contains(" 404 ", StringComparison.Ordinal))
        {
            return null;
        }
        catch (JsonException e)
        {
            throw Failed(Fault.Malformed, $"answered {route.AbsolutePath} with something that is not JSON", e);
        }
    }

    public EndpointException Failed(Fault fault, string what, Exception? cause = null, TimeSpan? retryAfter = null) => new(fault, $"{Url} {what}", retryAfter, cause);

    /// <summary>The body of a 200; every other answer is an exception.</summary>
    private async Task<byte[]> Send(Dialect? dialect, Func<HttpRequestMessage> make, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(options.RequestTimeout));
        try
        {
            using var message = make();
            key.AddTo(message);
            using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var body = await response.Content.ReadAsByteArrayAsync(limit.Token);
            if (response.StatusCode == HttpStatusCode.OK) return body;
            var what = $"answered {(int)response.StatusCode} {Said(body)}".TrimEnd();
            throw (int)response.StatusCode switch
            {
                429 or 503 => Failed(Fault.Busy, what, retryAfter: RetryAfter(response)),
                401 or 403 or 404 => Failed(Fault.Refused, what),
                >= 500 => Failed(dialect?.IsNoText((int)response.StatusCode, what) == true ? Fault.NoText : Fault.Server, what),
                408 => Failed(Fault.Timeout, what),
                >= 400 => Failed(Fault.Rejected, what),
                _ => Failed(Fault.Malformed, what),
            };
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Failed(Fault.Timeout, $"did not answer within {options.RequestTimeout:0.###} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Failed(Fault.Network, $"cannot be reached or broke off ({key.Clean((e.InnerException ?? e).Message)})", e);
        }
    }

    /// <summary>The error message in a body, short and without a key.</summary>
    private string Said(byte[] body)
    {
        var text = Encoding.UTF8.GetString(body);
        try
        {
            using var json = JsonDocument.Parse(body);
            var error = json.RootElement.TryGetProperty("error", out var inner) ? inner : json.RootElement;
            text = error.ValueKind == JsonValueKind.String ? error.GetString()! : error.TryGetProperty("message", out var message) ? message.ToString() : text;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // A proxy's page: its beginning will do.
        }

        text = key.Clean(text).ReplaceLineEndings(" ").Trim();
        return text.Length > 200 ? text[..200] + "…" : text;
    }

    /// <summary>Seconds, or a date by the server's own clock: ours may be off.</summary>
    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter;
        var wait = asked?.Delta ?? (asked?.Date is { } date ? date - (response.Headers.Date ?? DateTimeOffset.UtcNow) : null);
        return wait is { } w ? TimeSpan.FromSeconds(Math.Clamp(w.TotalSeconds, 0, 120)) : null;
    }
}
