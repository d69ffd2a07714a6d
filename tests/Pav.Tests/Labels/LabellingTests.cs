using System.Text.Json;

namespace Pav.Tests.Labels;

public class LabellingTests
{
    private static readonly LabelOptions Options = new() { NCov = 3, NMc = 4, Seed = 11, ProblemsPerBatch = 4 };

    private static async Task<List<string>> Lines(LabelOptions options, Func<string, int, bool>? done = null, ToyPolicy? policy = null,
        int problems = 10)
    {
        var lines = new List<string>();
        await foreach (var line in Labelling.Run(policy ?? new ToyPolicy(), Grader.Numeric, Toy.Problems(problems), options,
            done)) lines.Add(JsonSerializer.Serialize(line));
        return lines;
    }

    [Theory]
    [InlineData(LabelStrategy.Random)]
    [InlineData(LabelStrategy.FirstPit)]
    public async Task Resuming_anywhere_yields_the_very_same_remaining_lines(LabelStrategy strategy)
    {
        var options = Options with { Strategy = strategy };
        var all = await Lines(options);
        Assert.Equal(30, all.Count);
        for (var k = 0; k <= 30; k += 5)
        {
            var have = all.Take(k).Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!).Select(t => (t.Problem, t.Trace)).ToHashSet();
            Assert.Equal(all.Skip(k), await Lines(options, (problem, trace) => have.Contains((problem, trace))));
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(100, 100000)]
    public async Task Batches_and_calls_change_nothing(int problems, int draws) =>
        Assert.Equal(await Lines(Options), await Lines(Options with { ProblemsPerBatch = problems, DrawsPerCall = draws }));

    [Fact]
    public async Task Batches_side_by_side_change_nothing() =>
        Assert.Equal(await Lines(Options), await Lines(Options with { ProblemsPerBatch = 2, BatchesAtOnce = 3 }));

    [Fact]
    public async Task Adaptive_labels_go_on_from_the_same_draws_resume_and_are_unbiased()
    {
        var plan = new SequentialPlan(4, 24, 0.2, 2.5);
        var options = Options with { Plan = plan };
        var all = await Lines(options, problems: 60);
        var traces = all.Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!).ToList();
        Assert.All(traces, t => Assert.Equal("4:24:0.2:2.5", t.Plan));
        Assert.True(traces.SelectMany(t => t.N).Distinct().Count() > 3, "some prefixes need more completions than others");
        var fixedN = (await Lines(Options with { NMc = 24 }, problems: 60)).Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!)
            .ToList();
        for (var t = 0; t < traces.Count; t++)
        {
            Assert.Equal(fixedN[t].Steps, traces[t].Steps);
            for (var h = 0; h < traces[t].N.Count; h++)
                if (traces[t].N[h] == 24) Assert.Equal(fixedN[t].C[h], traces[t].C[h]);
        }

        var have = traces.Take(70).Select(t => (t.Problem, t.Trace)).ToHashSet();
        Assert.Equal(all.Skip(70), await Lines(options, (problem, trace) => have.Contains((problem, trace)), problems: 60));

        var byId = Toy.Problems(60).ToDictionary(p => p.Id);
        var errors = traces.SelectMany(t => t.ToPrefix(byId[t.Problem]).Path().Zip(t.Q, (p, q) => (p, q))).Where(x => !x.p.Ended)
            .DistinctBy(x => x.p).Select(x => x.q.Value - Toy.Q(x.p)).ToList();
        var error = Math.Sqrt(errors.Sum(e => e * e)) / errors.Count;
        Assert.InRange(errors.Average() / error, -4, 4);
    }

    [Fact]
    public async Task More_traces_can_be_added_later()
    {
        var later = (await Lines(Options with { FirstTrace = 3, NCov = 2 })).Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!)
            .ToList();
        Assert.Equal([3, 4], later.Select(t => t.Trace).Distinct());
        var five = (await Lines(Options with { NCov = 5 })).Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!)
            .Where(t => t.Trace >= 3).ToList();
        Assert.Equal(five.Select(t => JsonSerializer.Serialize(t)), later.Select(t => JsonSerializer.Serialize(t)));
    }

    [Fact]
    public async Task Equal_prefixes_share_their_rollouts_and_calls_are_large()
    {
        var policy = new ToyPolicy();
        var traces = (await Lines(Options, policy: policy)).Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!).ToList();
        var problems = Toy.Problems(10).ToDictionary(p => p.Id);
        var open = traces.SelectMany(t => t.ToPrefix(problems[t.Problem]).Path()).Where(p => !p.Ended).Distinct().Count();
        Assert.Equal(30 + 4 * open, policy.Calls.Sum());
        Assert.Equal(6, policy.Calls.Count); // seed traces and completions of three batches
        Assert.Equal(policy.Draws.Count, policy.Draws.Select(d => d.Seed).Distinct().Count());
    }

    [Fact]
    public async Task A_line_has_everything()
    {
        var traces = (await Lines(Options)).Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!).ToList();
        Assert.Equal(Enumerable.Range(0, 30).Select(i => ($"toy-{i / 3}", i % 3)), traces.Select(t => (t.Problem, t.Trace)));
        Assert.All(traces, t =>
        {
            Assert.Equal((5, 5, 6, 6), (t.Steps.Count, t.Tokens.Count, t.N.Count, t.C.Count));
            Assert.Equal([4, 4, 4, 4, 4, 1], t.N);
            Assert.Equal(t.Rex, t.C[^1]);
            Assert.Equal(t.Rex.ToString(), t.Answer);
            Assert.Equal([7, 8, 9], t.Tokens[^1]);
            Assert.Equal(("toy", "random", "numeric-3"), (t.Policy, t.Strategy, t.Grader));
        });
        var names = JsonDocument.Parse(JsonSerializer.Serialize(traces[0])).RootElement.EnumerateObject().Select(p => p.Name);
        Assert.Equal(["problem", "policy", "strategy", "trace", "steps", "tokens", "rex", "answer", "grader", "n", "c"], names);
    }

    [Fact]
    public async Task Labels_are_unbiased()
    {
        var problems = Toy.Problems(400).ToDictionary(p => p.Id);
        var error = new List<(int Depth, double Error)>();
        await foreach (var line in Labelling.Run(new ToyPolicy(), Grader.Numeric, problems.Values, new() { NCov = 2, NMc = 16, Seed = 2 }))
        {
            var path = line.ToPrefix(problems[line.Problem]).Path();
            for (var h = 0; h < path.Count; h++) error.Add((h, line.Q[h].Value - Toy.Q(path[h])));
        }

        foreach (var depth in error.GroupBy(e => e.Depth)) Assert.Equal(0, depth.Average(e => e.Error), 0.012);
        Assert.Equal(0, error.Where(e => e.Depth >= 4).Max(e => Math.Abs(e.Error)));
    }

    [Fact]
    public async Task First_pit_keeps_prefixes_up_to_the_pit_with_fresh_counts()
    {
        var options = Options with { NCov = 4, Strategy = LabelStrategy.FirstPit, NMcPit = 12, HighValue = 0.4 };
        var traces = (await Lines(options, problems: 40)).Select(l => JsonSerializer.Deserialize<LabelledTrace>(l)!).ToList();
        var kept = traces.Where(t => t.N[0] > 0).ToList();
        Assert.InRange(kept.Count, 10, 150);
        Assert.All(traces, t => Assert.Equal((1, t.Rex), (t.N[^1], t.C[^1])));
        Assert.All(traces.Where(t => t.Rex == 1), t => Assert.All(t.N.SkipLast(1), n => Assert.Equal(0, n)));
        Assert.All(kept, t => Assert.Equal(t.N.SkipLast(1).OrderDescending(), t.N.SkipLast(1)));
        Assert.All(kept.SelectMany(t => t.N.SkipLast(1)), n => Assert.Contains(n, new[] { 0, 12 }));
        Assert.Contains(kept, t => t.N.SkipLast(1).Contains(0));

        // Fresh counts are unbiased at the pit, though it was chosen for a first count of 0.
        var problems = Toy.Problems(40).ToDictionary(p => p.Id);
        var pits = kept.Select(t => (t, Pit: t.N.SkipLast(1).Count(n => n > 0) - 1)).Where(x => x.Pit is > 0 and < 4).ToList();
        var exact = pits.Average(x => Toy.Q(x.t.ToPrefix(problems[x.t.Problem]).Path()[x.Pit]));
        Assert.True(exact > 0.03);
        Assert.Equal(exact, pits.Average(x => x.t.Q[x.Pit].Value), 0.06);
    }

    [Fact]
    public void The_pit_is_the_first_zero_after_a_high_state()
    {
        static int? Pit(double high, params int[] right) => Labelling.FirstPit([.. right.Select(c => new QEstimate(4, c))], high);
        Assert.Equal(3, Pit(0.5, 1, 3, 1, 0, 0));
        Assert.Equal(3, Pit(0.5, 0, 0, 3, 0));  // a zero before the high state is noise
        Assert.Null(Pit(0.5, 2, 2, 0));         // no high state
        Assert.Null(Pit(0.5, 3, 4));            // right
    }

    [Fact]
    public async Task Progress_adds_up_and_cancellation_stops()
    {
        var policy = new ToyPolicy();
        LabelProgress last = default;
        await foreach (var line in Labelling.Run(policy, Grader.Numeric, Toy.Problems(5), Options, progress: p =>
            last = p)) Assert.NotEmpty(line.Steps);
        Assert.Equal(5, last.Problems);
        Assert.Equal((policy.Draws.Count - 15) / 4, last.Prefixes);
        Assert.True(last.GeneratedTokens > 5 * 3 * 11);

        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in Labelling.Run(policy, Grader.Numeric, Toy.Problems(5), Options, cancel: cancel.Token)) { }
        });
    }

    [Theory]
    [InlineData("n_cov")]
    [InlineData("n_mc ")]
    [InlineData("temperature")]
    [InlineData("first pits are")]
    public void Options_out_of_range_are_named(string which)
    {
        var options = which switch
        {
            "n_cov" => Options with { NCov = 0 },
            "n_mc " => Options with { NMc = -1 },
            "temperature" => Options with { Sampling = new(Temperature: 0) },
            _ => Options with { HighValue = 1 },
        };
        Assert.Contains(which, Assert.Throws<UserError>(options.Check).Message);
    }

    [Fact]
    public async Task Monte_Carlo_verifier_is_unbiased_asks_once_and_charges_once()
    {
        var policy = new ToyPolicy();
        var verifier = new MonteCarloVerifier(policy, Grader.Numeric, 8, new(), 3);
        var prefixes = Toy.Problems(300).Select(p => Prefix.Root(p).Then("ok\n", [1, 2]).Then("slip\n", [1, 2])).ToList();
        var scored = await verifier.Score(prefixes);
        for (var h = 0; h < 3; h++) Assert.Equal(prefixes.Average(p => Toy.Q(p.Path()[h])), scored.Average(s => s.Q[h]), 0.025);
        Assert.All(scored, s => Assert.Equal(8 * (11 + 9 + 7), s.Tokens));

        var before = policy.Calls.Sum();
        var again = await verifier.Score(prefixes);
        Assert.Equal(before, policy.Calls.Sum());
        Assert.All(again, s => Assert.Equal(0, s.Tokens));
        verifier.Reset();
        Assert.Equal(scored.Select(s => s.Tokens), (await verifier.Score(prefixes)).Select(s => s.Tokens));
        Assert.Equal(before, policy.Calls.Sum());
        Assert.Equal(scored[7].Q, Assert.Single(await new MonteCarloVerifier(policy, Grader.Numeric, 8, new(), 3).Score([prefixes[7]])).Q);
        var ended = Assert.Single(await verifier.Score([prefixes[0].Then("on\n").Then("on\n").Then("Answer: 0", ended: true)]));
        Assert.Equal(0, ended.Q[^1]);
    }

    [Fact]
    public async Task Monte_Carlo_best_of_K_is_unbiased_shares_the_counts_and_refuses_more_than_it_has()
    {
        var policy = new ToyPolicy();
        var oracle = new MonteCarloVerifier(policy, Grader.Numeric, 6, new(), 3);
        var prefixes = Toy.Problems(1500).Select(p => Prefix.Root(p).Then("slip\n", [1, 2])).ToList();
        var plain = await oracle.Score(prefixes);
        var calls = policy.Calls.Sum();
        var best = oracle.BestOf(4);
        Assert.Equal("bo4", best.Name);
        var scored = await best.Score(prefixes);
        Assert.Equal(calls, policy.Calls.Sum());
        Assert.All(scored, s => Assert.Equal(0, s.Tokens));
        for (var h = 0; h < 2; h++)
        {
            var exact = prefixes.Average(p => BestOfK.FromQ(Toy.Q(p.Path()[h]), 4));
            Assert.Equal(exact, scored.Average(s => s.Q[h]), 0.02);
            Assert.True(plain.Average(s => BestOfK.FromQ(s.Q[h], 4)) < exact - 0.02); // the plug-in
        }

        var trace = prefixes[0].Then("fix\n").Then("ok\n").Then("ok\n");
        foreach (var answer in new[] { 0, 1 })
            Assert.Equal(answer, Assert.Single(await best.Score([trace.Then($"Answer: {answer}", ended: true)])).Q[^1]);
        best.Reset();
        Assert.True(Assert.Single(await best.Score([prefixes[0]])).Tokens > 0);
        Assert.Contains("bo7", Assert.Throws<UserError>(() => oracle.BestOf(7)).Message);
    }

    [Fact]
    public async Task Monte_Carlo_counts_are_forgotten_when_they_are_many_and_come_back_alike()
    {
        var policy = new ToyPolicy();
        var oracle = new MonteCarloVerifier(policy, Grader.Numeric, 4, new(), 3, keep: 60);
        var prefixes = Toy.Problems(40).Select(p => Prefix.Root(p).Then("ok\n", [1, 2])).ToList();
        var first = await oracle.Score(prefixes[..20]);
        oracle.Reset();
        await oracle.Score(prefixes[..20]);
        Assert.Equal(20 * 2 * 4, policy.Calls.Sum()); // kept: 40 counts
        await oracle.Score(prefixes);
        oracle.Reset();
        var again = await oracle.Score(prefixes[..20]);
        Assert.Equal((40 + 20) * 2 * 4, policy.Calls.Sum()); // forgotten: 80 counts
        Assert.Equal(first.Select(s => (s.Q[0], s.Q[1], s.Tokens)), again.Select(s => (s.Q[0], s.Q[1], s.Tokens)));
    }
}
