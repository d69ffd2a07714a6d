using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Tests;

/// <summary>The hard set: problems that no sample of a policy solves, and beams on them.</summary>
public sealed class PolicyEvaluationTests : IDisposable
{
    private const ulong Seed = 3;
    private readonly TemporaryFolder temporary = new();
    private readonly Problem[] problems = [.. Enumerable.Range(0, 4).Select(i => new Problem($"p{i}", $"Problem {i}", "1"))];

    public void Dispose() => temporary.Dispose();

    /// <summary>Writes "Answer: 1" from its sample FIRST[problem] on, and 0 before; a beam always fails on p3.</summary>
    private sealed class Scripted(IReadOnlyDictionary<string, int> first, ulong seed = Seed) : IPolicy
    {
        public string Name => "scripted";

        public int Drawn { get; private set; }

        public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
            CancellationToken cancel = default)
        {
            Drawn += draws.Count;
            return Task.FromResult<IReadOnlyList<Prefix>>([.. draws.Select(d =>
            {
                var id = d.Prefix.Problem.Id;
                var index = until == Until.TraceEnd
                    ? Enumerable.Range(0, 64).First(k => d.Seed == Seeds.Derive(seed, id, "sample", k)) : id == "p3" ? -1 : 64;
                return d.Prefix.Then($"Answer: {(index >= first[id] ? 1 : 0)}", [1, 2], ended: true);
            })]);
        }
    }

    private sealed class Constant : IVerifier
    {
        public string Name => "constant";

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default) =>
            Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p => new Scored([.. Enumerable.Repeat(0.5, p.Depth + 1)], 1))]);
    }

    private EvaluationSummary Evaluate(string name, IPolicy policy, int samples, int hardSamples = 0, string hard = "", int[]? beams = null)
    {
        using var run = RunFolder.Open("evaluate", new EvaluateSettings { Samples = samples, HardSamples = hardSamples },
            temporary.At(name));
        var context = new CommandContext(run, new Reporter(TextWriter.Null, live: false, quiet: true), CancellationToken.None);
        var evaluation = new PolicyEvaluation(policy, Grader.Numeric, new(MaxTokens: 8), samples, Seed, 3, context, [Grader.Named("math")],
            hardSamples);
        return evaluation.Run(problems, hard, beams ?? [], beams is null ? null : new Constant()).GetAwaiter().GetResult();
    }

    [Fact]
    public void UnsolvedProblemsAreSampledFurther()
    {
        var policy = new Scripted(new Dictionary<string, int> { ["p0"] = 0, ["p1"] = 3, ["p2"] = 9, ["p3"] = 40 });
        var result = Evaluate("start", policy, samples: 4, hardSamples: 18);
        var written = Json.Read<EvaluationSummary>(temporary.At("start/evaluation.json"));
        Assert.Equal((Grader.Named("math").Id, result.Sample, 4), (written.Also![0].Grader, written.Also[0].Sample, written.Problems));
        var tallies = JsonLines.Read<Tally>(temporary.At("start/tallies.jsonl")).ToList();
        // p0 and p1 are solved by the first 4; p2 by the 10th, within the third chunk; p3 by none of 18.
        Assert.Equal([(4, 4, 0, 0), (1, 4, 0, 0), (0, 4, 8, 3), (0, 4, 14, 0)],
            tallies.Select(t => (t.Right, t.Samples, t.Further, t.FurtherRight)));
        Assert.Equal((18, 1), (result.Unsolved!.By, result.Unsolved.Problems));
        Assert.Equal((4 + 1) / 16.0, result.Sample, 9); // the samples asked for, and no others
        Assert.Equal(4 * (4 + 1) + 8 + 14, policy.Drawn);
        var (unsolved, by) = PolicyEvaluation.Unsolved(temporary.At("start"), problems);
        Assert.Equal(["p3"], unsolved);
        Assert.Equal(18, by);
        Assert.Contains("no samples of the problem \"p4\"",
            Assert.Throws<UserError>(() =>
            PolicyEvaluation.Unsolved(temporary.At("start"), [.. problems, new("p4", "Problem 4", "1")])).Message);
    }

    [Fact]
    public void BeamsAnswerTheHardSet()
    {
        Evaluate("start", new Scripted(problems.ToDictionary(p => p.Id, p => p.Id is "p0" or "p1" ? 0 : 50)), samples: 4);
        // Draws of its own, not those that chose the hard set.
        Assert.NotEqual(Seed, PolicyEvaluation.BesideHard(Seed));
        var policy = new Scripted(problems.ToDictionary(p => p.Id, _ => 2), PolicyEvaluation.BesideHard(Seed));
        var hard = Evaluate("trained", policy, samples: 4, hard: temporary.At("start"), beams: [4, 2]).Hard!;
        Assert.Equal((4, 2), (hard.UnsolvedBy, hard.Problems));
        Assert.Equal(0.5, hard.Pass["1"], 9); // samples 2 and 3 of 4 are right
        Assert.Equal([("2", 0.5), ("4", 0.5)], hard.Beam!.Select(b => (b.Key, b.Value))); // p2 is answered, p3 is not
        Assert.Equal([("p2", 2, 1), ("p3", 2, 0), ("p2", 4, 1), ("p3", 4, 0)],
            JsonLines.Read<SearchRow>(temporary.At("trained/hard-beam.jsonl")).Select(r => (r.Problem, r.N, r.Correct)));
        var before = policy.Drawn;
        Evaluate("trained", policy, samples: 4, hard: temporary.At("start"), beams: [4, 2]);
        Assert.Equal(before, policy.Drawn); // all of it was there
    }
}
