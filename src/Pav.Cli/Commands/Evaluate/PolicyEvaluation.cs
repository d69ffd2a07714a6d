using System.Globalization;
using System.Text.Json.Nodes;
using Pav.Cli.Running;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Evaluate;

/// <summary>One line of <c>tallies.jsonl</c>: what a policy's samples of a problem came to. Majority and Greedy: 1 where that answer is right.</summary>
/// <param name="Also">The same by further graders.</param>
/// <param name="Further">Samples drawn after these because none of them was right.</param>
/// <param name="FurtherRight">Right ones among those.</param>
internal sealed record Tally(
    string Problem, int Right, int Samples, int Greedy, long Tokens, int Level = 0, int? Majority = null, IReadOnlyList<GraderVerdict>? Also = null, int Further = 0, int FurtherRight = 0)
{
    public bool Unsolved => Right + FurtherRight == 0;
}

/// <summary>What a grader says of a problem's samples.</summary>
internal sealed record GraderVerdict(string Grader, int Right, int Greedy, int Majority);

/// <summary>
/// Measures a policy by itself: one sample, greedy, majority, Pass@N, by level, and on the hard set, the problems that no sample of another evaluation solved. Goes on where an earlier
/// start of the run stopped; leaves tallies.jsonl, hard-beam.jsonl and evaluation.json.
/// </summary>
/// <param name="hardSamples">Samples after which a problem that none of them solved counts as hard; those beyond <paramref name="samples"/> serve for that only.</param>
internal sealed class PolicyEvaluation(
    IPolicy policy, Grader grader, Sampling sampling, int samples, ulong seed, int problemsPerBatch, CommandContext context, IReadOnlyList<Grader>? also = null, int hardSamples = 0)
{
    public const string FileName = "evaluation.json", TalliesName = "tallies.jsonl", HardBeamName = "hard-beam.jsonl";

    /// <summary>What is written into evaluation.json.</summary>
    /// <param name="problems">At least one.</param>
    /// <param name="hard">Folder of the evaluation whose unsolved problems are the hard set; "" for none.</param>
    /// <param name="beams">Beam sizes with which the hard set is searched as well, on Q of the verifier.</param>
    /// <param name="verifier">Of the beams; null with none.</param>
    public async Task<JsonObject> Run(IReadOnlyList<Problem> problems, string hard, IReadOnlyList<int> beams, IVerifier? verifier)
    {
        (IReadOnlySet<string> Problems, int Samples)? unsolved = hard == "" ? null : Unsolved(hard, problems);
        // Equal random numbers would repeat the failures by which the hard problems were chosen.
        var tallies = await Tallies(problems, hard == "" ? seed : BesideHard(seed));
        var result = new JsonObject { ["problems"] = tallies.Count, ["grader"] = grader.Id };
        foreach (var (name, value) in Measures(tallies)) result[name] = value?.DeepClone();
        result["tokens_per_trace"] = tallies.Sum(t => t.Tokens) / (double)tallies.Sum(t => t.Samples);
        result["levels"] = new JsonArray([.. tallies.GroupBy(t => t.Level).OrderBy(g => g.Key).Select(Level)]);
        if (also is { Count: > 0 }) result["also"] = new JsonArray([.. also.Select(g => By(g, tallies))]);
        if (hardSamples > samples) result["unsolved"] = new JsonObject { ["by"] = hardSamples, ["problems"] = tallies.Count(t => t.Unsolved) };
        if (unsolved is not null)
        {
            result["hard"] = Hard(unsolved.Value, tallies);
            if (verifier is not null && beams.Count > 0) result["hard"]!["beam"] = await Beams([.. problems.Where(p => unsolved.Value.Problems.Contains(p.Id))], beams, verifier);
        }
        AtomicFile.WriteJson(context.Run.At(FileName), result);
        Show(result);
        return result;
    }

    private static JsonObject Measures(IReadOnlyList<Tally> tallies)
    {
        var sample = Bootstrap.Mean([.. tallies.Select(t => (double)t.Right / t.Samples)]);
        return new()
        {
            ["sample"] = sample.Value, ["sample_low"] = sample.Low, ["sample_high"] = sample.High, ["greedy"] = tallies.Average(t => (double)t.Greedy),
            ["majority"] = tallies.All(t => t.Majority is not null) ? tallies.Average(t => (double)t.Majority!) : null, ["pass"] = Pass(tallies),
        };
    }

    private static JsonObject By(Grader other, IReadOnlyList<Tally> tallies)
    {
        var verdicts = tallies.Select(t => (t, Other: t.Also!.First(a => a.Grader == other.Id)));
        var measures = Measures([.. verdicts.Select(v => v.t with { Right = v.Other.Right, Greedy = v.Other.Greedy, Majority = v.Other.Majority })]);
        measures["grader"] = other.Id;
        return measures;
    }

    internal static ulong BesideHard(ulong seed) => Seeds.Derive(seed, "", "beside a hard set", 0);

    private async Task<IReadOnlyList<Tally>> Tallies(IReadOnlyList<Problem> problems, ulong drawn)
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
                var sampled = await RepeatedSampling.Draw(batch, policy, samples, drawn, sampling, context.Cancel);
                var greedy = await RepeatedSampling.Draw(batch, policy, 1, drawn, RepeatedSampling.Greedy(sampling), context.Cancel);
                var further = await Further([.. sampled.Where(s => s.Traces.All(t => grader.Rex(t) == 0)).Select(s => s.Problem)], drawn);
                foreach (var (set, best) in sampled.Zip(greedy))
                {
                    var tokens = set.Traces.Sum(t => (long)t.TokensSince());
                    var own = Verdict(grader, set, best);
                    var (more, moreRight) = further.GetValueOrDefault(set.Problem.Id);
                    var tally = done[set.Problem.Id] = new(
                        set.Problem.Id, own.Right, set.Traces.Count, own.Greedy, tokens, set.Problem.Level, own.Majority, also is { Count: > 0 } ? [.. also.Select(g => Verdict(g, set, best))] : null, more, moreRight);
                    lines.Write(tally);
                }
                tracker.At(finished += batch.Length);
            }
            return 0;
        }, done.Count);
        return [.. problems.Select(p => done[p.Id])];
    }

    /// <summary>Goes on with problems that have no right sample, until one is found or hardSamples are drawn: how many more there were, and how many of them are right.</summary>
    private async Task<Dictionary<string, (int More, int Right)>> Further(IReadOnlyList<Problem> unsolved, ulong drawn)
    {
        var found = new Dictionary<string, (int More, int Right)>();
        for (var from = samples; from < hardSamples && unsolved.Count > 0; from += samples)
        {
            context.Cancel.ThrowIfCancellationRequested();
            foreach (var set in await RepeatedSampling.Draw(unsolved, policy, Math.Min(samples, hardSamples - from), drawn, sampling, context.Cancel, from))
                found[set.Problem.Id] = (found.GetValueOrDefault(set.Problem.Id).More + set.Traces.Count, set.Traces.Sum(grader.Rex));
            unsolved = [.. unsolved.Where(p => found[p.Id].Right == 0)];
        }
        return found;
    }

    private static GraderVerdict Verdict(Grader by, SampleSet set, SampleSet greedy) =>
        new(by.Id, set.Traces.Sum(by.Rex), by.Rex(greedy.Traces[0]), Majority(set, by));

    private static int Majority(SampleSet set, Grader by)
    {
        var answers = set.Traces.Select(t => by.Extract(t.Text)).ToList();
        return by.Rex(set.Traces[Math.Max(0, answers.IndexOf(Vote.Majority(answers)))]);
    }

    /// <summary>The problems that no sample of an evaluation solved, and how many samples of each there were. The evaluation must have come to all of <paramref name="problems"/>.</summary>
    public static (IReadOnlySet<string> Problems, int Samples) Unsolved(string folder, IReadOnlyList<Problem> problems)
    {
        var tallies = JsonLines.Read<Tally>(Path.Combine(folder, TalliesName)).ToList();
        if (tallies.Count == 0) throw new UserError($"--hard {folder}: there is no {TalliesName} in it; give the folder of a 'pav evaluate' run.");
        var measured = tallies.Select(t => t.Problem).ToHashSet();
        if (problems.FirstOrDefault(p => !measured.Contains(p.Id)) is { } missing)
            throw new UserError($"--hard {folder}: it has no samples of the problem \"{missing.Id}\"; give the folder of a finished 'pav evaluate' run on the same problems.");
        var unsolved = tallies.Where(t => t.Unsolved).ToList();
        return (unsolved.Select(t => t.Problem).ToHashSet(), unsolved.Count > 0 ? unsolved.Min(t => t.Samples + t.Further) : tallies.Min(t => t.Samples));
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
        var file = context.Run.At(HardBeamName);
        var rows = JsonLines.Read<SearchRow>(file).ToDictionary(r => (r.N, r.Problem));
        using var lines = JsonLines.Append(file);
        foreach (var n in sizes.Distinct().Order())
        {
            var left = problems.Where(p => !rows.ContainsKey((n, p.Id))).ToList();
            await context.Reporter.Track($"Beam of {n} on hard problems", problems.Count, "problems", async tracker =>
            {
                var finished = problems.Count - left.Count;
                foreach (var batch in left.Chunk(problemsPerBatch))
                {
                    foreach (var found in await SearchBatch.Run(batch, SearchMethods.BeamByQ, n, new(policy, grader, verifier), new() { Seed = seed, Sampling = sampling }, cancel: context.Cancel))
                    {
                        rows[(n, found.Row.Problem)] = found.Row;
                        lines.Write(found.Row);
                    }
                    tracker.At(finished += batch.Length);
                }
                return 0;
            }, problems.Count - left.Count);
            right[n.ToString(CultureInfo.InvariantCulture)] = problems.Average(p => rows[(n, p.Id)].Correct);
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
        foreach (var by in result["also"]?.AsArray().Prepend(result) ?? [result])
            context.Reporter.Say($"{by!["grader"]}: one sample {Percent(by["sample"])}% right [{Percent(by["sample_low"])} to {Percent(by["sample_high"])}], greedy {Percent(by["greedy"])}%, majority {Percent(by["majority"])}%");
        var hard = result["hard"]?["pass"]?.AsObject();
        var headings = hard is null ? (string[])["Pass@N", "%"] : ["Pass@N", "%", $"hard ({result["hard"]!["problems"]} problems) %"];
        foreach (var line in ResultTable.Lines(headings, [.. result["pass"]!.AsObject().Select(p => (IReadOnlyList<string>)(hard is null ? [p.Key, Percent(p.Value)] : [p.Key, Percent(p.Value), Percent(hard[p.Key])]))], context.Reporter.Width))
            context.Reporter.Say(line);
        if (result["unsolved"] is { } none) context.Reporter.Say($"{none["problems"]} problems were solved by none of {none["by"]} samples");
        foreach (var (n, right) in result["hard"]?["beam"]?.AsObject() ?? new JsonObject()) context.Reporter.Say($"a beam of {n} answers {Percent(right)}% of the hard problems");
    }
}
