using System.Diagnostics;
using Polly;
using Polly.Hedging;
using Polly.Retry;

namespace Pav.Models.Remote;

/// <summary>A request that waits for an endpoint.</summary>
internal sealed class Ticket(Endpoint? avoid)
{
    private readonly TaskCompletionSource<Endpoint> given = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Failed it a moment ago, or has it in hand already: another one is better.</summary>
    public Endpoint? Avoid => avoid;

    public Task<Endpoint> Given => given.Task;

    public bool Give(Endpoint endpoint) => given.TrySetResult(endpoint);

    public void Fail(Exception e) => given.TrySetException(e);

    public void Cancel(CancellationToken cancel) => given.TrySetCanceled(cancel);
}

/// <summary>
/// All endpoints. A request goes to the endpoint that its prefix always goes to, so that the server's prefix cache is hit, and waits in that one's queue; an endpoint with room and an
/// empty queue takes from the end of the longest. Requests that fail are sent again elsewhere; an endpoint that fails is set aside and tried again later.
/// </summary>
internal sealed class EndpointPool : IDisposable
{
    private const int FailuresToSetAside = 3, MostTries = 40;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100), RefusedFor = TimeSpan.FromSeconds(60);

    private readonly RemoteOptions options;
    private readonly HttpClient http;
    private readonly Lock gate = new();
    private readonly List<Endpoint> endpoints = [];
    private readonly CancellationTokenSource closing = new();
    private readonly Func<Endpoint, CancellationToken, Task<Capabilities>> probe;
    private readonly HashSet<Endpoint> probing = [];
    private readonly ResiliencePipeline<(Completion, Endpoint)> pipeline;
    private readonly Task watching;
    private DateTime fileRead;
    private long lastAnswer = Stopwatch.GetTimestamp();

    public EndpointPool(RemoteOptions options, HttpClient http, Func<Endpoint, CancellationToken, Task<Capabilities>> probe)
    {
        (this.options, this.http, this.probe) = (options, http, probe);
        pipeline = Pipeline();
        ReadList();
        watching = Task.Run(Watch);
    }

    public IReadOnlyList<Endpoint> Endpoints
    {
        get
        {
            lock (gate) return [.. endpoints];
        }
    }

    /// <summary>Asks every endpoint what it is. At least one must answer.</summary>
    public async Task Open(CancellationToken cancel)
    {
        await Task.WhenAll(Endpoints.Select(e => Probe(e, cancel)));
        if (Endpoints.All(e => e.Capabilities is null)) throw new UserError($"no endpoint can be used: {Errors()}");
    }

    /// <summary>Sends a request until it is answered. A <see cref="Fault.NoText"/> comes back as an exception, every other lasting failure as a <see cref="UserError"/>.</summary>
    /// <param name="request">What to send.</param>
    /// <param name="key">Requests of one key go to one endpoint.</param>
    /// <param name="cancel">Stops it.</param>
    public async Task<(Completion Completion, Endpoint From)> Send(CompletionRequest request, ulong key, CancellationToken cancel)
    {
        var tries = new Tries();
        try
        {
            return await pipeline.ExecuteAsync(async (state, token) => await Attempt(state.request, state.key, state.tries, token), (request, key, tries), cancel);
        }
        catch (EndpointException e) when (e.Fault != Fault.NoText)
        {
            throw new UserError(e.Fault == Fault.Refused ? $"no endpoint can be used: {Errors()}" : e.Fault == Fault.Rejected ? e.Message : $"a request failed {tries.Count} times, the last time: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        closing.Cancel();
        watching.Wait();
        closing.Dispose();
    }

    /// <summary>Where the tries of one request stand.</summary>
    private sealed class Tries
    {
        public int Count;
        public Endpoint? Last;
    }

    private ResiliencePipeline<(Completion, Endpoint)> Pipeline()
    {
        var builder = new ResiliencePipelineBuilder<(Completion, Endpoint)>();
        if (options.Hedge > 0)
        {
            builder.AddHedging(new HedgingStrategyOptions<(Completion, Endpoint)>
            {
                MaxHedgedAttempts = 1, Delay = TimeSpan.FromSeconds(options.Hedge), ShouldHandle = new PredicateBuilder<(Completion, Endpoint)>().Handle<EndpointException>(e => e.Passing),
            });
        }

        return builder.AddRetry(new RetryStrategyOptions<(Completion, Endpoint)>
        {
            MaxRetryAttempts = MostTries, Delay = options.FirstDelay, MaxDelay = TimeSpan.FromSeconds(30), BackoffType = DelayBackoffType.Exponential, UseJitter = true,
            ShouldHandle = new PredicateBuilder<(Completion, Endpoint)>().Handle<EndpointException>(e => e.Passing && !AllRefused()),
            DelayGenerator = wait => ValueTask.FromResult(Wait(wait.Outcome.Exception as EndpointException, wait.AttemptNumber)),
        }).Build();
    }

    /// <summary>With other endpoints at hand a failed one is left at once, a few times; else the server's own wish counts, or the growing wait.</summary>
    private TimeSpan? Wait(EndpointException? e, int attempt)
    {
        var others = attempt < 3 && Endpoints.Count(o => o.Usable(Stopwatch.GetTimestamp())) > 1;
        return others && (e?.Fault != Fault.Busy || e.RetryAfter is not null) ? TimeSpan.Zero : e?.RetryAfter;
    }

    private bool AllRefused()
    {
        lock (gate) return endpoints.All(e => e.Refused);
    }

    private async Task<(Completion, Endpoint)> Attempt(CompletionRequest request, ulong key, Tries tries, CancellationToken cancel)
    {
        var endpoint = await Place(key, tries.Last, cancel);
        tries.Last = endpoint;
        Interlocked.Increment(ref tries.Count);
        var began = Stopwatch.GetTimestamp();
        Completion? completion = null;
        EndpointException? failure = null;
        try
        {
            completion = await endpoint.Complete(request, endpoint.Capabilities!.Dialect, cancel);
            return (completion, endpoint);
        }
        catch (EndpointException e)
        {
            failure = e;
            throw;
        }
        finally
        {
            Settle(endpoint, Stopwatch.GetElapsedTime(began).TotalSeconds, completion, failure);
        }
    }

    private async Task<Endpoint> Place(ulong key, Endpoint? avoid, CancellationToken cancel)
    {
        var ticket = new Ticket(avoid);
        lock (gate)
        {
            var now = Stopwatch.GetTimestamp();
            var home = endpoints.MaxBy(e => (e.Usable(now), e != avoid, Seeds.Mix(key ^ e.Hash)))!;
            home.Waiting.AddLast(ticket);
            Fill(home);
            if (!ticket.Given.IsCompleted) FillAll();
        }

        if (ticket.Given.IsCompleted) return await ticket.Given;
        using var stop = cancel.Register(() => ticket.Cancel(cancel));
        return await ticket.Given;
    }

    private void FillAll()
    {
        foreach (var endpoint in endpoints) Fill(endpoint);
    }

    /// <summary>Gives an endpoint requests while it has room: its own, then those of the longest queue.</summary>
    private void Fill(Endpoint endpoint)
    {
        var now = Stopwatch.GetTimestamp();
        while (endpoint.HasRoom(now) && Next(endpoint) is { } ticket)
            if (ticket.Give(endpoint)) endpoint.InFlight++;
    }

    /// <summary>Its own requests from the front, those of others from the back: what is left of a prefix and its problem stays together on either side.</summary>
    private Ticket? Next(Endpoint endpoint)
    {
        if (endpoint.Waiting.First is { } own) return Take(own);
        var longest = endpoints.MaxBy(e => e.Waiting.Count)!;
        if (longest.Waiting.Last is not { } other) return null;

        // Its own endpoint will take what has just failed here, if that one can.
        return other.Value.Avoid == endpoint && longest.Usable(Stopwatch.GetTimestamp()) ? null : Take(other);
    }

    private static Ticket Take(LinkedListNode<Ticket> node)
    {
        node.List!.Remove(node);
        return node.Value;
    }

    /// <summary>Draws the consequences of an answer, a failure, or (neither) a request that was called off.</summary>
    private void Settle(Endpoint endpoint, double seconds, Completion? completion, EndpointException? failure)
    {
        lock (gate)
        {
            var tally = endpoint.Tally;
            tally = tally with { Requests = tally.Requests + 1, Seconds = tally.Seconds + seconds };
            if (completion is not null || failure?.Fault is Fault.NoText or Fault.Rejected)
            {
                var used = completion?.Usage ?? default;
                endpoint.Window.Answered(seconds, used.Generated, endpoint.InFlight >= endpoint.Window.Size);
                (endpoint.Failures, endpoint.TimesAside) = (0, 0);
                lastAnswer = Stopwatch.GetTimestamp();
                tally = tally with
                {
                    Completions = tally.Completions + (completion?.Choices.Count ?? 0), PromptTokens = tally.PromptTokens + used.Prompt, CachedTokens = tally.CachedTokens + used.Cached, GeneratedTokens = tally.GeneratedTokens + used.Generated,
                };
            }
            else if (failure?.Fault == Fault.Busy)
            {
                endpoint.Window.Busy();
                if (failure.RetryAfter is { } wait) endpoint.NotBefore = After(wait);
                tally = tally with { Busy = tally.Busy + 1 };
            }
            else if (failure is not null)
            {
                tally = tally with { Failed = tally.Failed + 1 };
                Blame(endpoint, failure);
            }

            endpoint.LastError = failure?.Message ?? endpoint.LastError;
            endpoint.Tally = tally;
            endpoint.InFlight--;
            FillAll();
        }
    }

    /// <summary>Three failures in a row, or one by an endpoint that was on trial or that nobody listens at, set it aside.</summary>
    private void Blame(Endpoint endpoint, EndpointException failure)
    {
        endpoint.Refused = failure.Fault == Fault.Refused;
        if (++endpoint.Failures < FailuresToSetAside && endpoint.TimesAside == 0 && !endpoint.Refused) return;
        if (Stopwatch.GetTimestamp() < endpoint.NotBefore) return;
        var wait = Math.Min(60, options.FirstAside.TotalSeconds * Math.Pow(2, Math.Min(10, endpoint.TimesAside))) * (0.75 + 0.5 * Random.Shared.NextDouble());
        endpoint.NotBefore = After(endpoint.Refused ? RefusedFor : TimeSpan.FromSeconds(wait));
        endpoint.TimesAside++;
        endpoint.Window.Reset();
    }

    private static long After(TimeSpan wait) => Stopwatch.GetTimestamp() + (long)(wait.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Reads the list again when its file changes, asks endpoints that are new or have come back what they are, and ends waits that are in vain.</summary>
    private async Task Watch()
    {
        while (!closing.IsCancellationRequested)
        {
            await Task.Delay(Tick, closing.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            ReadList();
            var now = Stopwatch.GetTimestamp();
            lock (gate)
            {
                foreach (var endpoint in endpoints.Where(e => (e.Capabilities is null || e.Refused) && e.NotBefore != 0 && now >= e.NotBefore && probing.Add(e)))
                    _ = Probe(endpoint, closing.Token);
                FillAll();
                if (Stopwatch.GetElapsedTime(lastAnswer).TotalSeconds > options.GiveUp && endpoints.All(e => e.InFlight == 0) && endpoints.Any(e => e.Waiting.Count > 0))
                    foreach (var endpoint in endpoints)
                        while (endpoint.Waiting.First is { } waiting) Take(waiting).Fail(new UserError($"no endpoint has answered for {options.GiveUp:0} s: {Errors()}"));
                if (endpoints.All(e => e.InFlight == 0 && e.Waiting.Count == 0)) lastAnswer = now;
            }
        }
    }

    private async Task Probe(Endpoint endpoint, CancellationToken cancel)
    {
        try
        {
            var found = await probe(endpoint, cancel);
            lock (gate) (endpoint.Capabilities, endpoint.Refused, endpoint.NotBefore) = (found, false, 0);
        }
        catch (EndpointException e)
        {
            lock (gate)
            {
                endpoint.LastError = e.Message;
                Blame(endpoint, new(e.Fault, e.Message));
                if (endpoint.NotBefore == 0) endpoint.NotBefore = After(options.FirstAside);
            }
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
            // The pool is closed: nobody wants to know.
        }
        finally
        {
            lock (gate)
            {
                probing.Remove(endpoint);
                FillAll();
            }
        }
    }

    /// <summary>New addresses join, missing ones take nothing new. A file that is broken for a moment changes nothing.</summary>
    private void ReadList()
    {
        var first = fileRead == default;
        if (options.Endpoints.StartsWith('@'))
        {
            var changed = File.GetLastWriteTimeUtc(options.Endpoints[1..]);
            if (!first && changed == fileRead) return;
            fileRead = changed;
        }
        else if (endpoints.Count > 0) return;

        IReadOnlyList<EndpointUrl> urls;
        try
        {
            urls = EndpointUrl.ParseAll(options.Endpoints);
        }
        catch (UserError) when (!first)
        {
            return;
        }

        lock (gate)
        {
            foreach (var endpoint in endpoints) endpoint.Dropped = !urls.Contains(endpoint.Url);
            foreach (var url in urls.Where(u => endpoints.All(e => e.Url != u))) endpoints.Add(new(url, http, options) { NotBefore = first ? 0 : 1 });
        }

        if (endpoints.Count == 0) throw new UserError("--policy names no endpoint; write http://host:8000/v1, several separated by commas, or @FILE with one on each line");
    }

    private string Errors()
    {
        lock (gate) return string.Join("; ", endpoints.Select(e => e.LastError ?? $"{e.Url} has not answered"));
    }
}
