namespace Pav.Tests.Labels;

/// <summary>Over-optimisation: scores of chosen steps against fresh values.</summary>
public class ScoreGapTests
{
    private const int Many = 1_000_000;

    private static LabelledTrace Trace(string problem, string[] steps, int[] n, int[] c, params (int N, VisitedKind Kind)[] places) => new(
        problem, "toy", "random", 0, steps, [.. steps.Select(_ => (IReadOnlyList<int>)[1])], 0, null, "numeric-3", n, c,
            Unfinished: n[^1] > 1,
        Visited: [.. places.Select(p => new VisitedPlace("run", "beam-q", p.N, null, null, 1, p.Kind))]);

    [Fact]
    public void Gaps_are_by_size_and_kind_over_different_steps()
    {
        LabelledTrace[] traces =
        [
            Trace("a", ["x\n", "y"], [4, 4, 1], [2, 2, 1], (2, VisitedKind.Finished), (4, VisitedKind.Finished)),
            Trace("a", ["x\n", "z\n"], [4, 4, 4], [2, 2, 0], (2, VisitedKind.Pruned)),
            Trace("b", ["x\n"], [4, 4], [2, 1], (2, VisitedKind.Kept)),
        ];
        var gaps = ScoreGap.From(traces, [[0.5, 0.8, 0.9], [0.5, 0.8, 0.1], [0.5, 0.55]]);
        Assert.Equal(
            [(2, VisitedKind.Kept, 2), (4, VisitedKind.Kept, 1), (2, VisitedKind.Pruned, 1), (2, VisitedKind.Finished, 1),
                (4, VisitedKind.Finished, 1)],
            gaps.Select(g => (g.N, g.Kind, g.Steps)));

        // Kept at N = 2: x of a, once though two traces hold it, 0.8 against 2/4; x of b 0.55 against 1/4.
        Assert.Equal((0.675, 0.375, 0.3), (gaps[0].Score, gaps[0].Value, Math.Round(gaps[0].Gap, 12)));
        Assert.Equal((0.3, 0.3), (Math.Round(gaps[0].Low, 12), Math.Round(gaps[0].High, 12)));
        Assert.Equal(-0.1, gaps[3].Gap, 12);
    }

    [Fact]
    public async Task The_gap_is_unbiased_and_shows_what_the_choice_makes_of_noise()
    {
        var problems = Toy.Problems(300);
        var noisy = new ToyNoisy(5);
        var tools = new SearchTools(new ToyPolicy(), Grader.Numeric, noisy);
        var visited = new Dictionary<string, IReadOnlyList<VisitedTrace>>();
        var searches = new List<SearchResult>();
        foreach (var n in new[] { 1, 8 }) searches.AddRange(await SearchBatch.Run(problems, SearchMethods.BeamByQ, n, tools,
            new() { Seed = 3 }, trees: true));
        foreach (var problem in searches.GroupBy(s => s.Row.Problem))
        {
            var trees = problem.Select(s => ("run", s.Tree!));
            visited[problem.Key] = VisitedTraces.From(problems.First(p => p.Id == problem.Key), trees,
                [VisitedKind.Kept, VisitedKind.Pruned], 1);
        }

        var (traces, exact, scores) = (new List<LabelledTrace>(), new List<double[]>(), new List<double[]>());
        await foreach (var line in Labelling.Run(new ToyPolicy(), Grader.Numeric, problems, new() { NCov = 100, NMc = 4, Seed = 11 },
            seeds: SeedTraces.From(visited)))
        {
            var path = line.ToPrefix(problems.First(p => p.Id == line.Problem)).Path();
            traces.Add(line);
            exact.Add([.. path.Select(Toy.Q)]);
            scores.Add([.. path.Select(p => Toy.Q(p) + noisy.Q(p) - 0.6 * Toy.Q(p) - 0.2)]); // the noise alone, of mean 0
        }

        // Exact scores have no gap.
        Assert.All(ScoreGap.From(traces, exact), g => Assert.InRange(g.Gap / ((g.High - g.Low) / 3.92 + 1e-9), -4, 4));

        // The true gap is known here; the estimate is of it. Kept steps are overrated, and more so than pruned ones.
        var sure = traces.Zip(exact, (t, q) => t with { N = [.. q.Select(_ => Many)], C = [.. q.Select(x => (int)Math.Round(Many * x))] });
        var truth = ScoreGap.From([.. sure], scores);
        var found = ScoreGap.From(traces, scores);
        Assert.All(found.Zip(truth), g => Assert.InRange((g.First.Gap - g.Second.Gap) / ((g.First.High - g.First.Low) / 3.92), -3, 3));
        Assert.True(found.First(g => g is { Kind: VisitedKind.Kept, N: 8 })
            .Gap > found.First(g => g is { Kind: VisitedKind.Pruned, N: 8 }).Gap + 0.05);
    }
}
