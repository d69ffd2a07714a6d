namespace Pav.Tests.Search;

/// <summary>Searches that reject half-written steps, against definitions of their own.</summary>
public class EarlyRejectionTests
{
    private static readonly IReadOnlyList<Problem> Problems = Toy.Problems(30);
    private static readonly ToyNoisy Q = new(5);
    private static readonly SearchTools Tools = new(new ToyPolicy(), Grader.Numeric, Q);

    private static SearchOptions Options(double keep) => new() { Seed = 9, Candidates = 4, HalfTokens = 1, HalfKeep = keep };

    private static async Task<List<SearchResult>> Run(string id, int n, double keep) =>
        [.. await SearchBatch.Run(Problems, SearchMethods.Find(id)!, n, Tools, Options(keep), trees: true)];

    /// <summary>A beam of n as plain lists: every candidate's first token is paid for and scored, and a share is finished.</summary>
    private static (List<Prefix> Beam, int Tokens) Beam(Problem problem, int n, double keep, string stream)
    {
        var (beam, tokens, k) = (new List<Prefix> { Prefix.Root(problem) }, 0, 0L);
        while (beam.Any(b => !b.Ended))
        {
            var drawn = beam.Where(b => !b.Ended).SelectMany(b => Enumerable.Repeat(b, b.Depth == 0 ? 4 * n : 4))
                .Select(b => Toy.Step(b, Seeds.Uniform(Seeds.Derive(9, problem.Id, stream, k++), 0))).ToList();
            var kept = drawn.OrderByDescending(s => Q.Q(Toy.Half(s))).Take((int)Math.Ceiling(keep * drawn.Count)).ToList();
            tokens += drawn.Count + kept.Sum(s => s.Tokens.Count - 1);
            var whole = drawn.Where(s => kept.Exists(x => ReferenceEquals(x, s)));
            beam = [.. beam.Where(b => b.Ended).Concat(whole).Distinct().OrderByDescending(Q.Q).Take(n)];
        }

        return (beam, tokens);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.25)]
    public async Task A_beam_finishes_the_best_share_of_its_half_written_steps_and_pays_for_all_halves(double keep)
    {
        foreach (var (problem, result) in Problems.Zip(await Run("beam-early", 2, keep)))
        {
            var (beam, tokens) = Beam(problem, 2, keep, "beam");
            Assert.Equal((Grader.Numeric.Extract(beam.MaxBy(Q.Q)!.Text), tokens), (result.Row.Answer, (int)result.Row.GeneratedTokens));
            var rejected = result.Tree!.Nodes.Where(n => n.Step.Length == 1).ToList();
            Assert.NotEmpty(rejected);
            Assert.Equal(rejected, result.Tree.Nodes.Where(n => n.Half));
            var visited = VisitedTraces.From(problem, [("run", result.Tree)], Enum.GetValues<VisitedKind>(), 1);
            Assert.DoesNotContain(visited, v => v.Trace.Steps.Any(s => s.Length == 1));
            Assert.All(rejected, n => Assert.True(n.Fate is Fate.Pruned or Fate.Duplicate && n.Q is not null));
            Assert.All(rejected, n => Assert.DoesNotContain(result.Tree.Nodes, child => child.Parent == n.Id));
        }
    }

    [Fact]
    public async Task A_forest_rejects_in_each_of_its_trees()
    {
        foreach (var (problem, result) in Problems.Zip(await Run("forest-early", 3, 0.5)))
        {
            var trees = Enumerable.Range(0, 3).Select(i => Beam(problem, 1, 0.5, $"tree {i}")).ToList();
            var winner = trees.SelectMany(t => t.Beam).GroupBy(t => Grader.Numeric.Extract(t.Text)).MaxBy(g => g.Sum(Q.Q))!.Key;
            Assert.Equal((winner, trees.Sum(t => t.Tokens)), (result.Row.Answer, (int)result.Row.GeneratedTokens));
        }
    }

    [Fact]
    public async Task Where_all_are_finished_it_is_the_plain_search()
    {
        var early = (await Run("beam-early", 3, 1)).Select(r => (r.Row.Answer, r.Row.Pass, r.Row.GeneratedTokens, r.Row.Distinct));
        Assert.Equal((await Run("beam-q", 3, 1)).Select(r => (r.Row.Answer, r.Row.Pass, r.Row.GeneratedTokens, r.Row.Distinct)), early);
    }

    [Fact]
    public async Task What_is_scored_half_way_costs_scored_tokens()
    {
        var early = await Run("beam-early", 2, 1);
        var plain = await Run("beam-q", 2, 1);
        Assert.All(early.Zip(plain), p => Assert.True(p.First.Row.ScoredTokens > p.Second.Row.ScoredTokens));
    }

    [Fact]
    public void Nothing_follows_a_half_written_step()
    {
        var half = Prefix.Root(Problems[0]).ThenHalf("o", [1]);
        Assert.Throws<InvalidOperationException>(() => half.Then("k\n"));
        Assert.NotEqual(half, Prefix.Root(Problems[0]).Then("o", [1]));
        Assert.Equal((1, false), (half.TokensSince(), half.Ended));
    }
}
