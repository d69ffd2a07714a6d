namespace Pav;

/// <summary>What a user should know and a run can go on with. Each sentence is told once.</summary>
public static class Warnings
{
    private static readonly HashSet<string> Told = [];

    /// <summary>Where they go.</summary>
    public static Action<string> Write { get; set; } = sentence => Console.Error.WriteLine($"pav: warning: {sentence}");

    public static void Tell(string sentence)
    {
        lock (Told)
            if (!Told.Add(sentence)) return;
        Write(sentence);
    }
}
