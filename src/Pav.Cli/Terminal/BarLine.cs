namespace Pav.Cli.Terminal;

/// <summary>A live line: what is done in words, then the bar. The words give way, so that bar and share are always there.</summary>
/// <param name="Bar">Columns of the bar.</param>
/// <param name="Words">Columns for the words before it.</param>
internal sealed record BarLine(int Bar, int Words)
{
    /// <summary>The share, and the gaps between the parts.</summary>
    private const int Rest = 8;

    private const int LeastTitle = 12;

    public static BarLine For(int width)
    {
        var bar = Math.Clamp(width / 4, 8, 40);
        return new(bar, Math.Max(LeastTitle, width - bar - Rest));
    }

    /// <summary>Title and progress, in the fullest way that fits beside the title or, where none does, beside its beginning.</summary>
    public string Describe(Tracker tracker)
    {
        var ways = tracker.Ways().ToList();
        string? Beside(int title) => ways.FirstOrDefault(w => title + 2 + w.Length <= Words);
        var way = Beside(tracker.Title.Length) ?? Beside(LeastTitle) ?? ways[^1];
        return Cut(way == "" ? tracker.Title : $"{Cut(tracker.Title, Math.Max(LeastTitle, Words - way.Length - 2))}: {way}", Words);
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : $"{text[..(length - 1)]}…";
}
