using System.Text.Json;
using Pav.Models.Files;

namespace Pav.Report.Folders;

/// <summary>Tokens that were generated for the labels which a verifier learned from: <c>cost.json</c> of the 'label' runs that its training
/// run names.</summary>
internal static class LabelTokens
{
    /// <summary>What is read of a <c>cost.json</c>.</summary>
    private sealed record Cost(long GeneratedTokens);

    /// <summary>Null where the run or a cost cannot be found.</summary>
    /// <param name="verifier">A training run's folder, or a checkpoint in it.</param>
    public static long? Read(string verifier)
    {
        var folders = new[] { verifier, Path.Combine(verifier, "..", "..") };
        if (folders.Select(f => Path.Combine(f, "run.json")).FirstOrDefault(File.Exists) is not { } file) return null;
        if (Json.Read<RunRow>(file).Options is not { } options) return null;
        string[] labels = [.. Paths("labels"), .. Paths("valid_labels")];
        long?[] tokens = [.. labels.Distinct().Select(l => Path.Combine(l, "cost.json"))
            .Select(cost => File.Exists(cost) ? Json.Read<Cost>(cost).GeneratedTokens : default(long?))];
        return tokens.Length > 0 && tokens.All(t => t is not null) ? tokens.Sum() : null;

        IEnumerable<string> Paths(string option) => options.TryGetProperty(option, out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(e => e.GetString()!) : [];
    }
}
