using System.Threading.RateLimiting;
using Pav.Serve.Wire;

namespace Pav.Serve.Rooms;

/// <summary>
/// Where requests come in: they get a place in the engine room when it is their turn, are told to come back where too many wait, and that
/// the server is not ready while its models load.
/// </summary>
internal sealed class Desk : IAsyncDisposable
{
    /// <summary>What clients are told to wait.</summary>
    private static readonly TimeSpan Loading = TimeSpan.FromSeconds(2), Full = TimeSpan.FromSeconds(1);

    private readonly ConcurrencyLimiter turns;
    private EngineRoom? room;
    private ServedModels? models;

    public Desk(ServeOptions options)
    {
        Options = options;
        turns = new(new()
        {
            PermitLimit = options.Concurrent, QueueLimit = options.Queue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });
        Meters.Watch(() => Load);
    }

    public ServeOptions Options { get; }

    public Meters Meters { get; } = new();

    public bool IsReady => room is not null;

    /// <summary>What is served; an error 503 while it is loading.</summary>
    public ServedModels Models =>
        models ?? throw ApiError.Later(503, "the models are still being loaded; try again in a moment", "loading", Loading);

    /// <summary>Requests that are worked on, and that wait for their turn.</summary>
    public (int Working, int Waiting) Load
    {
        get
        {
            var now = turns.GetStatistics()!;
            return ((int)(Options.Concurrent - now.CurrentAvailablePermits), (int)now.CurrentQueuedCount);
        }
    }

    /// <summary>Opens the room: from now on requests are answered.</summary>
    public void Open(ServedModels loaded) => (models, room) = (loaded, new(loaded, Meters));

    /// <summary>So many places in the room, when it is this request's turn; an error 429 where the queue is full.</summary>
    public async Task<SeatRow> EnterAll(int count, CancellationToken cancel)
    {
        var turn = await Turn(cancel);
        return new(room!, count, turn, Meters, cancel);
    }

    public async ValueTask DisposeAsync()
    {
        if (room is not null) await room.DisposeAsync();
        await turns.DisposeAsync();
        Meters.Dispose();
    }

    private async Task<RateLimitLease> Turn(CancellationToken cancel)
    {
        _ = Models;
        RateLimitLease turn;
        try
        {
            turn = await turns.AcquireAsync(1, cancel);
        }
        catch (ObjectDisposedException)
        {
            throw ApiError.Stopping();
        }

        if (turn.IsAcquired) return turn;
        turn.Dispose();
        throw ApiError.Later(429, $"{Options.Queue} requests wait already; try again later", "rate_limit_exceeded", Full);
    }
}
