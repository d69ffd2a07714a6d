using System.Diagnostics;

namespace Pav.Serve.Rooms;

/// <summary>
/// The places of one request that asks for several searches. Its turn is over when it is disposed, and then all its places are left.
/// </summary>
internal sealed class SeatRow : IDisposable
{
    private readonly CancellationTokenSource cancel;
    private readonly CancellationToken client;
    private readonly IDisposable turn;
    private readonly Meters meters;
    private readonly Stopwatch clock = Stopwatch.StartNew();

    internal SeatRow(EngineRoom room, int count, IDisposable turn, Meters meters, CancellationToken client)
    {
        (this.turn, this.meters, this.client) = (turn, meters, client);
        cancel = CancellationTokenSource.CreateLinkedTokenSource(client);
        Seats = [.. Enumerable.Range(0, count).Select(_ => room.Enter(cancel.Token))];
    }

    public IReadOnlyList<Seat> Seats { get; }

    public long GeneratedTokens => Seats.Sum(s => s.GeneratedTokens);

    public long ScoredTokens => Seats.Sum(s => s.ScoredTokens);

    public TimeSpan Elapsed => clock.Elapsed;

    /// <summary>Drops what the places still ask.</summary>
    public void Stop() => cancel.Cancel();

    public void Dispose()
    {
        meters.Left(clock.Elapsed, client.IsCancellationRequested);
        cancel.Cancel();
        foreach (var seat in Seats) seat.Dispose();
        turn.Dispose();
        cancel.Dispose();
    }
}
