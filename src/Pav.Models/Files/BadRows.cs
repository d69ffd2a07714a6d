namespace Pav.Models.Files;

/// <summary>What becomes of a row that cannot be used: it ends the reading, or is left out and remembered.</summary>
/// <param name="stop">The first one ends the reading.</param>
/// <param name="remedy">What else to do, said where the reading ends.</param>
public sealed class BadRows(bool stop, string remedy = "")
{
    private const int Shown = 5;
    private readonly List<string> first = [];

    public int Count { get; private set; }

    /// <summary>All rows that were looked at, good ones too.</summary>
    public int Seen { get; internal set; }

    /// <summary>The complaints about the first five, each with file and line.</summary>
    public IReadOnlyList<string> First => first;

    /// <summary>What <paramref name="read"/> makes of a row; null where the row is left out.</summary>
    public T? Try<T>(Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (UserError e)
        {
            Add(e);
            return null;
        }
    }

    public void Add(UserError complaint)
    {
        if (stop) throw remedy == "" ? complaint : new UserError($"{complaint.Message}; {remedy}", complaint);
        Count++;
        if (first.Count < Shown) first.Add(complaint.Message);
    }

    /// <summary>Lines that tell of the rows left out; none where none was.</summary>
    /// <param name="check">What to look into where most of the file is left out.</param>
    public IEnumerable<string> Lines(string check)
    {
        if (Count == 0) yield break;
        if (2 * Count > Seen) yield return $"WARNING: most of the file is not used, {Count:N0} of its {Seen:N0} rows; {check}";
        yield return $"warning: {Count:N0} {(Count == 1 ? "row was" : "rows were")} left out (--on-bad-row stop ends at the first):";
        foreach (var complaint in first) yield return $"  {complaint}";
        if (Count > first.Count) yield return $"  and {Count - first.Count:N0} more";
    }
}
