using System.Diagnostics;
using Pav.Serve.Wire;

namespace Pav.Serve.Rooms;

/// <summary>
/// The one place through which all requests reach the policy and the verifiers. What they ask at the same time is answered in one call;
/// traces grow step by step, so that requests join and leave at every step's end. Answers do not depend on the company: a draw depends on
/// its prefix and seed, a score on its prefix. A request that is cancelled has left by the engine's next step, and so has all its work. A
/// policy on other servers is asked at once: these batch for themselves.
/// </summary>
internal sealed class EngineRoom : IAsyncDisposable
{
    /// <summary>Prefixes of one request in one call of a verifier: a long list does not keep others waiting.</summary>
    private const int ScoredAtOnce = 256;

    /// <summary>So long the room waits for requests that have had an answer and are about to ask again.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(2);

    private readonly ServedModels models;
    private readonly Meters? meters;
    private readonly Lock gate = new();
    private readonly SemaphoreSlim changed = new(0);
    private readonly CancellationTokenSource closing = new();
    private readonly Task running;
    private readonly List<DrawWork> draws = [];
    private readonly List<ScoreWork> scores = [];
    private int seats, waiting;
    private bool isClosed;

    /// <param name="models">What draws and scores.</param>
    /// <param name="meters">Are told what it costs; null: nobody is.</param>
    public EngineRoom(ServedModels models, Meters? meters = null)
    {
        (this.models, this.meters) = (models, meters);
        running = Task.Run(Run);
    }

    /// <summary>Requests in the room.</summary>
    public int Seats
    {
        get { lock (gate) return seats; }
    }

    /// <summary>A place for one request, to be disposed when it is answered.</summary>
    /// <param name="cancel">The request's end.</param>
    public Seat Enter(CancellationToken cancel = default)
    {
        lock (gate) seats++;
        return new(this, models, meters, cancel);
    }

    /// <summary>Answers nobody any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        await running;
        List<DrawWork> drawn;
        List<ScoreWork> scored;
        lock (gate) (isClosed, drawn, scored) = (true, [.. draws], [.. scores]);
        foreach (var work in drawn) work.Fail(ApiError.Stopping());
        foreach (var work in scored) work.Fail(ApiError.Stopping());
        closing.Dispose();
    }

    internal void Leave()
    {
        lock (gate) seats--;
        changed.Release();
    }

    internal async Task<IReadOnlyList<Prefix>> Extend(
        Seat seat, IReadOnlyList<Draw> asked, Until until, Sampling sampling, CancellationToken cancel)
    {
        sampling.Check();
        if (!models.IsRemote)
        {
            var work = new DrawWork(seat, asked, until, sampling, cancel);
            return work.IsTrivial ? [.. asked.Select(d => d.Prefix)] : await Ask<DrawWork, Prefix>(draws, work);
        }

        if (seat.HasSpent) return [.. asked.Select(d => d.Prefix.Ended ? d.Prefix : d.Prefix.Lose())];
        Waits(seat, 1);
        try
        {
            var results = await models.Policy.Extend(asked, until, sampling, cancel);
            seat.Drew(asked.Zip(results).Sum(p => (long)Seat.TokensAdded(p.First.Prefix, p.Second)));
            results = [.. asked.Zip(results, (draw, result) => seat.UpToStop(draw.Prefix, result))];
            if (until == Until.TraceEnd && seat.Grown is { } grown)
                foreach (var trace in results) grown(trace);
            return results;
        }
        finally
        {
            Waits(seat, -1);
        }
    }

    internal async Task<IReadOnlyList<Scored>> Score(
        Seat seat, IVerifier verifier, IReadOnlyList<Prefix> prefixes, CancellationToken cancel) =>
        prefixes.Count == 0 ? [] : await Ask<ScoreWork, Scored>(scores, new(seat, verifier, prefixes, cancel));

    private async Task<IReadOnlyList<TAnswer>> Ask<TWork, TAnswer>(List<TWork> list, TWork work) where TWork : Work<TAnswer>
    {
        using (work)
        {
            Waits(work.Seat, 1);
            work.Begin(() => Waits(work.Seat, -1));
            lock (gate)
            {
                if (!isClosed) list.Add(work);
            }

            if (isClosed) work.Fail(ApiError.Stopping());
            changed.Release();
            return await work.Answer;
        }
    }

    /// <summary>Counts the requests that have asked something and wait for it.</summary>
    private void Waits(Seat seat, int more)
    {
        lock (gate)
        {
            var before = seat.Asking;
            seat.Asking += more;
            if (before == 0) waiting++;
            else if (seat.Asking == 0) waiting--;
        }

        changed.Release();
    }

    private async Task Run()
    {
        try
        {
            while (true)
            {
                await Assemble();
                await Draw(Open(draws, work => work.IsOver));
                if (HasScores) await Assemble();
                await Score(Open(scores, work => work.IsOver));
            }
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
        }
    }

    private bool HasScores
    {
        get { lock (gate) return scores.Count > 0; }
    }

    /// <summary>Waits until something is asked, and a moment longer for requests that are about to ask.</summary>
    private async Task Assemble()
    {
        var clock = new Stopwatch();
        while (true)
        {
            lock (gate)
            {
                if (draws.Count + scores.Count > 0)
                {
                    if (waiting >= seats || clock.Elapsed > Patience) return;
                    if (!clock.IsRunning) clock.Start();
                }
            }

            await changed.WaitAsync(clock.IsRunning ? Patience : Timeout.InfiniteTimeSpan, closing.Token);
        }
    }

    /// <summary>The work that is still wanted.</summary>
    private List<TWork> Open<TWork>(List<TWork> list, Predicate<TWork> isOver)
    {
        lock (gate)
        {
            list.RemoveAll(isOver);
            return [.. list];
        }
    }

    private async Task Draw(List<DrawWork> asked)
    {
        foreach (var work in asked.Where(work => work.Seat.HasSpent)) work.Lose();
        foreach (var alike in asked.Where(work => !work.IsOver).GroupBy(work => work.Sampling))
            await Together<DrawWork, Draw, Prefix>([.. alike], work => work.Next(), async (draws, cancel) =>
                await models.Policy.Extend(draws, Until.StepEnd, alike.Key, cancel), (work, steps) => work.Take(steps));
    }

    private async Task Score(List<ScoreWork> asked)
    {
        foreach (var alike in asked.GroupBy(work => work.Verifier, ReferenceEqualityComparer.Instance))
            await Together<ScoreWork, Prefix, Scored>([.. alike], work => work.Next(ScoredAtOnce), async (prefixes, cancel) =>
                await ((IVerifier)alike.Key!).Score(prefixes, cancel), (work, scores) => work.Take(scores));
    }

    /// <summary>
    /// One call for several requests. It stops when all of them have gone. Where it fails, each is asked by itself, so that only those fail
    /// that made it.
    /// </summary>
    private async Task Together<TWork, TAsked, TAnswer>(
        List<TWork> works, Func<TWork, IReadOnlyList<TAsked>> next,
        Func<IReadOnlyList<TAsked>, CancellationToken, Task<IReadOnlyList<TAnswer>>> call, Action<TWork, TAnswer[]> take)
        where TWork : Work<TAnswer>
    {
        var asked = works.ConvertAll(work => next(work));
        using var leaving = new Leaving(works.Select(w => w.Cancel), closing.Token);
        try
        {
            var answers = await call([.. asked.SelectMany(a => a)], leaving.All);
            meters?.Batch<TWork>(answers.Count);
            var from = 0;
            foreach (var (work, part) in works.Zip(asked))
            {
                take(work, [.. answers.Skip(from).Take(part.Count)]);
                from += part.Count;
            }
        }
        catch (OperationCanceledException) when (leaving.All.IsCancellationRequested)
        {
            closing.Token.ThrowIfCancellationRequested();
        }
        catch (Exception e)
        {
            if (works.Count == 1) works[0].Fail(e);
            else
                foreach (var work in works.Where(w => !w.IsOver)) await Together([work], next, call, take);
        }
    }

    /// <summary>Is cancelled when all of several are, or the room closes.</summary>
    private sealed class Leaving : IDisposable
    {
        private readonly CancellationTokenSource all;
        private readonly List<CancellationTokenRegistration> registrations;
        private int present;

        public Leaving(IEnumerable<CancellationToken> tokens, CancellationToken closing)
        {
            all = CancellationTokenSource.CreateLinkedTokenSource(closing);
            List<CancellationToken> watched = [.. tokens];
            present = watched.Count;
            registrations = watched.ConvertAll(token => token.Register(() =>
            {
                if (Interlocked.Decrement(ref present) == 0) all.Cancel();
            }));
        }

        public CancellationToken All => all.Token;

        public void Dispose()
        {
            foreach (var registration in registrations) registration.Dispose();
            all.Dispose();
        }
    }
}
