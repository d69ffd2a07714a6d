using System.Diagnostics;
using System.Globalization;

namespace Pav.Cli.Terminal;

/// <summary>How far a piece of long work is; <paramref name="before"/> of it were done by an earlier run and do not count for the rate.</summary>
internal sealed class Tracker(string title, long total, string unit, long before)
{
    private static readonly CultureInfo English = CultureInfo.InvariantCulture;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly long start = before;
    private long done = before;
    private string note = "";

    public string Title => title;

    public long Total => total;

    public long Done => Interlocked.Read(ref done);

    public TimeSpan Elapsed => clock.Elapsed;

    /// <summary>Sets how much is done, with a word on how it goes.</summary>
    public void At(long value, string word = "")
    {
        Interlocked.Exchange(ref done, value);
        note = word;
    }

    public string Line() => string.Create(English, $"{title}: {Done:N0} of {total:N0} {unit} ({100.0 * Done / Math.Max(1, total):0}%){Prefixed(Speed())}");

    /// <summary>Rate, time left, and the last word on how it goes.</summary>
    public string Speed()
    {
        var rate = PerSecond;
        var parts = new List<string>();
        if (rate > 0) parts.Add($"{Rate(rate)}, {Span(TimeSpan.FromSeconds(Math.Min(1e8, Math.Max(0, total - Done) / rate)))} left");
        if (note != "") parts.Add(note);
        return string.Join("; ", parts);
    }

    public string Closing() => string.Create(English, $"{title}: {Done:N0} {unit} in {Span(clock.Elapsed)} ({Rate(PerSecond)}){(note == "" ? "" : "; " + note)}");

    public static string Span(TimeSpan t) => t.TotalSeconds < 90 ? $"{t.TotalSeconds:0} s" : t.TotalMinutes < 90 ? $"{(int)t.TotalMinutes} min {t.Seconds:00} s" : $"{(int)t.TotalHours} h {t.Minutes:00} min";

    private double PerSecond => (Done - start) / Math.Max(1e-9, clock.Elapsed.TotalSeconds);

    private static string Rate(double rate) => string.Create(English, $"{(rate >= 100 ? $"{rate:N0}/s" : rate >= 1 ? $"{rate:0.0}/s" : $"{rate * 60:0.0}/min")}");

    private static string Prefixed(string text) => text == "" ? "" : ", " + text;
}
