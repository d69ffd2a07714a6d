using Pav.Models.Inference;

namespace Pav.Models.Engine;

/// <summary>
/// The draws of a call, shared out to several engines. Those of one problem go together, to the engine that holds most of their contexts;
/// what waits where most is left goes to an engine that has nothing waiting. Safe to use from many threads.
/// </summary>
internal sealed class DrawShares
{
    /// <summary>Draws of one problem that go together in any case: their context is read once.</summary>
    private const int Least = 8;

    private readonly Lock gate = new();
    private readonly LinkedList<int[]>[] waiting;

    /// <summary>Draws of each engine that are not finished.</summary>
    private readonly int[] left;

    /// <param name="draws">Of the call.</param>
    /// <param name="held">For each engine: how many ids of a context it holds.</param>
    public DrawShares(IReadOnlyList<IdDraw> draws, IReadOnlyList<Func<int[][], int>> held)
    {
        waiting = [.. held.Select(_ => new LinkedList<int[]>())];
        left = new int[held.Count];
        var most = Math.Max(Least, (draws.Count + held.Count - 1) / held.Count);
        foreach (var problem in Enumerable.Range(0, draws.Count).GroupBy(i => new IdList(draws[i].Context[0])))
            foreach (var share in problem.Chunk(most))
            {
                var contexts = share.Select(i => draws[i].Context).Distinct().ToList();
                var known = held.Select(h => contexts.Sum(h)).ToArray();
                var engine = Enumerable.Range(0, held.Count).OrderByDescending(e => known[e]).ThenBy(e => left[e]).First();
                waiting[engine].AddLast(share);
                left[engine] += share.Length;
            }
    }

    /// <summary>Is anything waiting for an engine, or may be moved to it?</summary>
    public bool Has(int engine)
    {
        lock (gate) return From(engine) is not null;
    }

    /// <summary>Indices of the next draws for an engine, of one problem; null: there are none for it.</summary>
    public int[]? Next(int engine)
    {
        lock (gate)
        {
            if (From(engine) is not { } from) return null;
            var share = from == engine ? waiting[from].First!.Value : waiting[from].Last!.Value;
            if (from == engine) waiting[from].RemoveFirst();
            else waiting[from].RemoveLast();
            left[from] -= share.Length;
            left[engine] += share.Length;
            return share;
        }
    }

    /// <summary>So many draws of an engine are over.</summary>
    public void Finish(int engine, int count)
    {
        lock (gate) left[engine] -= count;
    }

    /// <summary>The engine whose draws come next for this one: itself, or that with most left, where this one then has less left than that
    /// has now.</summary>
    private int? From(int engine)
    {
        if (waiting[engine].Count > 0) return engine;
        var others = Enumerable.Range(0, left.Length).Where(e => waiting[e].Count > 0).ToList();
        if (others.Count == 0) return null;
        var fullest = others.MaxBy(e => left[e]);
        return left[engine] + waiting[fullest].Last!.Value.Length < left[fullest] ? fullest : null;
    }
}
