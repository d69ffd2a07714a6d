using Pav.Models.Files;

namespace Pav.Cli.Commands;

/// <summary>Labels and problems that a command is given by files or run folders.</summary>
internal static class LabelFiles
{
    /// <summary>The labelled traces of a 'label' run's folder or of a labels.jsonl.</summary>
    public static IEnumerable<LabelledTrace> Read(string path)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, "labels.jsonl") : path;
        return File.Exists(file) ? Labels.Read(file) : throw new UserError($"--labels {path}: there is no {(Directory.Exists(path) ? "labels.jsonl in it" : "such file or folder")}.");
    }

    public static IReadOnlyDictionary<string, Problem> Problems(IEnumerable<string> files) =>
        files.SelectMany(Pav.Models.Files.Problems.Read).DistinctBy(p => p.Id).ToDictionary(p => p.Id);
}
