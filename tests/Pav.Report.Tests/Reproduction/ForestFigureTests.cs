using Pav.Report.Reproduction;

namespace Pav.Report.Tests.Reproduction;

public class ForestFigureTests
{
    private static readonly RunSize Size = new("test", ["s"], 40, 2, 0, 0);

    /// <summary>Two seeds in which a method at size n answers so many of 40 problems with so many tokens each.</summary>
    private static ModelRuns Model(params (string Method, int N, int Right, long Tokens)[] what) => new("s",
        [.. Enumerable.Range(1, 2).Select(seed => new SeededRows(seed,
            [.. from w in what from p in Enumerable.Range(0, 40)
                let right = (p * 7 + seed) % 40 < w.Right ? 1 : 0
                select new SearchRow
                {
                    Problem = $"p{p:00}", Level = 1, Method = w.Method, N = w.N, Seed = 1, Correct = right, Pass = right,
                    Candidates = w.N, Distinct = w.N, GeneratedTokens = w.Tokens, ScoredTokens = 0, Seconds = 0,
                }]))]);

    [Fact]
    public void Forests_are_compared_at_equal_tokens_and_their_stops_with_the_vote()
    {
        var figure = ForestFigure.From(
            [Model(("forest", 2, 24, 300), ("forest", 8, 32, 1200), ("forest-seq", 8, 32, 600), ("best-of-n-orm", 4, 12, 200),
                ("best-of-n-orm", 32, 20, 1600), ("weighted-vote", 4, 16, 200), ("weighted-vote", 32, 32, 1600),
                ("beam-q", 4, 20, 300), ("beam-q", 16, 14, 1200))], "bo4", Size);
        double Value(string what) => Assert.Single(figure.Findings, f => f.What == what).Value!.Value;

        // At 300 tokens best-of-N stands at 12 + 8·ln(1.5)/ln(8) = 13.56 of 40.
        Assert.Equal((24 - 12 - 8 * Math.Log(1.5) / Math.Log(8)) / 40,
            Value($"s: forest minus {SearchMethods.BestByOutcome.Label} at 300 tokens"), 9);
        // The forest reaches the vote's 32 of 40 at 1,200 tokens, the one that stops at 600; the vote needs 1,600.
        Assert.Equal(4.0 / 3,
            Value($"s: {SearchMethods.Forest.Label}: fewest tokens of the weighted vote for its accuracy at N = 32, over those of this "
                + "method"), 9);
        Assert.Equal(8.0 / 3,
            Value($"s: {SearchMethods.ForestInTurn.Label}: fewest tokens of the weighted vote for its accuracy at N = 32, over those of "
                + "this method"), 9);
        Assert.Equal(0.2, Value("s: forest, the least gain from one size to the next (N = 2 to 8)"), 9);
        Assert.Equal(-0.15, Value($"s: {SearchMethods.BeamByQ.Label}, N = 16 minus N = 4"), 9);
        Assert.Equal(600, Value($"s: {SearchMethods.ForestInTurn.Label}, at most 8 trees, generated tokens"), 9);
    }

    [Fact]
    public void Without_forests_it_says_what_is_missing() =>
        Assert.Equal(FigureVerdict.NotRun, ForestFigure.From([Model(("best-of-n-orm", 4, 12, 200))], "bo4", Size).Verdict);
}
