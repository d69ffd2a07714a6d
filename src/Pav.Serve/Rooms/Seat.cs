namespace Pav.Serve.Rooms;

/// <summary>One request's place in the <see cref="EngineRoom"/>: policy and verifiers as if it were alone with them, and what that has cost so far.</summary>
public sealed class Seat : IPolicy, IDisposable
{
    private readonly EngineRoom room;
    private readonly CancellationTokenSource cancel;
    private readonly IDisposable? turn;
    private long generated, scored;
    private int left;

    internal Seat(EngineRoom room, ServedModels models, CancellationToken cancel, IDisposable? turn)
    {
        (this.room, Models, this.turn) = (room, models, turn);
        this.cancel = CancellationTokenSource.CreateLinkedTokenSource(cancel);
    }

    public ServedModels Models { get; }

    public string Name => Models.Name;

    /// <summary>Ends the request's work: its client has gone, or has spent what it may.</summary>
    public CancellationToken Cancel => cancel.Token;

    /// <summary>Tokens drawn for this request.</summary>
    public long GeneratedTokens => Interlocked.Read(ref generated);

    /// <summary>Tokens that verifiers have read for it; what they still held from others is not counted.</summary>
    public long ScoredTokens => Interlocked.Read(ref scored);

    /// <summary>Questions of this request that wait for an answer; the room counts them.</summary>
    internal int Asking { get; set; }

    public Task<IReadOnlyList<Prefix>> Extend(
        IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default) =>
        room.Extend(this, draws, until, sampling, Cancel);

    /// <summary>Scores every step of every prefix.</summary>
    public Task<IReadOnlyList<Scored>> Score(IVerifier verifier, IReadOnlyList<Prefix> prefixes) => room.Score(this, verifier, prefixes, Cancel);

    /// <summary>The verifier, asked from this place.</summary>
    public IVerifier Through(IVerifier verifier) => new SeatedVerifier(this, verifier);

    /// <summary>Drops all that this request has asked and waits for.</summary>
    public void Stop() => cancel.Cancel();

    public void Dispose()
    {
        if (Interlocked.Exchange(ref left, 1) == 1) return;
        cancel.Cancel();
        room.Leave();
        turn?.Dispose();
        cancel.Dispose();
    }

    internal void Drew(long tokens) => Interlocked.Add(ref generated, tokens);

    internal void Scored(long tokens) => Interlocked.Add(ref scored, tokens);

    /// <summary>Caches are everybody's: what one search has ended with another may need, and the oldest go by themselves.</summary>
    private sealed class SeatedVerifier(Seat seat, IVerifier verifier) : IVerifier
    {
        public string Name => verifier.Name;

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) => seat.Score(verifier, prefixes);
    }
}
