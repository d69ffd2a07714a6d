using System.Text.Json.Nodes;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Shared;

/// <summary>Problems that a model was trained on, as its run folder tells.</summary>
internal static class KnownProblems
{
    /// <summary>Warns where a model was trained on some of these problems.</summary>
    public static void Warn(string modelFolder, IReadOnlyList<Problem> tested, Reporter reporter)
    {
        foreach (var file in TrainedOn(modelFolder).Where(f => File.Exists(f) || Directory.Exists(f)))
        {
            var overlap = Overlap.Find(LabelFiles.Problems([file]).Values, tested);
            if (overlap.Count > 0) reporter.Say($"warning: {overlap.Count} of the {tested.Count} problems stand in {file}, on which "
                + $"{modelFolder} was trained; what is measured on them says little");
        }
    }

    /// <summary>The problem files of the training that a checkpoint comes from.</summary>
    private static IEnumerable<string> TrainedOn(string folder)
    {
        var run = new[] { folder, Path.Combine(folder, "..", "..") }.Select(f => Path.Combine(f, "run.json")).FirstOrDefault(File.Exists);
        if (run is null || Json.Read<JsonObject>(run) is not { } manifest || manifest["command"]?.ToString() is not { } command
            || !(command.StartsWith("train ", StringComparison.Ordinal) || command == "rl")) return [];
        return manifest["options"]?["problems"] switch { JsonArray many => many.Select(f => f!.ToString()), JsonValue one =>
            [one.ToString()], _ => [] };
    }
}
