namespace Pav.Tests.Search;

/// <summary>Votes by calibrated log-odds, the stop by the posterior, and forests that are replayed.</summary>
public class VoteEvidenceTests
{
    private static readonly IReadOnlyList<Problem> Problems = Toy.Problems(40);
    private static readonly ToyNoisy Q = new(5);
    private static readonly SearchTools Tools = new(new ToyPolicy(), Grader.Numeric, Q);
    private static readonly SearchOptions Options = new() { Seed = 9, Evidence = new(1.3, -0.2, 0.4) };

    private static double Uniform(int i) => Seeds.Uniform(11, i);

    [Fact]
    public void The_leading_answer_has_the_posterior_of_the_worked_example()
    {
        var evidence = new VoteEvidence(1, 0, 0.1);
        var (answer, probability) = evidence.Leading([new("7", 0.5), new("8", 0.8), new("7", 0.5), new(null, 0.99)]);
        Assert.Equal("7", answer);
        Assert.Equal(100.0 / 149, probability, 10);
        Assert.Equal(Math.Log(4 / 0.1), evidence.Weight(0.8), 10);

        // One trace alone is right with its own probability, whatever the wrong answers do.
        Assert.Equal(0.8, evidence.Leading([new("8", 0.8)]).Probability, 10);
        Assert.Equal((null, 0.0), evidence.Leading([new(null, 0.9)]));
    }

    [Fact]
    public void Wrong_answers_that_agree_often_take_weight_from_many_weak_votes()
    {
        (string Answer, double Q)[] traces = [("8", 0.85), ("7", 0.3), ("7", 0.3), ("7", 0.3)];
        JudgedTrace[] Judged(double collision) =>
            [.. traces.Select(t => new JudgedTrace(t.Answer, t.Q, 0, 0, new VoteEvidence(1, 0, collision).Weight(t.Q)))];
        Assert.Equal(1, FinalChoice.Vote.Pick(Judged(0.5)));
        Assert.Equal(1, FinalChoice.LogOdds.Pick(Judged(0.1)));
        Assert.Equal(0, FinalChoice.LogOdds.Pick(Judged(0.5)));
    }

    /// <summary>Problems whose traces are right with σ(1.5·logit Q − 0.4), and whose wrong traces take one of eight answers.</summary>
    private static List<IReadOnlyList<Ballot>> Made(int problems, int traces, int from)
    {
        var (made, k) = (new List<IReadOnlyList<Ballot>>(), from);
        for (var i = 0; i < problems; i++)
        {
            made.Add([.. Enumerable.Range(0, traces).Select(_ =>
            {
                var q = 0.02 + 0.96 * Uniform(k++);
                var right = Uniform(k++) < 1 / (1 + Math.Exp(0.4) * Math.Pow((1 - q) / q, 1.5));
                return new Ballot(right ? "right" : $"wrong {(int)(8 * Uniform(k++))}", q, right ? 1 : 0);
            })]);
        }

        return made;
    }

    [Fact]
    public void Evidence_is_learned_without_bias_and_its_posterior_is_as_often_right_as_it_says()
    {
        var learned = VoteEvidence.From(Made(2000, 6, 0));
        Assert.Equal(1.5, learned.Scale, 0.1);
        Assert.Equal(-0.4, learned.Bias, 0.1);
        Assert.Equal(1 / 8.0, learned.Collision, 0.01);

        foreach (var traces in new[] { 1, 2, 4 })
        {
            var fresh = Made(4000, traces, 1_000_000 * traces).Select(b => (Lead: learned.Leading(b), Ballots: b)).ToList();
            foreach (var group in fresh.GroupBy(x => (int)(4 * Math.Min(0.999, x.Lead.Probability))).Where(g => g.Count() > 200))
            {
                var right = group.Average(x => x.Lead.Answer == "right" ? 1.0 : 0);
                Assert.Equal(group.Average(x => x.Lead.Probability), right, 4 * 0.5 / Math.Sqrt(group.Count()));
            }
        }
    }

    [Fact]
    public void Without_an_answer_nothing_is_learned()
    {
        var error = Assert.Throws<UserError>(() => VoteEvidence.From([[new(null, 0.5)]]));
        Assert.Contains("no trace of the validation problems", error.Message);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.7)]
    [InlineData(0.95)]
    [InlineData(1.0)]
    public async Task A_forest_grows_until_its_leading_answer_is_sure(double sure)
    {
        var results = await SearchBatch.Run(Problems, SearchMethods.ForestUntilSure, 6, Tools, Options with { Sure = sure });
        foreach (var (problem, row) in Problems.Zip(results.Select(r => r.Row)))
        {
            var (odds, tokens, trees, answer) = (new Dictionary<string, double>(), 0, 0, "");
            while (trees < 6)
            {
                var (head, k) = (Prefix.Root(problem), 0);
                while (!head.Ended)
                {
                    var steps = Enumerable.Range(0, 3)
                        .Select(_ => Toy.Step(head, Seeds.Uniform(Seeds.Derive(9, problem.Id, $"tree {trees}", k++), 0))).ToList();
                    tokens += steps.Sum(s => s.Tokens.Count);
                    head = steps.MaxBy(Q.Q)!;
                }

                trees++;
                var q = Math.Clamp(Q.Q(head), 1e-4, 1 - 1e-4);
                var given = Grader.Numeric.Extract(head.Text)!;
                odds[given] = odds.GetValueOrDefault(given, 1) * Math.Exp(-0.2) * Math.Pow(q / (1 - q), 1.3) / 0.4;
                answer = odds.MaxBy(o => o.Value).Key;
                if (odds[answer] / (odds.Values.Sum() + (1 / 0.4 + 1 - odds.Count)) >= sure) break;
            }

            Assert.Equal((answer, tokens, trees), (row.Answer!, (int)row.GeneratedTokens, row.Candidates));
        }

        Assert.Equal(sure is 0 or 1, results.Select(r => r.Row.Candidates).Distinct().Count() == 1);
    }

    [Fact]
    public async Task A_replayed_forest_is_the_one_that_would_have_been_grown()
    {
        var study = await ForestStudy.Grow(Problems, Tools, Options, new GuidedForest(), 6);
        foreach (var (settle, sure, n) in new[] { (0.8, 0.9, 6), (1.5, 0.6, 4), (100, 1, 3) })
        {
            var options = Options with { Settle = settle, Sure = sure };
            async Task Same(SearchMethod method, ForestPoint replayed)
            {
                var rows = (await SearchBatch.Run(Problems, method, n, Tools, options)).Select(r => r.Row).ToList();
                Assert.Equal(rows.Average(r => r.Correct), replayed.Accuracy, 12);
                Assert.Equal(rows.Average(r => r.GeneratedTokens), replayed.Tokens, 9);
            }

            await Same(SearchMethods.Forest, study.Replay(n, FinalChoice.Vote, options));
            await Same(SearchMethods.Forest.With(FinalChoice.LogOdds), study.Replay(n, FinalChoice.LogOdds, options));
            await Same(SearchMethods.ForestInTurn, study.Replay(n, FinalChoice.Vote, options, new()));
            await Same(SearchMethods.ForestUntilSure, study.Replay(n, FinalChoice.LogOdds, options, new() { ByPosterior = true }));
        }

        var settled = SettleGrid.Run(study, 6, Options, [0.5, 100]);
        Assert.Equal(study.Replay(6, FinalChoice.Vote, Options).Tokens, settled[1].Tokens);
        Assert.True(settled[0].Tokens < settled[1].Tokens);
    }

    [Fact]
    public void The_frontier_names_the_best_forest_within_each_budget()
    {
        // The first tree errs in one problem of two, the second repairs it, the third costs more and spoils nothing.
        static GrownTree Tree(string answer, double q, int tokens) => new([new(answer, q, answer == "1" ? 1 : 0)], tokens);
        ForestStudy narrow = new(
            [[Tree("0", 0.4, 10), Tree("1", 0.9, 10), Tree("1", 0.9, 30)], [Tree("1", 0.8, 10), Tree("1", 0.7, 10), Tree("1", 0.9, 30)]]);
        var wide = new ForestStudy([[Tree("0", 0.9, 15)], [Tree("0", 0.9, 15)]], 2);
        var frontier = ForestStudy.Frontier([narrow, wide], [FinalChoice.Vote], new(), [5, 12, 19, 20, 100]);
        Assert.Equal(
            [new(12, 1, 1, "vote", 0.5, 10), new(19, 1, 1, "vote", 0.5, 10), new(20, 1, 2, "vote", 1, 20), new(100, 1, 2, "vote", 1, 20)],
            frontier);
    }

    [Fact]
    public void The_stop_with_the_fewest_tokens_near_the_best_is_chosen()
    {
        Assert.Equal(0.5, SettleGrid.Best([(0.1, 0.80, 100), (0.5, 0.905, 200), (1, 0.91, 300), (2, 0.91, 400)]));
        Assert.Equal(1, SettleGrid.Best([(2, 0.9, 300), (1, 0.9, 300)]));
    }

    [Fact]
    public async Task Beams_are_widened_until_one_answers_fewer()
    {
        var points = await WidthGrid.Run(Problems, Tools, [8, 1, 2, 4, 16, 32], Options);
        var accuracies = new List<double>();
        foreach (var n in new[] { 1, 2, 4, 8, 16, 32 })
        {
            accuracies.Add((await SearchBatch.Run(Problems, SearchMethods.BeamByQ, n, Tools, Options)).Average(r => r.Row.Correct));
            if (accuracies[^1] < accuracies.Max()) break;
        }

        Assert.Equal(accuracies, points.Select(p => p.Accuracy));
        Assert.Equal(4, WidthGrid.Best([new(1, 0.6, 150), new(4, 0.7, 550), new(8, 0.7, 1100), new(16, 0.5, 2200)]));
    }
}
