using System.Diagnostics;
using System.Globalization;

namespace Pav.Cli.Terminal;

/// <summary>
/// How far a piece of long work is; <paramref name="before"/> of it were done by an earlier run and do not count for the rate. Work that
/// comes in batches is told by its rollouts meanwhile: from the second batch on, those of the first ones say how far it is within a batch.
/// </summary>
internal sealed class Tracker(string title, long total, string unit, long before, DrawCount draws)
{
    private static readonly CultureInfo English = CultureInfo.InvariantCulture;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly long drawn = draws.Done;
    private readonly Lock gate = new();
    private readonly long start = before;
    private long done = before, batch, rolloutsAtBatch;
    private string note = "";

    public string Title => title;

    public long Done => Interlocked.Read(ref done);

    /// <summary>Samples that policies finished for this work.</summary>
    public long Rollouts => draws.Done - drawn;

    public TimeSpan Elapsed => clock.Elapsed;

    /// <summary>Sets how much is done, with a word on how it goes.</summary>
    public void At(long value, string word = "")
    {
        lock (gate)
        {
            if (value > Done) (batch, rolloutsAtBatch) = (value - Done, Rollouts);
            Interlocked.Exchange(ref done, value);
            note = word;
        }
    }

    /// <summary>The share that is done, 0 to 1, of a begun batch what its rollouts say.</summary>
    public double Share => Math.Clamp(Units / Math.Max(1, total), 0, 1);

    public string Line()
    {
        string[] parts = [.. new[] { RolloutsText, TimeText, note }.Where(p => p != "")];
        return $"{title}: {Count} ({Math.Floor(100 * Share):0}%){(parts.Length == 0 ? "" : ", ")}{string.Join("; ", parts)}";
    }

    /// <summary>What is done and how it goes, from the fullest way to say it to the shortest.</summary>
    public IEnumerable<string> Ways() =>
    [
        Joined(Count, RolloutsText, TimeText, note), Joined(Count, RolloutsText, TimeText),
        Joined(Count, TimeText == "" ? RolloutsText : TimeText), TimeText == "" ? RolloutsText : TimeText,
    ];

    /// <summary>A line for when nothing changes, with what the work waits for.</summary>
    public string WaitingLine()
    {
        var cause = draws.Waiting > 0 ? string.Create(English, $"{draws.Waiting:N0} rollouts") : $"the next {unit}";
        return $"{Line()}; waiting for {cause}";
    }

    /// <summary>What changes when the work goes on, and not by time alone.</summary>
    public (long Done, long Rollouts, string Note) State => (Done, Rollouts, note);

    public string Closing() => string.Create(
        English, $"{title}: {Done:N0} {unit} in {Span(clock.Elapsed)} ({Rate((Done - start) / Seconds)}){(note == "" ? "" : "; " + note)}");

    public static string Span(TimeSpan t) =>
        t.TotalSeconds < 90 ? $"{t.TotalSeconds:0} s" : t.TotalMinutes < 90
            ? $"{(int)t.TotalMinutes} min {t.Seconds:00} s" : $"{(int)t.TotalHours} h {t.Minutes:00} min";

    private string Count => string.Create(English, $"{Done:N0} of {total:N0} {unit}");

    private string RolloutsText => Rollouts > 0 ? string.Create(English, $"{Rollouts:N0} rollouts") : "";

    private string TimeText =>
        Units > start ? $"{Rate(PerSecond)}, {Span(TimeSpan.FromSeconds(Math.Min(1e8, Math.Max(0, total - Units) / PerSecond)))} left" : "";

    private double Seconds => Math.Max(1e-9, clock.Elapsed.TotalSeconds);

    private double PerSecond => (Units - start) / Seconds;

    /// <summary>Units that are done, the begun batch by the rollouts that a unit took so far; never all of it.</summary>
    private double Units
    {
        get
        {
            lock (gate)
            {
                if (Done <= start || rolloutsAtBatch == 0) return Done;
                var begun = (Rollouts - rolloutsAtBatch) * (Done - start) / (double)rolloutsAtBatch;
                return Done + Math.Min(begun, 0.95 * Math.Min(batch, total - Done));
            }
        }
    }

    private static string Rate(double rate) =>
        string.Create(English, $"{(rate >= 100 ? $"{rate:N0}/s" : rate >= 1 ? $"{rate:0.0}/s" : $"{rate * 60:0.0}/min")}");

    private static string Joined(params string[] parts) => string.Join(", ", parts.Where(p => p != ""));
}
