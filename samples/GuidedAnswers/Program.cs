using System.Text.RegularExpressions;
using Pav;
using Pav.Models;
using Pav.Models.Remote;

// Answers of a model behind an OpenAI-compatible server, one sample beside a guided forest:
//   dotnet run --project samples/GuidedAnswers -- http://127.0.0.1:8000/v1 "12 + 7 - 3 = ?" [FOLDER OF A VERIFIER]
if (args is not [var url, var question, .. var more])
{
    Console.Error.WriteLine("usage: GuidedAnswers URL QUESTION [FOLDER OF A VERIFIER]");
    return 2;
}

// The reference answer is unknown, and no search reads it.
var problem = new Problem("question", question, "");
var template = new PromptTemplate("{problem}\n") { TraceStops = TraceStops.From(["\n\n"]) };
using var policy = await RemotePolicy.Open(new RemoteOptions(url), template, tokenizer: null, problem);
IVerifier verifier = more is [var folder] ? LoadedVerifier.Open("verifier", folder) : new Sums();
var tools = new SearchTools(policy, Grader.Numeric, verifier);

foreach (var (method, n) in new[] { (SearchMethods.Sample, 1), (SearchMethods.Forest, 4) })
{
    var found = (await SearchBatch.Run([problem], method, n, tools, new() { Sampling = new(MaxTokens: 128) })).Single();
    Console.WriteLine($"{method.Label} ({found.Row.GeneratedTokens} tokens): {found.Row.Answer ?? "no answer"}");
    Console.WriteLine($"{found.Chosen.Trace.Text.TrimEnd()}\n");
}

return 0;

/// <summary>Where no verifier is trained: a rule that looks for sums that are wrong.</summary>
internal sealed partial class Sums : IVerifier
{
    public string Name => "sums";

    public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p =>
            new Scored([.. p.Path().Select(s => Wrong(s.Text) ? 0.1 : 0.9)], 0))]);

    private static bool Wrong(string text) => Equation().Matches(text).Any(m =>
        (m.Groups[2].Value == "+" ? Number(m, 1) + Number(m, 3) : Number(m, 1) - Number(m, 3)) != Number(m, 4));

    private static long Number(Match match, int group) => long.Parse(match.Groups[group].Value);

    [GeneratedRegex(@"(\d{1,9}) ?([+-]) ?(\d{1,9}) ?= ?(-?\d{1,9})")]
    private static partial Regex Equation();
}
