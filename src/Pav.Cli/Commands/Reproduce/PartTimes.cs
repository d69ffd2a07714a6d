using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Shared;
using Pav.Models.Files;
using Pav.Report.Reproduction;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>How long the parts to come will take, told by those that are finished: of the same kind, else of the same command.</summary>
internal sealed class TimeLeft(IReadOnlyList<Part> parts, int atOnce)
{
    /// <summary>Seconds of the parts that are known to be finished.</summary>
    private readonly ConcurrentDictionary<string, double> finished = [];

    /// <summary>What to say before a part; nothing while too little is known.</summary>
    public string Words()
    {
        Look();
        var ahead = parts.Where(p => !finished.ContainsKey(p.Name) && p.Command.HasFolder).Select(From).ToList();
        if (finished.Count == 0 || ahead.Count == 0 || ahead.All(a => a is null)) return "";
        return string.Create(CultureInfo.InvariantCulture, $" ({(ahead.Contains(null) ? "more than" : "about")} "
            + $"{Math.Max(1, Math.Round(ahead.Sum(a => a ?? 0) / atOnce / 60))} min left)");
    }

    /// <summary>Seconds that a part is expected to take; 0 for one that is finished or takes only a moment.</summary>
    public double Expected(Part part)
    {
        Look();
        return finished.ContainsKey(part.Name) ? 0 : From(part) ?? Guess(part);
    }

    /// <summary>Of a part at the default scale on one core.</summary>
    private static double Guess(Part part) => (part.Command.Name switch
    {
        "problems" => 0, "search" => 90, "rl" => 50, "didactic" => 110, _ => 20,
    }) * (Uses(part, "m") ? 3 : Uses(part, "l") ? 8 : 1);

    /// <summary>Is it a part of the embedded model of that size?</summary>
    private static bool Uses(Part part, string size) => part.Name.Contains($"-{size}-", StringComparison.Ordinal)
        || part.Name.EndsWith($"-{size}", StringComparison.Ordinal);

    private void Look()
    {
        foreach (var part in parts)
            if (!finished.ContainsKey(part.Name) && Measured.SecondsOf(part) is > 0 and var seconds) finished[part.Name] = seconds;
    }

    private double? From(Part part)
    {
        var known = parts.Where(p => p.Command == part.Command && finished.ContainsKey(p.Name)).ToList();
        var same = known.Where(p => Kind(p) == Kind(part)).ToList();
        return known.Count == 0 ? null : (same.Count > 0 ? same : known).Average(p => finished[p.Name]);
    }

    /// <summary>A name without its seed.</summary>
    private static string Kind(Part part) => part.Name.TrimEnd('0', '1', '2', '3', '4', '5', '6', '7', '8', '9').TrimEnd('-');
}

/// <summary>Time that passed while the command ran: this start's, and that of all starts in the same folder. Parts that run at the same
/// time are not counted twice, as they are in the sum of their own times.</summary>
internal sealed class WallClock : IDisposable
{
    private const string FileName = "reproduce.json";
    private readonly System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
    private readonly string file;
    private readonly double before;

    private WallClock(string file, double before) => (this.file, this.before) = (file, before);

    private sealed record Kept(double Seconds);

    /// <summary>Seconds.</summary>
    public double ThisStart => watch.Elapsed.TotalSeconds;

    public double AllStarts => before + ThisStart;

    /// <summary>A folder without the file was begun when parts ran one after another.</summary>
    public static WallClock Start(string folder, IReadOnlyList<Part> parts)
    {
        var file = Path.Combine(folder, FileName);
        return new(file, File.Exists(file) ? Json.Read<Kept>(file).Seconds : parts.Sum(Measured.SecondsOf));
    }

    /// <summary>Keeps what passed so far for later starts.</summary>
    public void Save()
    {
        if (Directory.Exists(Path.GetDirectoryName(file))) AtomicFile.WriteJson(file, new Kept(Math.Round(AllStarts, 1)));
    }

    public void Dispose()
    {
        try
        {
            Save();
        }
        catch (Exception e) when (Runner.Sentence(e) is not null)
        {
            // What ended the command is the failure to report; on a full disk this note fails as well.
        }
    }
}

/// <summary>What runs took, as their run.json says.</summary>
internal static class Measured
{
    public static RunSize From(ReproduceSettings settings, ReproducePlan plan, IReadOnlyList<Part> parts) => new(
        Path.GetFileNameWithoutExtension(settings.Scale), plan.Models, 0, 0, parts.Sum(TokensOf), Math.Round(parts.Sum(SecondsOf), 1));

    /// <summary>Seconds of a finished part, over all its starts; 0 if it is not finished.</summary>
    public static double SecondsOf(Part part) => Manifest(part) is { } run && run["finished"] is not null
        ? (double?)run["seconds"] ?? 0 : 0;

    /// <summary>Tokens that a part generated, each once whatever shares it, or was trained on, as far as it counts them.</summary>
    private static long TokensOf(Part part)
    {
        var cost = Path.Combine(part.Folder, RunFolder.CostFile);
        if (File.Exists(cost)) return Json.Read<RunCost>(cost).GeneratedTokens;
        var result = Manifest(part)?["result"] as JsonObject;
        return (long?)result?["tokens"] ?? (long?)result?["generated_tokens"] ?? 0;
    }

    private static JsonObject? Manifest(Part part) => Path.Combine(part.Folder, "run.json") is var file && File.Exists(file)
        ? Json.Read<JsonObject>(file) : null;
}
