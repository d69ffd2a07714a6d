using System.Globalization;
using System.Text.Json.Nodes;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands;

/// <summary>One line of <c>tallies.jsonl</c>: what a policy's samples of a problem came to. Majority and Greedy: 1 where that answer is right.</summary>
internal sealed record Tally(string Problem, int Right, int Samples, int Greedy, long Tokens, int Level = 0, int? Majority = null);

/// <summary>
/// Measures a policy by itself: one sample, greedy, majority, Pass@N, by level, and on the hard set, the problems that no sample of another evaluation solved. Goes on where an earlier
/// start of the run stopped; leaves tallies.jsonl and evaluation.json.
/// </summary>
internal sealed class PolicyEvaluation(IPolicy policy, Grader grader, Sampling sampling, int samples, ulong seed, int problemsPerBatch, CommandContext context)
{
    public const string FileName = "evaluation.json", TalliesName = "tallies.jsonl";

    /// <summary>What is written into evaluation.json.</summary>
    /// <param name="problems">At least one.</param>
    /// <param name="hard">Folder of the evaluation whose unsolved problems are the hard set; "" for none.</param>
    /// <param name="beams">Beam sizes with which the hard set is searched as well, on Q of the verifier.</param>
    /// <param name="verifier">Of the beams; null with none.</param>
    public async Task<JsonObject> Run(IReadOnlyList<Problem> problems, string hard, IReadOnlyList<int> beams, IVerifier? verifier)
    {
        (IReadOnlySet<string> Problems, int Samples)? unsolved = hard == "" ? null : Unsolved(hard);
        var tallies = await Tallies(problems);
        var sample = Bootstrap.Mean([.. tallies.Select(t => (double)t.Right / t.Samples)]);
        var result = new JsonObject
        {
            ["problems"] = tallies.Count, ["sample"] = sample.Value, ["sample_low"] = sample.Low, ["sample_high"] = sample.High, ["greedy"] = tallies.Average(t => (double)t.Greedy),
            ["majority"] = tallies.All(t => t.Majority is not null) ? tallies.Average(t => (double)t.Majority!) : null,
            ["tokens_per_trace"] = tallies.Sum(t => t.Tokens) / (double)tallies.Sum(t => t.Samples),
            ["pass"] = Pass(tallies),
            ["levels"] = new JsonArray([.. tallies.GroupBy(t => t.Level).OrderBy(g => g.Key).Select(Level)]),
        };
        if (unsolved is not null)
        {
            result["hard"] = Hard(unsolved.Value, tallies);
            if (verifier is not null && beams.Count > 0) result["hard"]!["beam"] = await Beams([.. problems.Where(p => unsolved.Value.Problems.Contains(p.Id))], beams, verifier);
        }


        AtomicFile.WriteJson(context.Run.At(FileName), result);
        Show(result);
        return result;
    }

    private async Task<IReadOnlyList<Tally>> Tallies(IReadOnlyList<Problem> problems)
    {
        var file = context.Run.At(TalliesName);
        var done = JsonLines.Read<Tally>(file).ToDictionary(t => t.Problem);
        await context.Reporter.Track("Sampling", problems.Count, "problems", async tracker =>
        {
            var finished = done.Count;
            using var lines = JsonLines.Append(file);
            foreach (var batch in problems.Where(p => !done.ContainsKey(p.Id)).Chunk(problemsPerBatch))
            {
                context.Cancel.ThrowIfCancellationRequested();
                var sampled = await RepeatedSampling.Draw(batch, policy, samples, seed, sampling, context.Cancel);
                var greedy = await RepeatedSampling.Draw(batch, policy, 1, seed, sampling with { Temperature = 0, TopK = 0, TopP = 1 }, context.Cancel);
                foreach (var (set, best) in sampled.Zip(greedy))
                {
                    var tokens = set.Traces.Sum(t => t.Path().Sum(p => (long)p.TokenCount));
                    var majority = RepeatedSampling.Majority(set, set.Traces.Count, grader).Correct;
                    var tally = done[set.Problem.Id] = new(set.Problem.Id, set.Traces.Sum(grader.Rex), set.Traces.Count, grader.Rex(best.Traces[0]), tokens, set.Problem.Level, majority);
                    lines.Write(tally);
                }
                tracker.At(finished += batch.Length);
            }
            return 0;
        }, done.Count);
        return [.. problems.Select(p => done[p.Id])];
    }

    private static (IReadOnlySet<string> Problems, int Samples) Unsolved(string folder)
    {
        var tallies = JsonLines.Read<Tally>(Path.Combine(folder, TalliesName)).ToList();
        return tallies.Count > 0 ? (tallies.Where(t => t.Right == 0).Select(t => t.Problem).ToHashSet(), tallies.Min(t => t.Samples))
            : throw new UserError($"--hard {folder}: there is no {TalliesName} in it; give the folder of a 'pav evaluate' run.");
    }

    private static JsonObject Hard((IReadOnlySet<string> Problems, int Samples) unsolved, IReadOnlyList<Tally> tallies)
    {
        var own = tallies.Where(t => unsolved.Problems.Contains(t.Problem)).ToList();
        return new() { ["unsolved_by"] = unsolved.Samples, ["problems"] = own.Count, ["pass"] = own.Count == 0 ? new JsonObject() : Pass(own) };
    }

    /// <summary>Share of problems that a beam answers, by its size.</summary>
    private async Task<JsonObject> Beams(IReadOnlyList<Problem> problems, IReadOnlyList<int> sizes, IVerifier verifier)
    {
        var right = new JsonObject();
        if (problems.Count == 0) return right;
        foreach (var n in sizes.Distinct().Order())
        {
            var results = await context.Reporter.Track($"Beam of {n} on hard problems", problems.Count, "problems", async tracker =>
            {
                var found = new List<BeamResult>();
                foreach (var batch in problems.Chunk(problemsPerBatch))
                {
                    found.AddRange(await BeamSearch.Run(batch, policy, verifier, grader, new(n, Seed: seed, Sampling: sampling), cancel: context.Cancel));
                    tracker.At(found.Count);
                }
                return found;
            });
            right[n.ToString(CultureInfo.InvariantCulture)] = results.Average(r => r.Row.Correct);
        }
        return right;
    }

    private static JsonObject Level(IGrouping<int, Tally> level) => new()
    {
        ["level"] = level.Key, ["problems"] = level.Count(), ["sample"] = level.Average(t => (double)t.Right / t.Samples), ["pass"] = Pass([.. level]),
    };

    /// <summary>Pass@N by N, powers of two up to the samples that every problem has.</summary>
    private static JsonObject Pass(IReadOnlyList<Tally> tallies) => new(
        Enumerable.Range(0, 17).Select(k => 1 << k).Where(n => n <= tallies.Min(t => t.Samples))
            .Select(n => KeyValuePair.Create(n.ToString(CultureInfo.InvariantCulture), (JsonNode?)tallies.Average(t => PassAtN.Of(t.Samples, t.Right, n)))));

    private void Show(JsonObject result)
    {
        static string Percent(JsonNode? value) => value is null ? "unknown" : (100 * (double)value).ToString("0.0", CultureInfo.InvariantCulture);
        context.Reporter.Say($"one sample {Percent(result["sample"])}% right [{Percent(result["sample_low"])} to {Percent(result["sample_high"])}], greedy {Percent(result["greedy"])}%, majority {Percent(result["majority"])}%");
        var hard = result["hard"]?["pass"]?.AsObject();
        var headings = hard is null ? (string[])["Pass@N", "%"] : ["Pass@N", "%", $"hard ({result["hard"]!["problems"]} problems) %"];
        foreach (var line in ResultTable.Lines(headings, [.. result["pass"]!.AsObject().Select(p => (IReadOnlyList<string>)(hard is null ? [p.Key, Percent(p.Value)] : [p.Key, Percent(p.Value), Percent(hard[p.Key])]))]))
            context.Reporter.Say(line);
        foreach (var (n, right) in result["hard"]?["beam"]?.AsObject() ?? new JsonObject()) context.Reporter.Say($"a beam of {n} answers {Percent(right)}% of the hard problems");
    }
}
