namespace Pav.Models.Inference;

/// <summary>
/// Threads that do one thing after another in parts, and wait for each other in between without going to sleep: a token's step is over in
/// a fraction of a millisecond. The caller takes parts too, so that all gets done even where no other thread ever comes.
/// </summary>
internal sealed class Crew(int size)
{
    private const int Bits = 20, Most = (1 << Bits) - 1;

    /// <summary>Which thing it is, how many parts it has, and the next that nobody has taken.</summary>
    private long ticket;
    private Action<int> work = _ => { };
    private Exception? failure;
    private int finished, session, isOpen;

    public int Size => size;

    /// <summary>Calls the others. Until <see cref="Close"/> they wait for parts.</summary>
    public void Open()
    {
        if (size == 1) return;
        var now = ++session;
        Volatile.Write(ref isOpen, now);
        for (var i = 1; i < size; i++) ThreadPool.UnsafeQueueUserWorkItem(_ => Help(now), null);
    }

    public void Close() => Volatile.Write(ref isOpen, 0);

    /// <summary>Does the parts 0 … parts − 1 and comes back when all are done; throws what one of them threw.</summary>
    public void Do(int parts, Action<int> part)
    {
        if (parts == 1 || Volatile.Read(ref isOpen) == 0)
        {
            for (var p = 0; p < parts; p++) part(p);
            return;
        }

        (work, failure, finished) = (part, null, 0);
        Volatile.Write(ref ticket, (((ticket >> 2 * Bits) + 1) << 2 * Bits) | ((long)parts << Bits));
        while (Take())
        {
        }

        var wait = default(SpinWait);
        while (Volatile.Read(ref finished) < parts) wait.SpinOnce(sleep1Threshold: -1);
        if (failure is { } thrown) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
    }

    private void Help(int called)
    {
        var wait = default(SpinWait);
        while (Volatile.Read(ref isOpen) == called)
            if (Take()) wait = default;
            else wait.SpinOnce(sleep1Threshold: -1);
    }

    /// <summary>Does a part that nobody has taken; false if there is none.</summary>
    private bool Take()
    {
        var seen = Volatile.Read(ref ticket);
        var (part, parts) = ((int)(seen & Most), (int)((seen >> Bits) & Most));
        if (part >= parts) return false;
        if (Interlocked.CompareExchange(ref ticket, seen + 1, seen) != seen) return true;
        try
        {
            work(part);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref failure, e, null);
        }

        Interlocked.Increment(ref finished);
        return true;
    }
}
