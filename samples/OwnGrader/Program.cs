using System.Text.RegularExpressions;
using Pav;

// A grader of one's own: answers are times, and "1 h 30 min", "1:30" and "90 min" are the same time. Votes count equal answers together.
var minutes = new Grader("minutes", 1,
    Find: text => Regex.Matches(text, "(?<=Answer: ).+").LastOrDefault()?.Value,
    Key: answer => Minutes(answer)?.ToString() ?? answer,
    Same: (answer, reference) => Minutes(answer) is { } time && time == Minutes(reference));

var problem = new Problem("film", "A film begins at 20:15 and ends at 21:45. How long is it?", "90 min");
foreach (var grader in new[] { minutes, Grader.Numeric })
{
    var tools = new SearchTools(new Viewer(), grader);
    var row = (await SearchBatch.Run([problem], SearchMethods.Majority, 64, tools, new())).Single().Row;
    Console.WriteLine($"{grader.Name}: majority of {row.N} says {row.Answer}, {(row.Correct == 1 ? "right" : "wrong")}");
}

static int? Minutes(string text)
{
    var found = Regex.Match(text.Trim(), @"^(?:(\d+)(?: h ?|:))?(?:(\d+)(?: min)?)?$");
    return found.Length == 0 ? null : (Number(1) * 60) + Number(2);
    int Number(int group) => found.Groups[group].Success ? int.Parse(found.Groups[group].Value) : 0;
}

/// <summary>Writes a right time in three ways, and wrong ones.</summary>
internal sealed class Viewer : IPolicy
{
    private static readonly string[] Said = ["1 h 30 min", "1:30", "90 min", "1 h 30 min", "1:30", "90 min", "70 min", "70 min", "70 min"];

    public string Name => "viewer";

    public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<Prefix>>([.. draws.Select(d =>
            d.Prefix.Then($"Answer: {Said[(int)(Seeds.Uniform(d.Seed, 0) * Said.Length)]}", ended: true, tokenCount: 4))]);
}
