using Pav.Models.Files;

namespace Pav.Cli.Shared;

/// <summary>Labels and problems that a command is given by files or run folders.</summary>
internal static class LabelFiles
{
    /// <summary>The labelled traces of a 'label' run's folder or of a labels.jsonl.</summary>
    public static IEnumerable<LabelledTrace> Read(string path) => Read(path, "--labels");

    /// <inheritdoc cref="Read(string)"/>
    /// <param name="path">The folder or file.</param>
    /// <param name="option">Names it in messages.</param>
    public static IEnumerable<LabelledTrace> Read(string path, string option)
    {
        var file = Directory.Exists(path) ? Path.Combine(path, "labels.jsonl") : path;
        return File.Exists(file) ? Labels.Read(file) :
            throw new UserError($"{option} {path}: there is no {(Directory.Exists(path) ? "labels.jsonl in it" : "such file or folder")}.");
    }

    /// <summary>Where the steps of all labels end, which must be the same place.</summary>
    public static StepEnd StepEnd(IEnumerable<string?> recorded)
    {
        var ends = recorded.Distinct().Select(Pav.StepEnd.Parse).ToList();
        return ends.Count == 1 ? ends[0] : throw new UserError($"--labels: the steps of some end at '{ends[0]}' and of others at "
            + $"'{ends[1]}'; give labels with the same --step-end.");
    }

    private static string Within(string path) => Path.Combine(path, "problems.jsonl") is var file && File.Exists(file) ? file : path;

    /// <summary>The problems of all files (or of the problems.jsonl in imported labels' folders) by id; their answers may be
    /// missing.</summary>
    public static IReadOnlyDictionary<string, Problem> Problems(IEnumerable<string> paths)
    {
        var byId = new Dictionary<string, Problem>();
        foreach (var path in paths)
        {
            foreach (var problem in Pav.Models.Files.Problems.Read(Within(path), answers: false))
            {
                if (!byId.TryAdd(problem.Id, problem) && byId[problem.Id].Text != problem.Text)
                    throw new UserError($"{path}: the id \"{problem.Id}\" is that of another problem in an earlier file; give files "
                        + "whose ids differ, or rewrite one by 'pav problems import --prefix'.");
            }
        }
        return byId;
    }
}
