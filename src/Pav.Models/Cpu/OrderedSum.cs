namespace Pav.Models.Cpu;

/// <summary>
/// Adds up the gradients and losses of a call's parts in the order of the parts, whichever is done first: the same bits for any number of
/// threads. A thread that is ahead of its turn leaves its gradients here and goes on in another buffer; there is one more than threads.
/// </summary>
internal sealed unsafe class OrderedSum(Floats sum, int threads) : IDisposable
{
    private readonly Stack<Floats> free = [];
    private readonly Dictionary<int, (Floats Gradients, double Loss)> early = [];
    private int made, next;
    private bool failed;

    /// <summary>Buffers that so many threads make at most.</summary>
    public static int Buffers(int threads) => threads == 1 ? 1 : threads + 1;

    /// <summary>The sum of the losses.</summary>
    public double Loss { get; private set; }

    public void Begin()
    {
        (next, Loss, failed) = (0, 0, false);
        foreach (var (gradients, _) in early.Values) free.Push(gradients);
        early.Clear();
    }

    /// <summary>
    /// Room for a part's gradients, with anything in it; null where another thread failed. To be asked for before the part is taken: who
    /// waits for room holds no part that others wait for.
    /// </summary>
    public Floats? Rent()
    {
        lock (free)
        {
            while (!failed && free.Count == 0 && made == Buffers(threads)) Monitor.Wait(free);
            if (failed) return null;
            if (free.TryPop(out var buffer)) return buffer;
            made++;
            return new(sum.Length);
        }
    }

    /// <summary>Takes back what was not used.</summary>
    public void Return(Floats buffer)
    {
        lock (free)
        {
            free.Push(buffer);
            Monitor.PulseAll(free);
        }
    }

    /// <summary>Takes back what the part did not fill, and lets nobody wait for it.</summary>
    public void Fail(Floats buffer)
    {
        lock (free)
        {
            failed = true;
            free.Push(buffer);
            Monitor.PulseAll(free);
        }
    }

    public void Add(int part, Floats gradients, double loss)
    {
        lock (free)
        {
            early.Add(part, (gradients, loss));
            while (early.Remove(next, out var turn))
            {
                RowKernels.Add(turn.Gradients.Data, sum.Data, sum.Length);
                Loss += turn.Loss;
                free.Push(turn.Gradients);
                next++;
            }

            Monitor.PulseAll(free);
        }
    }

    public void Dispose()
    {
        Begin();
        while (free.TryPop(out var buffer)) buffer.Dispose();
    }
}
