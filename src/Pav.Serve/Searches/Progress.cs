using System.Globalization;

namespace Pav.Serve.Searches;

/// <summary>What a search does, in one short line for each step that it keeps, for people who wait for the answer.</summary>
/// <param name="say">Gets the lines, from one thread at a time.</param>
internal sealed class Progress(Asked asked, Action<string> say)
{
    private const int LongestStep = 60;

    private readonly Lock gate = new();
    private int traces;

    public void Tell(StepNews news)
    {
        if (news.Change != StepChange.Settled || news.Node.Fate is not (Fate.Kept or Fate.Finished)) return;
        var (node, fate) = (news.Node, news.Node.Fate == Fate.Kept ? "kept" : "finished");
        var values = double.IsNaN(node.Reward) ? ""
            : string.Create(CultureInfo.InvariantCulture, $" (Q {node.Q:0.00}, A {node.A:+0.00;-0.00})");
        Say($"step {node.Prefix.Depth} {fate}: {Short(node.Prefix.Step)}{values}");
    }

    /// <summary>A trace that was drawn by itself has a new step.</summary>
    public void Grew(Prefix prefix)
    {
        if (prefix.Ended) Say($"trace {Interlocked.Increment(ref traces)} of {asked.N}: {Short(prefix.Step)}");
    }

    private void Say(string line)
    {
        lock (gate) say(line + "\n");
    }

    private static string Short(string step)
    {
        var line = step.Trim().ReplaceLineEndings(" ");
        if (line.Length <= LongestStep) return line;
        return line[..(char.IsHighSurrogate(line[LongestStep - 1]) ? LongestStep - 1 : LongestStep)] + " …";
    }
}
