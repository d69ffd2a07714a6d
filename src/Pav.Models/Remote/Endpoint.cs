using System.Text;
using System.Text.Json;

namespace Pav.Models.Remote;

/// <summary>What requests to one endpoint came to, over all starts of a run.</summary>
public sealed record EndpointTally(
    string Url, long Requests = 0, long Completions = 0, long PromptTokens = 0, long CachedTokens = 0, long GeneratedTokens = 0,
        long Busy = 0, long Failed = 0, double Seconds = 0)
{
    public EndpointTally Plus(EndpointTally other) => this with
    {
        Requests = Requests + other.Requests, Completions = Completions + other.Completions,
            PromptTokens = PromptTokens + other.PromptTokens, CachedTokens = CachedTokens + other.CachedTokens,
        GeneratedTokens = GeneratedTokens + other.GeneratedTokens, Busy = Busy + other.Busy, Failed = Failed + other.Failed,
            Seconds = Seconds + other.Seconds,
    };
}

/// <summary>
/// One server: sends it a request and sorts out what comes back. Its mutable parts stand under the lock of the <see cref="EndpointPool"/>.
/// </summary>
internal sealed class Endpoint(EndpointUrl url, HttpClient http, RemoteOptions options)
{
    /// <summary>Bytes that are read of an error, of a page or what frames an answer, and of each token of an answer.</summary>
    private const int LongestError = 1 << 16, LongestPage = 1 << 22, LongestToken = 512;

    private readonly ApiKey key = options.Key ?? ApiKey.None;
    private int toldFull;

    public EndpointUrl Url { get; } = url;

    /// <summary>For choosing the endpoint of a prefix: the same in every process.</summary>
    public ulong Hash { get; } = Seeds.Derive(0, url.ToString(), "endpoint", 0);

    public EndpointHealth Health { get; } = new(options);

    public EndpointTally Tally { get; set; } = new(url.ToString());

    /// <summary>True once: what is full is told once.</summary>
    public bool TellFull() => Interlocked.Exchange(ref toldFull, 1) == 0;

    public async Task<Completion> Complete(CompletionRequest request, Dialect dialect, CancellationToken cancel)
    {
        HttpRequestMessage Make() => new(HttpMethod.Post, dialect.Route(Url))
        {
            Content = new ByteArrayContent(dialect.Body(request)) { Headers = { ContentType = new("application/json") } },
        };
        var longest = LongestPage + LongestToken * (long)request.N * request.MaxTokens + 32L * (request.Prompt.Ids?.Length ?? 0)
            * request.N;
        var body = await Send(Make, longest, (status, message) => FromError(dialect, request, status, message), cancel);
        try
        {
            return dialect.Read(body, request);
        }
        catch (FormatException e)
        {
            throw Failed(Fault.Malformed, $"answered with {Clean(e.Message)}", e);
        }
    }

    /// <summary>A JSON answer, or null for 404: the server has no such route.</summary>
    public async Task<JsonDocument?> Get(Uri route, CancellationToken cancel)
    {
        try
        {
            var plain = new Dialect();
            var body = await Send(() => new(HttpMethod.Get, route), LongestPage, (status, message) =>
                FromError(plain, null, status, message), cancel);
            return JsonDocument.Parse(body);
        }
        catch (EndpointException e) when (e.Status == 404)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw Failed(Fault.Malformed, $"answered {route.AbsolutePath} with something that is not JSON", e);
        }
    }

    public EndpointException Failed(Fault fault, string what, Exception? cause = null) => new(fault, $"{Url} {what}", cause);

    /// <summary>What the server says, without the key and without what has no place in a line of text.</summary>
    public string Clean(string text) => ServerText.Clean(key.Clean(text));

    private EndpointException FromError(Dialect dialect, CompletionRequest? request, int status, string message)
    {
        var fault = dialect.Classify(status, message);
        var what = $"{Url} answered {status} {Clean(message)}".TrimEnd() + (status is 401 or 403 ? $"; {key.Remedy()}" : "");
        var room = fault == Fault.TooLong && request is not null
            ? ServerText.Room(message, request.MaxTokens, Health.Capabilities?.Context) : null;
        return new(fault, what) { Status = status, Room = room };
    }

    /// <summary>The body of a 200, if it is not longer than an answer can be; every other answer is an exception.</summary>
    private async Task<byte[]> Send(Func<HttpRequestMessage> make, long longest, Func<int, string, EndpointException> fromError,
        CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(options.RequestTimeout));
        try
        {
            using var message = make();
            key.AddTo(message);
            using var response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            var status = (int)response.StatusCode;
            if (status is >= 300 and < 400)
                throw Failed(Fault.Refused, $"answered {status}, which sends on to "
                    + $"{Clean(response.Headers.Location?.ToString() ?? "nowhere")}; give the address that answers itself");
            var (body, whole) = await Body(response, status == 200 ? longest : LongestError, limit.Token);
            if (status != 200)
            {
                var error = fromError(status, Dialect.Error(body) ?? Encoding.UTF8.GetString(body));
                throw new EndpointException(error.Fault, error.Message) { Status = status, Room = error.Room,
                    RetryAfter = RetryAfter(response) };
            }

            return whole
                ? body : throw Failed(Fault.Malformed, $"answered with more than {longest >> 20} MB, which no answer to this request has");
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw Failed(Fault.Timeout, $"did not answer within {options.RequestTimeout:0.###} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Failed(Fault.Network, $"cannot be reached or broke off ({Clean((e.InnerException ?? e).Message)})", e);
        }
    }

    /// <summary>The body up to a length, and whether that is all of it.</summary>
    private static async Task<(byte[] Body, bool Whole)> Body(HttpResponseMessage response, long longest, CancellationToken cancel)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancel);
        using var body = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (await stream.ReadAsync(buffer, cancel) is > 0 and var read)
        {
            body.Write(buffer, 0, (int)Math.Min(read, longest - body.Length));
            if (body.Length >= longest) return (body.ToArray(), false);
        }

        return (body.ToArray(), true);
    }

    /// <summary>Seconds, or a date by the server's own clock: ours may be off.</summary>
    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter;
        var wait = asked?.Delta ?? (asked?.Date is { } date ? date - (response.Headers.Date ?? DateTimeOffset.UtcNow) : null);
        return wait is { } w ? TimeSpan.FromSeconds(Math.Clamp(w.TotalSeconds, 0, 120)) : null;
    }
}
