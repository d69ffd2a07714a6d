using System.Text.Json;

namespace Pav.Tests.Search;

public class SearchTests
{
    private static readonly IReadOnlyList<Problem> Problems = Toy.Problems(40);

    private static async Task<List<SearchResult>> Beam(
        int n, SearchOptions? options = null, IReadOnlyList<Problem>? problems = null, IVerifier? verifier = null, bool trees = false) =>
        await Run(options?.Prover is null ? SearchMethods.BeamByQ : SearchMethods.BeamByProgress, n, options, problems, verifier, trees);

    private static async Task<List<SearchResult>> Run(
        SearchMethod method, int n, SearchOptions? options = null, IReadOnlyList<Problem>? problems = null, IVerifier? verifier = null,
            bool trees = false)
    {
        var tools = new SearchTools(new ToyPolicy(), Grader.Numeric, verifier ?? new ToyNoisy(5), new ToyNoisy(7));
        var results = await SearchBatch.Run(problems ?? Problems, method, n, tools, options ?? new(), trees);
        return [.. results.Select(r => r with { Row = r.Row with { Seconds = 0 } })];
    }

    /// <summary>Every third draw gets no answer; the verifier thinks best of a trace without steps.</summary>
    private sealed class Losing : IPolicy
    {
        public string Name => "losing";

        public async Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling, CancellationToken cancel)
        {
            var drawn = await new ToyPolicy().Extend(draws, until, sampling, cancel);
            return [.. drawn.Select((trace, i) => i % 3 == 0 ? draws[i].Prefix.Lose() : trace)];
        }
    }

    private sealed class FondOfNothing : IVerifier
    {
        public string Name => "fond";

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel) =>
            Task.FromResult<IReadOnlyList<Scored>>([.. prefixes.Select(p =>
                new Scored([.. p.Path().Select(q => q.Text == "" ? 0.9 : 0.1)], 1))]);
    }

    [Fact]
    public async Task A_lost_draw_is_never_the_answer_while_there_is_another()
    {
        var tools = new SearchTools(new Losing(), Grader.Numeric, new FondOfNothing(), new FondOfNothing());
        foreach (var method in (SearchMethod[])[SearchMethods.BestByQ, SearchMethods.BestByOutcome, SearchMethods.WeightedVote])
        {
            var results = await SearchBatch.Run(Problems, method, 4, tools, new(), false);
            Assert.All(results, r => Assert.NotNull(r.Row.Answer));
        }
    }

    private static SearchOptions By(Prover prover, double alpha = 0.5, ulong seed = 1) =>
        new() { Prover = prover, Alpha = alpha, Seed = seed, Evidence = new(1, 0, 0.2) };

    /// <summary>The definition, one problem at a time, by plain lists.</summary>
    private static (string Chosen, long Tokens, List<string> Final) Reference(Problem problem, int n, int candidates, double alpha,
        ulong seed, ToyNoisy pi, Func<Prefix, double> mu)
    {
        var (beam, tokens, counter) = (new List<Prefix> { Prefix.Root(problem) }, 0L, 0L);
        double Score(Prefix p) => pi.Q(p) + alpha * (mu(p) - mu(p.Parent!));
        while (beam.Any(p => !p.Ended))
        {
            var next = beam.Where(p => p.Ended).ToList();
            foreach (var p in beam.Where(p => !p.Ended))
            {
                for (var k = 0; k < (p.Depth == 0 ? n * candidates : candidates); k++)
                {
                    var child = Toy.Step(p, Seeds.Uniform(Seeds.Derive(seed, problem.Id, "beam", counter++), 0));
                    tokens += child.Tokens.Count;
                    if (!next.Contains(child)) next.Add(child);
                }
            }

            beam = [.. next.OrderByDescending(Score).Take(n)];
        }

        return (beam.MaxBy(pi.Q)!.Text, tokens, [.. beam.Select(p => p.Text).Order()]);
    }

    [Theory]
    [InlineData(1, 3, 0.0)]
    [InlineData(2, 3, 0.5)]
    [InlineData(4, 3, 1.0)]
    [InlineData(8, 2, 0.3)]
    public async Task Beam_agrees_with_the_definition(int n, int candidates, double alpha)
    {
        var (pi, mu) = (new ToyNoisy(5), new ToyNoisy(6));
        foreach (var (prover, q) in new (Prover, Func<Prefix, double>)[] { (Prover.By(mu), mu.Q),
            (Prover.BestOf(4), p => BestOfK.FromQ(pi.Q(p), 4)) })
        {
            var results = await Beam(n, By(prover, alpha, 9) with { Candidates = candidates }, verifier: pi, trees: true);
            foreach (var (problem, result) in Problems.Zip(results))
            {
                var expected = Reference(problem, n, candidates, alpha, 9, pi, q);
                Assert.Equal((Grader.Numeric.Extract(expected.Chosen), expected.Tokens), (result.Row.Answer, result.Row.GeneratedTokens));
                Assert.Equal(expected.Final, Texts(result.Tree!, Fate.Finished, Fate.Chosen));
                Assert.Equal([expected.Chosen], Texts(result.Tree!, Fate.Chosen));
                Assert.Equal((prover.Name, alpha, "beam-pav"), (result.Row.Prover, result.Row.Alpha, result.Row.Method));
                Assert.Equal(expected.Final.Count, result.Row.Candidates);
                Assert.Equal(expected.Final.Any(t => t.EndsWith('1')) ? 1 : 0, result.Row.Pass);
            }
        }
    }

    private static List<string> Texts(SearchTree tree, params Fate[] fates)
    {
        string Text(TreeNode n) => n.Parent < 0 ? "" : Text(tree.Nodes[n.Parent]) + n.Step;
        return [.. tree.Nodes.Where(n => fates.Contains(n.Fate)).Select(Text).Order()];
    }

    [Fact]
    public async Task A_problem_does_not_depend_on_its_company()
    {
        var options = By(Prover.BestOf(4), 0.5, 4);
        foreach (var method in SearchMethods.All)
        {
            var together = await Run(method, 4, options);
            for (var i = 0; i < 5; i++) Assert.Equal(together[i].Row, (await Run(method, 4, options, [Problems[i]]))[0].Row);
            if (!method.SizeOne || method == SearchMethods.Sample)
                Assert.NotEqual(together.Select(r => r.Row), (await Run(method, 4, options with { Seed = 5 }))
                    .Select(r => r.Row with { Seed = 4 }));
        }
    }

    [Fact]
    public async Task All_problems_advance_in_one_call_per_step_and_BoK_costs_no_scores()
    {
        var (policy, verifier) = (new ToyPolicy(), new ToyNoisy(5));
        var tools = new SearchTools(policy, Grader.Numeric, verifier);
        var results = await SearchBatch.Run(Problems, SearchMethods.BeamByProgress, 2, tools, By(Prover.BestOf(4)));
        Assert.Equal(5, policy.Calls.Count);
        Assert.Equal(5, verifier.Calls);
        var plain = await SearchBatch.Run(Problems, SearchMethods.BeamByQ, 2, tools, new());
        Assert.All(plain, r => Assert.Equal(("beam-q", null, null), (r.Row.Method, r.Row.Alpha, r.Row.Prover)));
        var twice = await SearchBatch.Run(Problems, SearchMethods.BeamByProgress, 2, tools, By(Prover.By(verifier), 0));
        Assert.Equal(plain.Select(r => (r.Row.Answer, 2 * r.Row.ScoredTokens)), twice.Select(r => (r.Row.Answer, r.Row.ScoredTokens)));
        Assert.All(results, r => Assert.InRange(r.Row.ScoredTokens, 1, r.Row.GeneratedTokens));
    }

    [Fact]
    public async Task Trees_account_for_every_step()
    {
        foreach (var (row, tree, _) in await Run(SearchMethods.OracleBeamByProgress, 3, By(Prover.BestOf(4)), verifier: new ToyExact(),
            trees: true))
        {
            var nodes = tree!.Nodes;
            Assert.Equal("oracle-beam-pav", tree.Method);
            Assert.Equal(Enumerable.Range(0, nodes.Count), nodes.Select(n => n.Id));
            Assert.Equal((-1, Fate.Root), (nodes[0].Parent, nodes[0].Fate));
            Assert.Equal(Toy.Q(Prefix.Root(Problems.Single(p => p.Id == row.Problem))), nodes[0].Q!.Value, 12);
            Assert.All(nodes.Skip(1), n => Assert.True(n.Parent < n.Id));
            Assert.All(nodes.Skip(1), n => Assert.Equal(n.Q!.Value + 0.5 * n.A!.Value, n.Score!.Value, 12));
            Assert.All(nodes.Skip(1), n => Assert.Equal(n.QMu!.Value - nodes[n.Parent].QMu!.Value, n.A!.Value, 12));
            Assert.Equal(row.GeneratedTokens, nodes.Skip(1).Sum(n => n.Rex is null ? 2 : 3));
            Assert.All(nodes.Where(n => n.Fate == Fate.Duplicate), n =>
                Assert.Contains(nodes, m => m.Parent == n.Parent && m.Step == n.Step && m.Id < n.Id && m.Q == n.Q));
            var chosen = Assert.Single(nodes, n => n.Fate == Fate.Chosen);
            Assert.Equal(row.Correct, chosen.Rex);
            Assert.Contains("\"fate\":\"chosen\"", JsonSerializer.Serialize(tree));
        }
    }

    [Fact]
    public async Task A_search_is_no_deeper_than_a_trace_has_tokens()
    {
        var result = (await Beam(2, new() { Sampling = new(MaxTokens: 3) }))[0];
        Assert.Equal((0, 0, null), (result.Row.Correct, result.Row.Pass, result.Row.Answer));
    }

    [Fact]
    public async Task Oracle_values_find_the_answer()
    {
        var oracle = new MonteCarloVerifier(new ToyPolicy(), Grader.Numeric, 16, new(), 1);
        var found = await Beam(4, verifier: oracle);
        Assert.Equal(1, found.Average(r => r.Row.Correct));
        Assert.Equal(found.Select(r => r.Row.ScoredTokens), (await Beam(4, verifier: oracle)).Select(r => r.Row.ScoredTokens));
        Assert.InRange((await Run(SearchMethods.Sample, 1)).Average(r => r.Row.Correct), 0.2, 0.8);
    }

    [Fact]
    public async Task Alpha_is_chosen_on_a_grid()
    {
        var points = await AlphaGrid.Run(Problems, new(new ToyPolicy(), Grader.Numeric, new ToyNoisy(5)), 2, By(Prover.BestOf(4)),
            [0, 0.5, 1]);
        Assert.Equal([0, 0.5, 1], points.Select(p => p.Alpha));
        Assert.Equal((await Beam(2, By(Prover.BestOf(4)))).Average(r => r.Row.Correct), points[1].Accuracy);
        Assert.Equal(0.2, AlphaGrid.Best([new(0.4, 0.6), new(0, 0.5), new(0.2, 0.6)]));
    }

    [Theory]
    [InlineData(0, 0, "candidates")]
    [InlineData(3, -0.1, "alpha")]
    [InlineData(3, double.NaN, "alpha")]
    [InlineData(3, 0.5, "prover")]
    public void Options_out_of_range_are_named(int candidates, double alpha, string which) =>
        Assert.Contains(which, Assert.Throws<UserError>(new SearchOptions { Candidates = candidates, Alpha = alpha }.Check).Message);

    [Fact]
    public async Task A_size_that_a_search_cannot_have_is_refused()
    {
        await Assert.ThrowsAsync<UserError>(() => Run(SearchMethods.BeamByQ, 0));
        await Assert.ThrowsAsync<UserError>(() => Run(SearchMethods.Find("forest-2")!, 3));
    }

    [Fact]
    public void A_prover_needs_a_positive_K() => Assert.Contains("K is 0", Assert.Throws<UserError>(() => Prover.BestOf(0)).Message);

    [Fact]
    public async Task Every_N_is_judged_on_the_first_traces_of_one_set_and_pays_for_them_alone()
    {
        var (policy, q, outcome) = (new ToyPolicy(), new ToyNoisy(5), new ToyNoisy(7));
        var options = By(Prover.BestOf(4));
        var methods = SearchMethods.All.Where(m => m.Search == SearchMethods.Majority.Search).ToList();
        SearchCase[] cases = [.. methods.Select(m => new SearchCase(m, options))];
        var rows = (await SearchBatch.Run(Problems, cases, [1, 4, 16], new(policy, Grader.Numeric, q, outcome))).Select(r => r.Row)
            .ToLookup(r => (r.Problem, r.Method, r.N));
        Assert.Equal(Problems.Count * 16, Assert.Single(policy.Calls));
        foreach (var set in await RepeatedSampling.Draw(Problems, new ToyPolicy(), 16, 1, new()))
        {
            SearchRow Row(SearchMethod method, int n) => rows[(set.Problem.Id, method.Id, n)].Single();
            foreach (var n in new[] { 1, 4, 16 })
            {
                var first = set.Traces.Take(n).ToList();
                var best = Row(SearchMethods.BestByQ, n);
                Assert.Equal(Grader.Numeric.Rex(first.MaxBy(q.Q)!), best.Correct);
                Assert.Equal(first.Any(t => Grader.Numeric.Rex(t) == 1) ? 1 : 0, best.Pass);
                Assert.Equal((11L * n, 3L * n, n), (best.GeneratedTokens, best.ScoredTokens, best.Candidates));
                Assert.Equal(first.Select(t => t.Text).Distinct().Count(), best.Distinct);
                Assert.Equal(Grader.Numeric.Rex(first.MaxBy(outcome.Q)!), Row(SearchMethods.BestByOutcome, n).Correct);
                double Effective(Prefix t) => q.Q(t) + 0.5 * (BestOfK.FromQ(q.Q(t), 4) - BestOfK.FromQ(q.Q(t.Parent!), 4));
                Assert.Equal(Grader.Numeric.Rex(first.MaxBy(Effective)!), Row(SearchMethods.BestByReward, n).Correct);

                var majority = Row(SearchMethods.Majority, n);
                var right = first.Count(t => Grader.Numeric.Rex(t) == 1);
                if (2 * right != n) Assert.Equal(2 * right > n ? 1 : 0, majority.Correct);
                Assert.Equal(0, majority.ScoredTokens);
                var sums = first.GroupBy(t => Grader.Numeric.Extract(t.Text)).MaxBy(g => g.Sum(q.Q))!;
                Assert.Equal(sums.Key, Row(SearchMethods.WeightedVote, n).Answer);
            }

            Assert.Equal(Grader.Numeric.Rex(set.Traces[0]), Row(SearchMethods.Sample, 1).Correct);
        }

        await Assert.ThrowsAsync<UserError>(() => RepeatedSampling.Draw(Problems, policy, 0, 3, new()));
    }

    [Fact]
    public async Task Rows_have_the_fields_of_the_file()
    {
        var row = (await Beam(2, By(Prover.BestOf(4))))[0].Row;
        string[] fields =
        [
            "problem", "level", "method", "n", "alpha", "prover", "seed", "correct", "pass", "candidates", "distinct", "answer",
                "generated_tokens", "scored_tokens", "seconds", "q",
        ];
        Assert.Equal(fields, JsonDocument.Parse(JsonSerializer.Serialize(row)).RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(row, JsonSerializer.Deserialize<SearchRow>(JsonSerializer.Serialize(row)));
        Assert.DoesNotContain("prover", JsonSerializer.Serialize(row with { Prover = null }));
    }
}
