namespace Pav.Serve.Rooms;

/// <summary>What one call of a request asks of the engine, until it is answered whole or the request has gone.</summary>
internal abstract class Work<TAnswer>(Seat seat, int count, CancellationToken cancel) : IDisposable
{
    private readonly TaskCompletionSource<IReadOnlyList<TAnswer>> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenRegistration registration;
    private Action? ended;

    public Seat Seat => seat;

    public CancellationToken Cancel => cancel;

    public Task<IReadOnlyList<TAnswer>> Answer => done.Task;

    public bool IsOver => done.Task.IsCompleted;

    protected TAnswer[] Answers { get; } = new TAnswer[count];

    /// <summary>From now on it may be answered or cancelled.</summary>
    /// <param name="whenOver">Called once, before whoever waits for the answer goes on.</param>
    public void Begin(Action whenOver)
    {
        ended = whenOver;
        registration = cancel.Register(() => End(source => source.TrySetCanceled(cancel)));
    }

    public void Fail(Exception e) => End(source => source.TrySetException(e));

    public void Dispose() => registration.Dispose();

    protected void Finish() => End(source => source.TrySetResult(Answers));

    private void End(Action<TaskCompletionSource<IReadOnlyList<TAnswer>>> end)
    {
        if (Interlocked.Exchange(ref ended, null) is not { } told) return;
        told();
        end(done);
    }
}

/// <summary>Draws that grow step by step; whole traces by as many rounds as they have steps.</summary>
internal sealed class DrawWork : Work<Prefix>
{
    private readonly ulong[] seeds;
    private readonly List<int> open;
    private readonly Until until;

    public DrawWork(Seat seat, IReadOnlyList<Draw> asked, Until until, Sampling sampling, CancellationToken cancel)
        : base(seat, asked.Count, cancel)
    {
        (this.until, Sampling) = (until, sampling);
        for (var i = 0; i < asked.Count; i++) Answers[i] = asked[i].Prefix;
        seeds = [.. asked.Select(d => d.Seed)];
        open = [.. Enumerable.Range(0, asked.Count).Where(i => !Answers[i].Ended)];
    }

    /// <summary>Nothing can be added to what was asked: every prefix has ended.</summary>
    public bool IsTrivial => open.Count == 0;

    public Sampling Sampling { get; }

    /// <summary>Gives up what has not ended.</summary>
    public void Lose()
    {
        foreach (var i in open) Answers[i] = Answers[i].Lose();
        Finish();
    }

    /// <summary>The draws of the next round.</summary>
    public IReadOnlyList<Draw> Next() => [.. open.Select(i => new Draw(Answers[i], seeds[i]))];

    /// <summary>Takes the next step of each of these draws.</summary>
    public void Take(ReadOnlySpan<Prefix> steps)
    {
        long tokens = 0;
        for (var j = 0; j < open.Count; j++)
        {
            var (i, used) = (open[j], Seat.TokensAdded(Answers[open[j]], steps[j]));
            (Answers[i], seeds[i], tokens) = (Seat.UpToStop(Answers[i], steps[j]), Seeds.After(seeds[i], used), tokens + used);
            if (until == Until.TraceEnd) Seat.Grown?.Invoke(Answers[i]);
        }

        Seat.Drew(tokens);
        if (until == Until.StepEnd) open.Clear();
        else open.RemoveAll(i => Answers[i].Ended);
        if (open.Count == 0) Finish();
    }
}

/// <summary>Prefixes to be scored, a part of a long list in each round.</summary>
internal sealed class ScoreWork(Seat seat, IVerifier verifier, IReadOnlyList<Prefix> prefixes, CancellationToken cancel)
    : Work<Scored>(seat, prefixes.Count, cancel)
{
    private int scored;

    public IVerifier Verifier => verifier;

    /// <summary>At most so many of the prefixes that have no score yet.</summary>
    public IReadOnlyList<Prefix> Next(int most) => [.. prefixes.Skip(scored).Take(most)];

    /// <summary>Takes the scores of these.</summary>
    public void Take(ReadOnlySpan<Scored> scores)
    {
        long tokens = 0;
        foreach (var score in scores)
        {
            Answers[scored++] = score;
            tokens += score.Tokens;
        }

        Seat.Scored(tokens);
        if (scored == prefixes.Count) Finish();
    }
}
