using System.Text.Json;

namespace Pav.Tests.Search;

public class SearchTests
{
    private static readonly IReadOnlyList<Problem> Problems = Toy.Problems(40);

    private static async Task<List<BeamResult>> Beam(BeamOptions options, IReadOnlyList<Problem>? problems = null, IVerifier? verifier = null, bool trees = false) =>
        [.. (await BeamSearch.Run(problems ?? Problems, new ToyPolicy(), verifier ?? new ToyNoisy(5), Grader.Numeric, options, trees)).Select(r => r with { Row = r.Row with { Seconds = 0 } })];

    /// <summary>The definition, one problem at a time, by plain lists.</summary>
    private static (string Chosen, long Tokens, List<string> Final) Reference(Problem problem, int n, int candidates, double alpha, ulong seed, ToyNoisy pi, Func<Prefix, double> mu)
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
                    var child = Toy.Step(p, Seeds.Uniform(Seeds.Of(seed, problem.Id, "beam", counter++), 0));
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
        foreach (var (prover, q) in new (Prover, Func<Prefix, double>)[] { (Prover.By(mu), mu.Q), (Prover.BestOf(4), p => BestOfK.FromQ(pi.Q(p), 4)) })
        {
            var results = await Beam(new(n, candidates, alpha, prover, Seed: 9), verifier: pi, trees: true);
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
        var options = new BeamOptions(3, 3, 0.5, Prover.BestOf(4), Seed: 4);
        var together = await Beam(options);
        for (var i = 0; i < 10; i++) Assert.Equal(together[i].Row, (await Beam(options, [Problems[i]]))[0].Row);
        Assert.NotEqual(together.Select(r => r.Row.GeneratedTokens), (await Beam(options with { Seed = 5 })).Select(r => r.Row.GeneratedTokens));
    }

    [Fact]
    public async Task All_problems_advance_in_one_call_per_step_and_BoK_costs_no_scores()
    {
        var (policy, verifier) = (new ToyPolicy(), new ToyNoisy(5));
        var results = await BeamSearch.Run(Problems, policy, verifier, Grader.Numeric, new(2, 3, 0.5, Prover.BestOf(4)));
        Assert.Equal(5, policy.Calls.Count);
        Assert.Equal(5, verifier.Calls);
        var plain = await BeamSearch.Run(Problems, policy, verifier, Grader.Numeric, new(2));
        Assert.All(plain, r => Assert.Equal(("beam-q", null, null), (r.Row.Method, r.Row.Alpha, r.Row.Prover)));
        var twice = await BeamSearch.Run(Problems, policy, verifier, Grader.Numeric, new(2, 3, 0, Prover.By(verifier)));
        Assert.Equal(plain.Select(r => (r.Row.Answer, 2 * r.Row.ScoredTokens)), twice.Select(r => (r.Row.Answer, r.Row.ScoredTokens)));
        Assert.All(results, r => Assert.InRange(r.Row.ScoredTokens, 1, r.Row.GeneratedTokens));
    }

    [Fact]
    public async Task Trees_account_for_every_step()
    {
        foreach (var (row, tree) in await Beam(new(3, 3, 0.5, Prover.BestOf(4), Method: "oracle-beam-pav"), verifier: new ToyExact(), trees: true))
        {
            var nodes = tree!.Nodes;
            Assert.Equal("oracle-beam-pav", tree.Method);
            Assert.Equal(Enumerable.Range(0, nodes.Count), nodes.Select(n => n.Id));
            Assert.Equal((-1, Fate.Root), (nodes[0].Parent, nodes[0].Fate));
            Assert.Equal(Toy.Q(Prefix.Root(Problems.Single(p => p.Id == row.Problem))), nodes[0].Q, 12);
            Assert.All(nodes.Skip(1), n => Assert.True(n.Parent < n.Id));
            Assert.All(nodes.Skip(1), n => Assert.Equal(n.Q + 0.5 * n.A, n.Score, 12));
            Assert.All(nodes.Skip(1), n => Assert.Equal(n.QMu - nodes[n.Parent].QMu, n.A, 12));
            Assert.Equal(row.GeneratedTokens, nodes.Skip(1).Sum(n => n.Rex is null ? 2 : 3));
            Assert.All(nodes.Where(n => n.Fate == Fate.Duplicate), n => Assert.Contains(nodes, m => m.Parent == n.Parent && m.Step == n.Step && m.Id < n.Id && m.Q == n.Q));
            var chosen = Assert.Single(nodes, n => n.Fate == Fate.Chosen);
            Assert.Equal(row.Correct, chosen.Rex);
            Assert.Contains("\"fate\":\"chosen\"", JsonSerializer.Serialize(tree));
        }
    }

    [Fact]
    public async Task A_search_is_no_deeper_than_a_trace_has_tokens()
    {
        var result = (await Beam(new(2, Sampling: new(MaxTokens: 3))))[0];
        Assert.Equal((0, 0, null), (result.Row.Correct, result.Row.Pass, result.Row.Answer));
    }

    [Fact]
    public async Task Oracle_values_find_the_answer()
    {
        var oracle = new MonteCarloVerifier(new ToyPolicy(), Grader.Numeric, 16, new(), 1);
        var found = await Beam(new(4), verifier: oracle);
        var sets = await RepeatedSampling.Draw(Problems, new ToyPolicy(), 1, 1, new());
        Assert.Equal(1, found.Average(r => r.Row.Correct));
        Assert.Equal(found.Select(r => r.Row.ScoredTokens), (await Beam(new(4), verifier: oracle)).Select(r => r.Row.ScoredTokens));
        Assert.InRange(sets.Average(s => RepeatedSampling.Sample(s, Grader.Numeric).Correct), 0.2, 0.8);
    }

    [Fact]
    public async Task Alpha_is_chosen_on_a_grid()
    {
        var points = await AlphaGrid.Run(Problems, new ToyPolicy(), new ToyNoisy(5), Grader.Numeric, new(2, Prover: Prover.BestOf(4)), [0, 0.5, 1]);
        Assert.Equal([0, 0.5, 1], points.Select(p => p.Alpha));
        Assert.Equal((await Beam(new(2, 3, 0.5, Prover.BestOf(4)))).Average(r => r.Row.Correct), points[1].Accuracy);
        Assert.Equal(0.2, AlphaGrid.Best([new(0.4, 0.6), new(0, 0.5), new(0.2, 0.6)]));
    }

    [Theory]
    [InlineData(0, 3, 0, "beam size")]
    [InlineData(1, 0, 0, "candidates")]
    [InlineData(1, 3, -0.1, "alpha")]
    [InlineData(1, 3, double.NaN, "alpha")]
    [InlineData(1, 3, 0.5, "prover")]
    public void Options_out_of_range_are_named(int n, int candidates, double alpha, string which) =>
        Assert.Contains(which, Assert.Throws<UserError>(new BeamOptions(n, candidates, alpha).Check).Message);

    [Fact]
    public void A_prover_needs_a_positive_K() => Assert.Contains("K is 0", Assert.Throws<UserError>(() => Prover.BestOf(0)).Message);

    [Fact]
    public async Task Every_N_is_judged_on_the_first_traces_of_one_set_and_pays_for_them_alone()
    {
        var policy = new ToyPolicy();
        var sets = await RepeatedSampling.Draw(Problems, policy, 16, 3, new());
        var scores = await RepeatedSampling.Score(sets, new ToyNoisy(5));
        Assert.Equal(Problems.Count * 16, Assert.Single(policy.Calls));
        foreach (var (set, score) in sets.Zip(scores))
        {
            foreach (var n in new[] { 1, 4, 16 })
            {
                var best = RepeatedSampling.BestOfN("best-of-n-q", set, score, n, Grader.Numeric);
                var first = set.Traces.Take(n).ToList();
                Assert.Equal(Grader.Numeric.Rex(first.MaxBy(new ToyNoisy(5).Q)!), best.Correct);
                Assert.Equal(first.Any(t => Grader.Numeric.Rex(t) == 1) ? 1 : 0, best.Pass);
                Assert.Equal((11L * n, 3L * n, n), (best.GeneratedTokens, best.ScoredTokens, best.Candidates));
                Assert.Equal(first.Select(t => t.Text).Distinct().Count(), best.Distinct);

                var majority = RepeatedSampling.Majority(set, n, Grader.Numeric);
                var right = first.Count(t => Grader.Numeric.Rex(t) == 1);
                if (2 * right != n) Assert.Equal(2 * right > n ? 1 : 0, majority.Correct);
                Assert.Equal(0, majority.ScoredTokens);
            }

            Assert.Equal(RepeatedSampling.Sample(set, Grader.Numeric).Correct, RepeatedSampling.BestOfN("best-of-n-q", set, score, 1, Grader.Numeric).Correct);
            var sums = set.Traces.Zip(score.Q).GroupBy(x => Grader.Numeric.Extract(x.First.Text)).MaxBy(g => g.Sum(x => x.Second))!;
            Assert.Equal(sums.Key, RepeatedSampling.WeightedVote(set, score, 16, Grader.Numeric).Answer);
        }

        var fewer = await RepeatedSampling.Draw([Problems[3]], policy, 4, 3, new());
        Assert.Equal(sets[3].Traces.Take(4), fewer[0].Traces);
        await Assert.ThrowsAsync<UserError>(() => RepeatedSampling.Draw(Problems, policy, 0, 3, new()));
    }

    [Fact]
    public async Task Rows_have_the_fields_of_the_file()
    {
        var row = (await Beam(new(2, 3, 0.5, Prover.BestOf(4))))[0].Row;
        string[] fields =
        [
            "problem", "level", "method", "n", "alpha", "prover", "seed", "correct", "pass", "candidates", "distinct", "answer", "generated_tokens", "scored_tokens", "seconds", "q",
        ];
        Assert.Equal(fields, JsonDocument.Parse(JsonSerializer.Serialize(row)).RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(row, JsonSerializer.Deserialize<SearchRow>(JsonSerializer.Serialize(row)));
        Assert.DoesNotContain("prover", JsonSerializer.Serialize(row with { Prover = null }));
    }
}
