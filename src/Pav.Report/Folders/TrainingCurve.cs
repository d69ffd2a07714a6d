using System.Text.Json;
using Pav.Models.Files;

namespace Pav.Report.Folders;

/// <summary>A log.jsonl made small: training measures as means over buckets of logged steps, evaluations (<c>valid_*</c>) as they
/// are.</summary>
internal sealed record TrainingCurve(string Path, string Command, IReadOnlyList<IReadOnlyDictionary<string, double>> Points,
    IReadOnlyList<IReadOnlyDictionary<string, double>> Evaluations)
{
    private const int MaxPoints = 300;

    public static TrainingCurve Read(string file, string path, string command)
    {
        var rows = JsonLines.Read<Dictionary<string, JsonElement>>(file)
            .Select(row => row.Where(x => x.Value.ValueKind == JsonValueKind.Number).ToDictionary(x => x.Key, x => x.Value.GetDouble()))
            .Where(row => row.ContainsKey("step"))
            .ToList();
        var training = rows.Where(row => row.ContainsKey("loss")).ToList();
        var size = 1 + (training.Count - 1) / MaxPoints;
        return new(path, command, [.. training.Chunk(size).Select(Mean)],
            [.. rows.Where(row => row.Keys.Any(k => k.StartsWith("valid_", StringComparison.Ordinal)))]);
    }

    private static Dictionary<string, double> Mean(Dictionary<string, double>[] bucket) => new()
    {
        ["step"] = bucket[^1]["step"],
        ["loss"] = bucket.Average(row => row["loss"]),
    };
}
