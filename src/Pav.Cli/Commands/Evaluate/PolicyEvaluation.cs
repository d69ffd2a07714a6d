using System.Globalization;
using Pav.Cli.Running;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Evaluate;

/// <summary>One line of <c>tallies.jsonl</c>: what a policy's samples of a problem came to. Majority and Greedy: 1 where that answer is
/// right.</summary>
/// <param name="Also">The same by further graders.</param>
/// <param name="Further">Samples drawn after these because none of them was right.</param>
/// <param name="FurtherRight">Right ones among those.</param>
internal sealed record Tally(
    string Problem, int Right, int Samples, int Greedy, long Tokens, int Level = 0, int? Majority = null,
        IReadOnlyList<GraderVerdict>? Also = null, int Further = 0, int FurtherRight = 0)
{
    public bool Unsolved => Right + FurtherRight == 0;
}

/// <summary>What a grader says of a problem's samples.</summary>
internal sealed record GraderVerdict(string Grader, int Right, int Greedy, int Majority);

/// <summary>
/// Measures a policy by itself: one sample, greedy, majority, Pass@N, by level, and on the hard set, the problems that no sample of another
/// evaluation solved. Goes on where an earlier start of the run stopped; leaves tallies.jsonl, hard-beam.jsonl and evaluation.json.
/// </summary>
/// <param name="hardSamples">Samples after which a problem that none of them solved counts as hard; those beyond <paramref name="samples"/>
/// serve for that only.</param>
internal sealed class PolicyEvaluation(
    IPolicy policy, Grader grader, Sampling sampling, int samples, ulong seed, int problemsPerBatch, CommandContext context,
        IReadOnlyList<Grader>? also = null, int hardSamples = 0)
{
    public const string FileName = "evaluation.json", TalliesName = "tallies.jsonl", HardBeamName = "hard-beam.jsonl";

    /// <summary>What is written into evaluation.json.</summary>
    /// <param name="problems">At least one.</param>
    /// <param name="hard">Folder of the evaluation whose unsolved problems are the hard set; "" for none.</param>
    /// <param name="beams">Beam sizes with which the hard set is searched as well, on Q of the verifier.</param>
    /// <param name="verifier">Of the beams; null with none.</param>
    public async Task<EvaluationSummary> Run(IReadOnlyList<Problem> problems, string hard, IReadOnlyList<int> beams, IVerifier? verifier)
    {
        (IReadOnlySet<string> Problems, int Samples)? unsolved = hard == "" ? null : Unsolved(hard, problems);
        // Equal random numbers would repeat the failures by which the hard problems were chosen.
        var tallies = await Tallies(problems, hard == "" ? seed : BesideHard(seed));
        var all = Measures(tallies);
        var result = new EvaluationSummary(
            tallies.Count, grader.Id, all.Sample, all.SampleLow, all.SampleHigh, all.Greedy, all.Majority, all.Pass,
            tallies.Sum(t => t.Tokens) / (double)tallies.Sum(t => t.Samples),
            [.. tallies.GroupBy(t => t.Level).OrderBy(g => g.Key).Select(Level)],
            also is { Count: > 0 } ? [.. also.Select(g => By(g, tallies))] : null,
            hardSamples > samples ? new(hardSamples, tallies.Count(t => t.Unsolved)) : null,
            unsolved is null ? null : Hard(unsolved.Value, tallies));
        if (unsolved is not null && verifier is not null && beams.Count > 0)
        {
            var searched = problems.Where(p => unsolved.Value.Problems.Contains(p.Id)).ToList();
            result = result with { Hard = result.Hard! with { Beam = await Beams(searched, beams, verifier) } };
        }

        AtomicFile.WriteJson(context.Run.At(FileName), result);
        Show(result);
        return result;
    }

    private static PolicyMeasures Measures(IReadOnlyList<Tally> tallies)
    {
        var sample = Bootstrap.Mean([.. tallies.Select(t => (double)t.Right / t.Samples)]);
        double? majority = tallies.All(t => t.Majority is not null) ? tallies.Average(t => (double)t.Majority!) : null;
        return new(sample.Value, sample.Low, sample.High, tallies.Average(t => (double)t.Greedy), majority, Pass(tallies));
    }

    private static GraderMeasures By(Grader other, IReadOnlyList<Tally> tallies)
    {
        var verdicts = tallies.Select(t => (t, Other: t.Also!.First(a => a.Grader == other.Id)));
        var m = Measures([.. verdicts.Select(v =>
            v.t with { Right = v.Other.Right, Greedy = v.Other.Greedy, Majority = v.Other.Majority })]);
        return new(m.Sample, m.SampleLow, m.SampleHigh, m.Greedy, m.Majority, m.Pass, other.Id);
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
                    var verdict = Verdict(grader, set, best);
                    var (more, moreRight) = further.GetValueOrDefault(set.Problem.Id);
                    var tally = done[set.Problem.Id] = new(
                        set.Problem.Id, verdict.Right, set.Traces.Count, verdict.Greedy, tokens, set.Problem.Level, verdict.Majority,
                            also is { Count: > 0 } ? [.. also.Select(g => Verdict(g, set, best))] : null, more, moreRight);
                    lines.Write(tally);
                }
                tracker.At(finished += batch.Length);
            }
            return 0;
        }, done.Count);
        return [.. problems.Select(p => done[p.Id])];
    }

    /// <summary>Goes on with problems that have no right sample, until one is found or hardSamples are drawn: how many more there were, and
    /// how many of them are right.</summary>
    private async Task<Dictionary<string, (int More, int Right)>> Further(IReadOnlyList<Problem> unsolved, ulong drawn)
    {
        var found = new Dictionary<string, (int More, int Right)>();
        for (var from = samples; from < hardSamples && unsolved.Count > 0; from += samples)
        {
            context.Cancel.ThrowIfCancellationRequested();
            foreach (var set in await RepeatedSampling.Draw(unsolved, policy, Math.Min(samples, hardSamples - from), drawn, sampling,
                context.Cancel, from))
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

    /// <summary>The problems that no sample of an evaluation solved, and how many samples of each there were. The evaluation must have come
    /// to all of <paramref name="problems"/>.</summary>
    public static (IReadOnlySet<string> Problems, int Samples) Unsolved(string folder, IReadOnlyList<Problem> problems)
    {
        var tallies = JsonLines.Read<Tally>(Path.Combine(folder, TalliesName)).ToList();
        if (tallies.Count == 0)
            throw new UserError($"--hard {folder}: there is no {TalliesName} in it; give the folder of a 'pav evaluate' run.");
        var measured = tallies.Select(t => t.Problem).ToHashSet();
        if (problems.FirstOrDefault(p => !measured.Contains(p.Id)) is { } missing)
            throw new UserError($"--hard {folder}: it has no samples of the problem \"{missing.Id}\"; give the folder of a finished 'pav "
                + "evaluate' run on the same problems.");
        var unsolved = tallies.Where(t => t.Unsolved).ToList();
        return (unsolved.Select(t => t.Problem).ToHashSet(), unsolved.Count > 0
            ? unsolved.Min(t => t.Samples + t.Further) : tallies.Min(t => t.Samples));
    }

    private static HardMeasures Hard((IReadOnlySet<string> Problems, int Samples) unsolved, IReadOnlyList<Tally> tallies)
    {
        var hard = tallies.Where(t => unsolved.Problems.Contains(t.Problem)).ToList();
        return new(unsolved.Samples, hard.Count, hard.Count == 0 ? new Dictionary<string, double>() : Pass(hard));
    }

    /// <summary>Share of problems that a beam answers, by its size.</summary>
    private async Task<Dictionary<string, double>> Beams(IReadOnlyList<Problem> problems, IReadOnlyList<int> sizes, IVerifier verifier)
    {
        var right = new Dictionary<string, double>();
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
                    foreach (var found in await SearchBatch.Run(batch, SearchMethods.BeamByQ, n, new(policy, grader, verifier),
                        new() { Seed = seed, Sampling = sampling }, cancel: context.Cancel))
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

    private static LevelMeasures Level(IGrouping<int, Tally> level) =>
        new(level.Key, level.Count(), level.Average(t => (double)t.Right / t.Samples), Pass([.. level]));

    /// <summary>Pass@N by N, powers of two up to the samples that every problem has.</summary>
    private static Dictionary<string, double> Pass(IReadOnlyList<Tally> tallies) =>
        Enumerable.Range(0, 17).Select(k => 1 << k).Where(n => n <= tallies.Min(t => t.Samples))
            .ToDictionary(n => n.ToString(CultureInfo.InvariantCulture), n => tallies.Average(t => PassAtN.Compute(t.Samples, t.Right, n)));

    private void Show(EvaluationSummary result)
    {
        static string Percent(double? value) => value is { } v ? (100 * v).ToString("0.0", CultureInfo.InvariantCulture) : "unknown";
        void Line(string by, double sample, double low, double high, double greedy, double? majority) => context.Reporter.Say(
            $"{by}: one sample {Percent(sample)}% right [{Percent(low)} to {Percent(high)}], greedy {Percent(greedy)}%, majority "
                + $"{Percent(majority)}%");
        Line(result.Grader, result.Sample, result.SampleLow, result.SampleHigh, result.Greedy, result.Majority);
        foreach (var other in result.Also ?? [])
            Line(other.Grader, other.Sample, other.SampleLow, other.SampleHigh, other.Greedy, other.Majority);
        string[] headings = result.Hard is null ? ["Pass@N", "%"] : ["Pass@N", "%", $"hard ({result.Hard.Problems} problems) %"];
        var rows = result.Pass.Select(p => (IReadOnlyList<string>)(result.Hard is null
            ? [p.Key, Percent(p.Value)]
            : [p.Key, Percent(p.Value), Percent(result.Hard.Pass.TryGetValue(p.Key, out var hard) ? hard : null)]));
        foreach (var line in ResultTable.Lines(headings, [.. rows], context.Reporter.Width)) context.Reporter.Say(line);
        if (result.Unsolved is { } none) context.Reporter.Say($"{none.Problems} problems were solved by none of {none.By} samples");
        foreach (var (n, right) in result.Hard?.Beam ?? new Dictionary<string, double>())
            context.Reporter.Say($"a beam of {n} answers {Percent(right)}% of the hard problems");
    }
}
