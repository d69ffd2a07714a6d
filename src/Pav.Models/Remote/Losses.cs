namespace Pav.Models.Remote;

/// <summary>A problem with draws that got no usable answer.</summary>
/// <param name="Problem">Its id.</param>
/// <param name="Draws">How many.</param>
/// <param name="Reason">Of the last of them.</param>
public sealed record LostDraw(string Problem, int Draws, string Reason);

/// <summary>All draws that got no usable answer, by problem.</summary>
public sealed record LostDraws(IReadOnlyList<LostDraw> Problems)
{
    public int Draws => Problems.Sum(p => p.Draws);

    /// <summary>For a person; null where nothing was lost.</summary>
    public string? Sentence()
    {
        if (Problems.Count == 0) return null;
        var some = string.Join("; ", Problems.Take(3).Select(p => $"problem {p.Problem}, {Counted(p.Draws, "draw")}: {p.Reason}"));
        var more = Problems.Count > 3 ? $"; and {Problems.Count - 3} more" : "";
        return $"{Counted(Draws, "draw")} of {Counted(Problems.Count, "problem")} got no usable answer; "
            + (Draws == 1 ? "labels leave it out, elsewhere it counts" : "labels leave them out, elsewhere they count")
            + $" as wrong ({some}{more})";
    }

    private static string Counted(int n, string what) => $"{n:N0} {what}{(n == 1 ? "" : "s")}";
}

/// <summary>
/// Counts draws that got no usable answer, and ends a run in which nothing else happens any more. Safe for several threads.
/// </summary>
internal sealed class Losses
{
    private const int MostInARow = 8;

    private readonly Lock gate = new();
    private readonly Dictionary<string, LostDraw> problems = [];
    private readonly HashSet<string> inARow = [];
    private bool answered;

    public void Answered()
    {
        lock (gate)
        {
            answered = true;
            inARow.Clear();
        }
    }

    /// <param name="problem">Its id.</param>
    /// <param name="draws">How many of its draws.</param>
    /// <param name="reason">What was wrong.</param>
    /// <param name="doesNotFit">The problem is too long for the context, which says nothing of the others.</param>
    public void Add(string problem, int draws, string reason, bool doesNotFit)
    {
        lock (gate)
        {
            problems[problem] = new(problem, draws + (problems.TryGetValue(problem, out var before) ? before.Draws : 0), reason);
            if (!doesNotFit && inARow.Add(problem) && inARow.Count >= MostInARow)
                throw new UserError($"{inARow.Count} problems in a row got no usable answer, so nothing is to be expected of the others; "
                    + $"the last: {reason}");
        }
    }

    /// <summary>Ends a call that came to nothing, if none before it came to something.</summary>
    public void CheckAny()
    {
        lock (gate)
            if (!answered && problems.Count > 0) throw new UserError($"no request was answered: {problems.Values.Last().Reason}");
    }

    public LostDraws Told()
    {
        lock (gate) return new([.. problems.Values]);
    }
}
