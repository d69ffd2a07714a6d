namespace Pav.Models.Remote;

/// <summary>
/// How many requests may be in flight at one endpoint: one more for each window of good answers (doubling until the first sign of
/// congestion), half as many after a 429, a tenth
/// less when the time per token has grown to three times the least seen. Not safe for several threads.
/// </summary>
internal sealed class Window(int most)
{
    private const double Tolerance = 3, Smoothing = 0.05, Start = 8, Quiet = 4;

    private const int Patience = 64;

    private readonly double limit = most;
    private double most = most;
    private double size = Math.Min(Start, most), cutFrom, pace, least = double.PositiveInfinity;
    private bool congested;
    private long answers, cutAt, raisedAt;

    public int Size => Math.Max(1, (int)size);

    /// <summary>An answer came.</summary>
    /// <param name="seconds">After so long.</param>
    /// <param name="tokens">With so many generated tokens.</param>
    /// <param name="full">The window was in use to its end: only then it may grow.</param>
    public void Answered(double seconds, long tokens, bool full)
    {
        answers++;
        if (most < limit && answers - raisedAt >= Patience * most) (most, raisedAt) = (most + 1, answers);
        var one = seconds / (8 + tokens);
        pace = pace == 0 ? one : pace + Smoothing * (one - pace);

        // The least drifts up slowly, so that a server that has become slower for good is not starved.
        least = Math.Min(pace, least * 1.00002);
        if (pace > Tolerance * least && size > Quiet) Cut(0.9, Quiet);
        else if (full) size = Math.Min(most, size + (congested ? 1 / size : 1));
    }

    /// <summary>The endpoint said that it has too much to do.</summary>
    /// <returns>Whether the window is smaller now.</returns>
    public bool Busy()
    {
        answers++;
        return Cut(0.5, 1);
    }

    /// <summary>So many requests at once did not fit its memory. As many will not be sent for a while, then one more.</summary>
    /// <returns>Whether the window is smaller now.</returns>
    public bool TooMany()
    {
        var before = Size;
        if (!Busy() || before < 2) return false;
        (most, raisedAt) = (Math.Max(1, before - 1), answers);
        return true;
    }

    /// <summary>It failed: what comes back begins anew.</summary>
    public void Reset() => (size, congested, pace) = (1, false, 0);

    /// <summary>At most one cut for each window of answers: those in flight were sent before it.</summary>
    private bool Cut(double factor, double atLeast)
    {
        congested = true;
        if (answers - cutAt < cutFrom) return false;
        (cutAt, cutFrom) = (answers, size);
        size = Math.Max(atLeast, size * factor);
        return true;
    }
}
