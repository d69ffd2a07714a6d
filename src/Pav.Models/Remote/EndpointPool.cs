using Polly;
using Polly.Hedging;
using Polly.Retry;

namespace Pav.Models.Remote;

/// <summary>
/// All endpoints. A request that fails is sent again, elsewhere where there is an elsewhere. One that fails often at endpoints that answer
/// others is given up
/// (<see cref="EndpointException.Final"/>); an endpoint that answers nothing is set aside and asked again later.
/// </summary>
internal sealed class EndpointPool : IDisposable
{
    private const int MostTries = 8, TriesElsewhere = 3;

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100), LongestWait = TimeSpan.FromSeconds(30),
        LongestPause = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long the start waits for the last endpoints once the first has answered, and how long none may answer before a cause is told.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), Silence = TimeSpan.FromSeconds(5);

    private readonly RemoteOptions options;
    private readonly TimeProvider time;
    private readonly HttpClient http;
    private readonly Probe probe;
    private readonly Func<Endpoint, Capabilities, Capabilities> fit;
    private readonly EndpointList list;
    private readonly Lock gate = new();
    private readonly List<Endpoint> endpoints = [];
    private readonly EndpointQueue queue;
    private readonly CancellationTokenSource closing = new();
    private CancellationTokenSource gaveUp = new();
    private readonly ResiliencePipeline<(Completion, Endpoint)> pipeline;
    private Task watching = Task.CompletedTask;
    private long lastAnswer;
    private int active;

    /// <param name="options">How servers are used.</param>
    /// <param name="http">Sends.</param>
    /// <param name="probe">Asks an endpoint what it is.</param>
    /// <param name="fit">Takes what an endpoint is, or throws an <see cref="EndpointException"/> if it cannot be used beside the
    /// others.</param>
    public EndpointPool(RemoteOptions options, HttpClient http, Probe probe, Func<Endpoint, Capabilities, Capabilities> fit)
    {
        (this.options, this.http, this.probe, this.fit, time) = (options, http, probe, fit, options.Time);
        list = new(options.Endpoints);
        queue = new(endpoints);
        pipeline = Pipeline();
        lastAnswer = time.GetTimestamp();
        ReadList();
    }

    public IReadOnlyList<Endpoint> Endpoints
    {
        get
        {
            lock (gate) return [.. endpoints];
        }
    }

    /// <summary>What is waited for; null where answers come.</summary>
    public string? Waiting
    {
        get
        {
            lock (gate)
            {
                if (active == 0 || time.GetElapsedTime(lastAnswer) < Silence) return null;
                return endpoints.Select(e => e.Health.LastError).OfType<string>().FirstOrDefault() is { } error
                    ? $"waiting: {error}" : null;
            }
        }
    }

    /// <summary>
    /// Asks every endpoint what it is. At least one must answer; those that do not yet are waited for as long as they may come.
    /// </summary>
    /// <param name="settle">Settles how they are used, before any other joins.</param>
    /// <param name="cancel">Stops it.</param>
    public async Task Open(Action<IReadOnlyList<Capabilities>> settle, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        var first = Task.WhenAll(Endpoints.Select(e => Ask(e, closing.Token)));
        while (!first.IsCompleted && !(AnyJoined() && time.GetElapsedTime(began) > Patience))
        {
            await Task.WhenAny(first, Task.Delay(Tick, time, cancel));
            cancel.ThrowIfCancellationRequested();
        }

        watching = Task.Run(Watch);
        for (var told = false; !AnyJoined(); told = true)
        {
            var may = Endpoints.Any(e => e.Health.LastFailure?.Fault is Fault.Busy or Fault.Network or Fault.Timeout or Fault.Server);
            if (!may || time.GetElapsedTime(began).TotalSeconds > options.GiveUp)
                throw new UserError($"no endpoint can be used: {Errors()}");
            if (!told) options.Say($"No server answers yet ({Errors()}); waiting for up to {options.GiveUp:0} s (--give-up).");
            await Task.Delay(Tick, time, cancel);
        }

        lock (gate) settle([.. endpoints.Select(e => e.Health.Capabilities).OfType<Capabilities>()]);
    }

    /// <summary>
    /// Sends a request until it is answered. What is wrong with the request itself (<see cref="EndpointException.Passing"/> is false) comes
    /// back as an exception, what is wrong with all endpoints
    /// as a <see cref="UserError"/>.
    /// </summary>
    /// <param name="request">What to send.</param>
    /// <param name="key">Requests of one key go to one endpoint.</param>
    /// <param name="cancel">Stops it.</param>
    public async Task<(Completion Completion, Endpoint From)> Send(CompletionRequest request, ulong key, CancellationToken cancel)
    {
        var tries = new Tries();
        CancellationToken lost;
        lock (gate)
        {
            if (active++ == 0) lastAnswer = time.GetTimestamp();
            lost = gaveUp.Token;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel, lost);
        try
        {
            return await pipeline.ExecuteAsync(
                async (state, token) => await Attempt(state.request, state.key, state.tries, token), (request, key, tries), stop.Token);
        }
        catch (OperationCanceledException) when (lost.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new UserError($"no endpoint has answered for {options.GiveUp:0} s (--give-up): {Errors()}") { IsOutage = true };
        }
        finally
        {
            lock (gate) active--;
        }
    }

    public void Dispose()
    {
        closing.Cancel();
        watching.Wait();
        closing.Dispose();
        gaveUp.Dispose();
    }

    /// <summary>Where the tries of one request stand.</summary>
    private sealed class Tries
    {
        public int Failed;
        public Endpoint? Last;
    }

    private ResiliencePipeline<(Completion, Endpoint)> Pipeline()
    {
        var passing = new PredicateBuilder<(Completion, Endpoint)>().Handle<EndpointException>(e => e.Passing);
        var builder = new ResiliencePipelineBuilder<(Completion, Endpoint)> { TimeProvider = time };
        if (options.Hedge > 0)
        {
            builder.AddHedging(new HedgingStrategyOptions<(Completion, Endpoint)>
            {
                MaxHedgedAttempts = 1, Delay = TimeSpan.FromSeconds(options.Hedge), ShouldHandle = passing,
            });
        }

        return builder.AddRetry(new RetryStrategyOptions<(Completion, Endpoint)>
        {
            MaxRetryAttempts = int.MaxValue, ShouldHandle = passing,
            DelayGenerator = wait => ValueTask.FromResult<TimeSpan?>(Wait((EndpointException)wait.Outcome.Exception!, wait.AttemptNumber)),
        }).Build();
    }

    /// <summary>
    /// With other endpoints at hand a failed one is left at once, a few times; else the server's own wish counts, or a growing wait.
    /// </summary>
    private TimeSpan Wait(EndpointException e, int attempt)
    {
        var others = attempt < TriesElsewhere && Endpoints.Count(o => o.Health.Usable) > 1;
        if (others && (e.Fault != Fault.Busy || e.RetryAfter is not null)) return TimeSpan.Zero;
        if (e.RetryAfter is { } asked) return asked;
        var most = e.Fault == Fault.Busy ? LongestWait : LongestPause;
        var grown = Math.Min(most.TotalSeconds, options.FirstDelay.TotalSeconds * Math.Pow(2, Math.Min(20, attempt)));
        return TimeSpan.FromSeconds(grown * (0.5 + Random.Shared.NextDouble()));
    }

    private bool AnyJoined()
    {
        lock (gate) return endpoints.Any(e => e.Health.Capabilities is not null);
    }

    private async Task<(Completion, Endpoint)> Attempt(CompletionRequest request, ulong key, Tries tries, CancellationToken cancel)
    {
        var endpoint = await Place(key, tries.Last, cancel);
        tries.Last = endpoint;
        var began = time.GetTimestamp();
        Completion? completion = null;
        EndpointException? failure = null;
        try
        {
            completion = await endpoint.Complete(request, endpoint.Health.Capabilities!.Dialect, cancel);
            return (completion, endpoint);
        }
        catch (EndpointException e)
        {
            failure = e;
        }
        finally
        {
            Settle(endpoint, time.GetElapsedTime(began).TotalSeconds, completion, failure);
        }

        var counts = failure.Fault is Fault.Server or Fault.Network or Fault.Timeout or Fault.Malformed;
        if (counts && Interlocked.Increment(ref tries.Failed) >= MostTries)
        {
            if (await Check(endpoint, cancel) == true)
                failure = new(failure.Fault, $"failed {tries.Failed} times, the last time: {failure.Message}", failure) { Final = true };
            tries.Failed = 0;
        }

        throw failure;
    }

    private async Task<Endpoint> Place(ulong key, Endpoint? avoid, CancellationToken cancel)
    {
        var ticket = new Ticket(avoid);
        lock (gate) queue.Add(ticket, key);
        if (ticket.Given.IsCompleted) return await ticket.Given;
        using var stop = cancel.Register(() => ticket.Cancel(cancel));
        return await ticket.Given;
    }

    /// <summary>Draws the consequences of an answer, a failure, or (neither) a request that was called off.</summary>
    private void Settle(Endpoint endpoint, double seconds, Completion? completion, EndpointException? failure)
    {
        var fewer = false;
        lock (gate)
        {
            var tally = endpoint.Tally;
            tally = tally with { Requests = tally.Requests + 1, Seconds = tally.Seconds + seconds };
            if (completion is not null || failure is { Passing: false })
            {
                var used = completion?.Usage ?? default;
                endpoint.Health.Answered(seconds, used.Generated);
                lastAnswer = time.GetTimestamp();
                tally = tally with
                {
                    Completions = tally.Completions + (completion?.Choices.Count ?? 0), PromptTokens = tally.PromptTokens + used.Prompt,
                    CachedTokens = tally.CachedTokens + used.Cached, GeneratedTokens = tally.GeneratedTokens + used.Generated,
                };
            }
            else if (failure?.Fault == Fault.Busy)
            {
                fewer = endpoint.Health.Busy(failure) && failure.Status == 500;
                tally = tally with { Busy = tally.Busy + 1 };
            }
            else if (failure is not null)
            {
                tally = tally with { Failed = tally.Failed + 1 };
                endpoint.Health.Failed(failure);
            }

            endpoint.Tally = tally;
            endpoint.Health.Returned();
            queue.FillAll();
        }

        if (fewer && endpoint.TellFull())
        {
            options.Say(
                $"{failure!.Message}: its slots share a context that is too small for them, so fewer requests go to it at once; "
                + "start it with a larger -c or fewer slots (-np), or give --in-flight.");
        }
    }

    /// <summary>Reads the list again when its file changes, asks endpoints that are new or have come back what they are, and ends waits
    /// that are in vain.</summary>
    private async Task Watch()
    {
        while (!closing.IsCancellationRequested)
        {
            await Task.Delay(Tick, time, closing.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            ReadList();
            List<Endpoint> doubted;
            bool vain;
            lock (gate)
            {
                foreach (var endpoint in endpoints.Where(e => e.Health.WantsProbe)) _ = Ask(endpoint, closing.Token);
                queue.FillAll();
                doubted = [.. endpoints.Where(e => e.Health.Doubted)];
                var silent = time.GetElapsedTime(lastAnswer).TotalSeconds;
                vain = active > 0 && silent > options.GiveUp
                    && (silent > options.GiveUp + options.RequestTimeout || endpoints.All(e => e.Health.InFlight == 0));
                if (vain) doubted = [.. endpoints.Where(e => e.Health.Usable)];
            }

            var well = await Task.WhenAll(doubted.Select(e => Check(e, closing.Token)));
            if (vain && !well.Contains(true) && !closing.IsCancellationRequested) await gaveUp.CancelAsync();
        }
    }

    /// <summary>Is an endpoint that failed well? Then what it failed was to blame; else it is set aside.</summary>
    private async Task<bool?> Check(Endpoint endpoint, CancellationToken cancel)
    {
        bool? well;
        try
        {
            well = await probe.IsWell(endpoint, cancel);
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
            return null;
        }

        lock (gate)
        {
            if (well is { } known) endpoint.Health.Checked(known);
            if (well == true)
            {
                lastAnswer = time.GetTimestamp();
                Resume();
            }

            return well;
        }
    }

    /// <summary>A server is well again after all were given up: from now on requests are sent as before.</summary>
    private void Resume()
    {
        if (gaveUp.IsCancellationRequested) gaveUp = new();
    }

    private async Task Ask(Endpoint endpoint, CancellationToken cancel)
    {
        lock (gate) endpoint.Health.Probing();
        try
        {
            var found = await probe.Ask(endpoint, cancel);
            lock (gate)
            {
                endpoint.Health.Join(fit(endpoint, found));
                Resume();
            }
        }
        catch (EndpointException e)
        {
            lock (gate) endpoint.Health.ProbeFailed(e);
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
            lock (gate) endpoint.Health.ProbeCancelled();
        }

        lock (gate) queue.FillAll();
    }

    /// <summary>New addresses join, missing ones take nothing new.</summary>
    private void ReadList()
    {
        if (list.Changed() is not { } urls) return;
        lock (gate)
        {
            foreach (var endpoint in endpoints) endpoint.Health.Dropped = !urls.Contains(endpoint.Url);
            endpoints.AddRange(urls.Where(u => endpoints.All(e => e.Url != u)).ToList().Select(u => new Endpoint(u, http, options)));
        }
    }

    private string Errors()
    {
        lock (gate) return string.Join("; ", endpoints.Where(e => !e.Health.Dropped)
            .Select(e => e.Health.LastError ?? $"{e.Url} has not answered"));
    }
}
