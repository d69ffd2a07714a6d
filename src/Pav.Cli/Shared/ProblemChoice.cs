using Pav.Cli.Options;
using Pav.Models.Files;

namespace Pav.Cli.Shared;

/// <summary>The options that say which part of a data set holds the problems, and under which names.</summary>
[Section("What")]
internal sealed record ProblemChoice
{
    [Flag("Split of a data set's folder (elsewhere: FOLDER:SPLIT)")]
    public string Split { get; init; } = "";

    [Flag("What fields of other names are: question=problem,solution=answer; also id and level")]
    public string[] Fields { get; init; } = [];

    public string Path(string path) => DataSource.WithSplit(path, Split);

    /// <summary>A field that is not named has the names in use.</summary>
    public ProblemFields Names()
    {
        var names = new ProblemFields();
        foreach (var pair in Fields)
        {
            if (pair.Split('=') is not [{ Length: > 0 } name, var role]) throw Wrong(pair);
            names = role.Trim() switch
            {
                "problem" => names with { Problem = name.Trim() },
                "answer" => names with { Answer = name.Trim() },
                "id" => names with { Id = name.Trim() },
                "level" => names with { Level = name.Trim() },
                _ => throw Wrong(pair),
            };
        }

        return names;
    }

    private static UserError Wrong(string pair) =>
        new($"--fields '{pair}': must be the file's name for a field, =, and problem, answer, id or level: question=problem");
}
