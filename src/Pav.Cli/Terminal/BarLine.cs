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

    /// <summary>Title and speed; where both do not fit, first the word on how it goes is left out, then the title is cut.</summary>
    public string Describe(Tracker tracker)
    {
        var (title, speed) = (tracker.Title, tracker.Speed());
        if (title.Length + 1 + speed.Length > Words) speed = tracker.Speed(brief: true);
        return Cut($"{Cut(title, Math.Max(LeastTitle, Words - speed.Length - 1))} {speed}".TrimEnd(), Words);
    }

    private static string Cut(string text, int length) => text.Length <= length ? text : $"{text[..(length - 1)]}…";
}
