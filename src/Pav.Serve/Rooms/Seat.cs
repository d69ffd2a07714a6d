using System.Diagnostics;
using Pav.Models;
using Pav.Models.Engine;

namespace Pav.Serve.Rooms;

/// <summary>
/// One request's place in the <see cref="EngineRoom"/>: policy and verifiers as if it were alone with them, and what that has cost so far.
/// </summary>
internal sealed class Seat : IPolicy, IDisposable
{
    private readonly EngineRoom room;
    private readonly CancellationTokenSource cancel;
    private readonly Meters? meters;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private long generated, scored;
    private int left, begun;

    internal Seat(EngineRoom room, ServedModels models, Meters? meters, CancellationToken cancel)
    {
        (this.room, Models, this.meters) = (room, models, meters);
        this.cancel = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Cancel = this.cancel.Token;
    }

    public ServedModels Models { get; }

    public string Name => Models.Name;

    /// <summary>Ends the request's work: its client has gone, or has spent what it may.</summary>
    public CancellationToken Cancel { get; }

    /// <summary>Tokens drawn for this request.</summary>
    public long GeneratedTokens => Interlocked.Read(ref generated);

    /// <summary>Tokens that verifiers have read for it; what they still held from others is not counted.</summary>
    public long ScoredTokens => Interlocked.Read(ref scored);

    /// <summary>Tokens that the request may generate in all; when they are spent, traces that have not ended are lost.</summary>
    public long Budget { get; set; } = long.MaxValue;

    /// <summary>Texts that end a trace, besides the policy's own; it is cut before them.</summary>
    public TraceStops Stops { get; set; } = TraceStops.None;

    /// <summary>Is told of whole traces while they grow: each prefix that has just got another step.</summary>
    public Action<Prefix>? Grown { get; set; }

    /// <summary>Is told of every prefix that was scored.</summary>
    public Action<IVerifier, Prefix, Scored>? Judged { get; set; }

    internal bool HasSpent => GeneratedTokens >= Budget;

    /// <summary>Questions of this request that wait for an answer; the room counts them.</summary>
    internal int Asking { get; set; }

    public Task<IReadOnlyList<Prefix>> Extend(
        IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel = default) =>
        room.Extend(this, draws, until, sampling, Cancel);

    /// <summary>Scores every step of every prefix.</summary>
    public async Task<IReadOnlyList<Scored>> Score(IVerifier verifier, IReadOnlyList<Prefix> prefixes)
    {
        var scores = await room.Score(this, verifier, prefixes, Cancel);
        if (Judged is { } judged)
            foreach (var (prefix, score) in prefixes.Zip(scores)) judged(verifier, prefix, score);
        return scores;
    }

    /// <summary>Log-probabilities of a trace's steps after so many of them; what the policy reads for that counts as scored.</summary>
    public async Task<TraceLogprobs> Logprobs(Prefix trace, int after, int top)
    {
        var told = await Models.Logprobs!(trace, after, top, Cancel);
        Scored(told.Read);
        return told;
    }

    /// <summary>The verifier, asked from this place.</summary>
    public IVerifier Through(IVerifier verifier) => new SeatedVerifier(this, verifier);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref left, 1) == 1) return;
        cancel.Cancel();
        room.Leave();
        cancel.Dispose();
    }

    /// <summary>The new steps after a prefix, up to the first stop.</summary>
    internal Prefix UpToStop(Prefix before, Prefix after)
    {
        if (Stops.Texts.Count == 0) return after;
        var prefix = before.Half ? before.Parent! : before;
        foreach (var node in after.Path().Skip(prefix.Depth + 1))
        {
            if (Stops.In(Stops.Tail(prefix), node.Step) is { } stop)
                return prefix.Then(node.Step[..stop.Cut], ended: true, tokenCount: node.TokenCount);
            prefix = node;
        }

        return after;
    }

    /// <summary>Tokens of a draw: a step that was half written before counts what was added to it.</summary>
    internal static int TokensAdded(Prefix before, Prefix after) => after.TokensSince() - before.TokensSince();

    internal void Drew(long tokens)
    {
        Begin();
        Interlocked.Add(ref generated, tokens);
        meters?.Drew(tokens);
    }

    internal void Scored(long tokens)
    {
        Begin();
        Interlocked.Add(ref scored, tokens);
        meters?.Scored(tokens);
    }

    private void Begin()
    {
        if (Interlocked.Exchange(ref begun, 1) == 0) meters?.First(clock.Elapsed);
    }

    /// <summary>Caches are everybody's: what one search has ended with another may need, and the oldest go by themselves.</summary>
    private sealed class SeatedVerifier(Seat seat, IVerifier verifier) : IVerifier
    {
        public string Name => verifier.Name;

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            seat.Score(verifier, prefixes);
    }
}
