namespace Pav.Models.Remote;

/// <summary>A request that waits for an endpoint.</summary>
internal sealed class Ticket(Endpoint? avoid)
{
    private readonly TaskCompletionSource<Endpoint> given = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Failed it a moment ago, or has it in hand already: another one is better.</summary>
    public Endpoint? Avoid => avoid;

    public Task<Endpoint> Given => given.Task;

    public bool Give(Endpoint endpoint) => given.TrySetResult(endpoint);

    public void Cancel(CancellationToken cancel) => given.TrySetCanceled(cancel);
}

/// <summary>
/// Requests that wait, in one queue for each endpoint. A request's endpoint is the one that its prefix always goes to, so that the server's
/// prefix cache is hit; an endpoint with room
/// and an empty queue takes from the end of the longest. Not safe for several threads: the <see cref="EndpointPool"/> holds its lock.
/// </summary>
internal sealed class EndpointQueue(IReadOnlyList<Endpoint> endpoints)
{
    private readonly Dictionary<Endpoint, LinkedList<Ticket>> waiting = [];

    public void Add(Ticket ticket, ulong key)
    {
        var home = endpoints.MaxBy(e => (e.Health.Usable, e != ticket.Avoid, Seeds.Mix(key ^ e.Hash)))!;
        Queue(home).AddLast(ticket);
        Fill(home);
        if (!ticket.Given.IsCompleted) FillAll();
    }

    public void FillAll()
    {
        foreach (var endpoint in endpoints) Fill(endpoint);
    }

    /// <summary>Gives an endpoint requests while it has room: its own, then those of the longest queue.</summary>
    private void Fill(Endpoint endpoint)
    {
        while (endpoint.Health.HasRoom && Next(endpoint) is { } ticket)
            if (ticket.Give(endpoint)) endpoint.Health.Sent();
    }

    /// <summary>
    /// Its own requests from the front, those of others from the back: what is left of a prefix and its problem stays together on either
    /// side.
    /// </summary>
    private Ticket? Next(Endpoint endpoint)
    {
        if (Queue(endpoint).First is { } first) return Take(first);
        var longest = endpoints.MaxBy(e => Queue(e).Count)!;
        if (Queue(longest).Last is not { } other) return null;

        // Its own endpoint will take what has just failed here, if that one can.
        return other.Value.Avoid == endpoint && longest.Health.Usable ? null : Take(other);
    }

    private LinkedList<Ticket> Queue(Endpoint endpoint) => waiting.TryGetValue(endpoint, out var queue) ? queue : waiting[endpoint] = [];

    private static Ticket Take(LinkedListNode<Ticket> node)
    {
        node.List!.Remove(node);
        return node.Value;
    }
}
