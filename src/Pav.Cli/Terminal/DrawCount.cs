namespace Pav.Cli.Terminal;

/// <summary>Draws that a command's policies were asked for and have done: progress within a batch. Counted from any thread.</summary>
internal sealed class DrawCount
{
    private long asked, done;

    public long Done => Interlocked.Read(ref done);

    /// <summary>Draws that were asked for and are not done.</summary>
    public long Waiting => Math.Max(0, Interlocked.Read(ref asked) - Done);

    public void Ask(int draws) => Interlocked.Add(ref asked, draws);

    public void Finish(int draws) => Interlocked.Add(ref done, draws);
}
