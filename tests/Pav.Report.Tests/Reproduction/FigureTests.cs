using Pav.Report.Reproduction;

namespace Pav.Report.Tests.Reproduction;

public class FigureTests
{
    private static readonly RunSize Size = new("test", ["s"], 0, 3, 0, 0);

    private static SearchRow Row(int problem, string method, int n, bool right, string? prover = null, bool? pass = null, double tokens = 0, double? alpha = null) =>
        new()
        {
            Problem = $"p{problem:00}", Level = 1, Method = method, N = n, Alpha = alpha, Prover = prover, Seed = 1,
            Correct = right ? 1 : 0, Pass = (pass ?? right) ? 1 : 0, Candidates = n, Distinct = n,
            GeneratedTokens = (long)(tokens > 0 ? tokens : 50 * n), ScoredTokens = 0, Seconds = 0,
        };

    /// <summary>Rows of two seeds in which method m at size n answers so many of 40 problems, others with each seed.</summary>
    private static ModelRuns Model(params (string Method, string? Prover, int N, int Right)[] what) => new("s", [.. Enumerable.Range(1, 2).Select(seed => new SeededRows(seed,
        [.. from w in what from p in Enumerable.Range(0, 40) select Row(p, w.Method, w.N, (p * 7 + seed) % 40 < w.Right, w.Prover)]))]);

    [Fact]
    public void With_one_seed_the_crossed_bootstrap_is_that_over_problems()
    {
        double[] values = [.. Enumerable.Range(0, 30).Select(i => i % 3 == 0 ? 1.0 : 0)];
        var plain = Bootstrap.Interval(30, drawn => drawn.Average(i => values[i]), repetitions: CrossedBootstrap.Repetitions);
        var crossed = CrossedBootstrap.Mean([values]);
        Assert.Equal((plain.Value, plain.Low, plain.High), (crossed.Value, crossed.Low, crossed.High));
    }

    [Fact]
    public void What_differs_between_seeds_widens_the_interval()
    {
        double[] none = [.. Enumerable.Repeat(0.0, 20)], all = [.. Enumerable.Repeat(1.0, 20)];
        var interval = CrossedBootstrap.Mean([none, all]);
        Assert.Equal((0.5, 0.0, 1.0), (interval.Value, interval.Low, interval.High));
    }

    [Fact]
    public void Tokens_are_interpolated_in_their_logarithm()
    {
        Assert.Equal(0.5, LogTokens.AccuracyAt([(100, 0.4), (400, 0.6)], 200), 12);
        Assert.Equal(50 * Math.Pow(4, 0.75), LogTokens.TokensFor([(50, 0.3), (200, 0.7)], 0.6), 9);
        Assert.Equal(double.PositiveInfinity, LogTokens.TokensFor([(50, 0.3)], 0.6));
    }

    [Fact]
    public void Figure_4_is_reproduced_by_a_clear_gain_and_not_by_none()
    {
        var gain = SearchFigures.Figure4([Model(("beam-pav", "bo4", 2, 30), ("beam-pav", "bo4", 4, 32), ("best-of-n-orm", null, 1, 10), ("best-of-n-orm", null, 4, 14), ("best-of-n-orm", null, 8, 18))], "bo4", Size);
        Assert.Equal(FigureVerdict.Reproduced, gain.Verdict);
        // At 100 tokens best-of-N stands halfway between 10 and 14 of 40, at 200 at 14: (30 − 12)/40 and (32 − 14)/40.
        Assert.Equal(0.45, gain.Findings[0].Value!.Value, 9);
        Assert.Equal(4, gain.Findings[1].Value!.Value, 9);
        Assert.Equal(3, gain.Panels[0].Lines.Count);
        Assert.Equal(2, gain.Panels[0].Lines[0].Seeds.Count);
        Assert.Empty(gain.Notes);

        var none = SearchFigures.Figure4([Model(("beam-pav", "bo4", 2, 12), ("best-of-n-orm", null, 1, 10), ("best-of-n-orm", null, 4, 14))], "bo4", Size);
        Assert.Equal(FigureVerdict.NotReproduced, none.Verdict);
        Assert.StartsWith("Not reproduced.", none.Sentence);
        Assert.Equal(0, none.Findings[1].Value);
    }

    private const string Ahead = "The beam answers more at equal tokens or as much with fewer, by as much as the paper reports";

    [Theory]
    [InlineData(3, FigureVerdict.Reproduced, $"Reproduced. {Ahead}.")]
    [InlineData(2, FigureVerdict.Partly, $"Partly reproduced. {Ahead}, but on 2 seeds only.")]
    [InlineData(1, FigureVerdict.Partly, $"Partly reproduced. {Ahead}, but on one seed only.")]
    public void Fewer_than_three_seeds_reproduce_nothing(int seeds, object verdict, string sentence)
    {
        var figure = SearchFigures.Figure4([Model(("beam-pav", "bo4", 2, 30), ("best-of-n-orm", null, 1, 10), ("best-of-n-orm", null, 4, 14))], "bo4", Size with { Seeds = seeds });
        Assert.Equal(((FigureVerdict)verdict, sentence), (figure.Verdict, figure.Sentence));
        Assert.EndsWith("With fewer than 3 seeds partly at most.", figure.Rule);
    }

    [Fact]
    public void Alpha_is_told_by_seed_where_it_differs()
    {
        ModelRuns WithAlphas(string name, params double[] alphas) => new(name, [.. alphas.Select((a, i) => new SeededRows(i + 1, [Row(0, "beam-pav", 2, true, "bo4", alpha: a), Row(0, "beam-q", 2, true)]))]);
        var figure = SearchFigures.WithAlpha(FurtherFigures.Ceiling([Model(("oracle-beam-q", null, 2, 38))], "bo4", 8, Size), [WithAlphas("s", 0.2, 0.5), WithAlphas("m", 1, 1)]);
        Assert.Equal(["α of the beams on Q + αA: s 0.2 (seed 1), 0.5 (seed 2); m 1."], figure.Notes);
    }

    [Theory]
    [InlineData(14, 14, 0.5)] // flat: best-of-N is that accurate with 50 tokens at N = 1, the beam with 100
    [InlineData(16, 14, 0.5)] // and where it declines
    public void What_a_larger_n_does_not_add_is_no_saving(int first, int last, double expected)
    {
        var figure = SearchFigures.Figure4([Model(("beam-pav", "bo4", 2, 14), ("best-of-n-orm", null, 1, first), ("best-of-n-orm", null, 8, last))], "bo4", Size);
        Assert.Equal(expected, figure.Findings[^1].Value!.Value, 9);
        Assert.Equal(FigureVerdict.NotReproduced, figure.Verdict);
        var progress = SearchFigures.Figure5a([Model(("beam-pav", "bo4", 2, 14), ("beam-q", null, 1, first), ("beam-q", null, 8, last))], "bo4", Size);
        Assert.Equal(expected, progress.Findings.Single(f => f.Unit == "times").Value!.Value, 9);
    }

    [Fact]
    public void Figure_5a_tells_progress_from_search()
    {
        (string, string?, int, int)[] ranked = [("best-of-n-q", null, 1, 8), ("best-of-n-q", null, 8, 10)];
        Assert.Equal(FigureVerdict.Reproduced, SearchFigures.Figure5a([Model([.. ranked, ("beam-q", null, 4, 20), ("beam-pav", "bo4", 4, 36)])], "bo4", Size).Verdict);
        Assert.Equal(FigureVerdict.Partly, SearchFigures.Figure5a([Model([.. ranked, ("beam-q", null, 4, 36), ("beam-pav", "bo4", 4, 36)])], "bo4", Size).Verdict);
        Assert.Equal(FigureVerdict.NotReproduced, SearchFigures.Figure5a([Model([.. ranked, ("beam-q", null, 4, 36), ("beam-pav", "bo4", 4, 9)])], "bo4", Size).Verdict);
        // At equal tokens: 30 of 40 against halfway between 10 and 20; beams of 50 tokens have no others beside them, and nothing is said of these.
        var figure = SearchFigures.Figure5a([Model([.. ranked, ("beam-q", null, 2, 10), ("beam-q", null, 8, 20), ("beam-pav", "bo4", 1, 4), ("beam-pav", "bo4", 4, 30)])], "bo4", Size);
        Assert.Equal(0.375, figure.Findings[0].Value!.Value, 9);
        Assert.Contains("mean over beam sizes 4", figure.Findings[0].What);
        Assert.Equal(["times", "points"], SearchFigures.Figure5a([Model([.. ranked, ("beam-q", null, 4, 20), ("beam-pav", "bo4", 1, 30)])], "bo4", Size).Findings.Select(f => f.Unit));
    }

    [Theory]
    [InlineData(10, 30, 10, FigureVerdict.Reproduced)]
    [InlineData(10, 10, 10, FigureVerdict.NotReproduced)]
    [InlineData(10, 20, 30, FigureVerdict.NotReproduced)]
    public void Figure_5b_wants_the_middle_to_be_best(int weak, int four, int strong, object expected)
    {
        var figure = SearchFigures.Figure5b([Model(("beam-q", null, 2, 9), ("beam-pav", "bo1", 2, weak), ("beam-pav", "bo4", 2, four), ("beam-pav", "bo32", 2, strong))], [2], [], Size);
        Assert.Equal(expected, figure.Verdict);
        Assert.Equal([1, 4, 32], figure.Panels[0].Lines[0].Points.Select(p => p.X));
    }

    [Fact]
    public void Figure_5c_needs_two_models()
    {
        var figure = SearchFigures.Figure5c([Model(("beam-pav", "verifier-s-1", 4, 20))], ["pav-tiny-m"], 4, Size);
        Assert.Equal(FigureVerdict.NotRun, figure.Verdict);
        Assert.Equal("Not run: it needs two model sizes at least; pav-tiny-m is not here.", figure.Sentence);
        Assert.Equal("Not run: it needs two model sizes at least.", SearchFigures.Figure5c([], [], 4, Size).Sentence);
        ModelRuns Pair(string name, int small, int large) => Model(("beam-pav", "verifier-s-1", 4, small), ("beam-pav", "verifier-l-2", 4, large)) with { Model = name };
        Assert.Equal(FigureVerdict.Reproduced, SearchFigures.Figure5c([Pair("s", 20, 20), Pair("l", 35, 15)], [], 4, Size).Verdict);
        Assert.Equal(FigureVerdict.NotReproduced, SearchFigures.Figure5c([Pair("s", 20, 20), Pair("l", 15, 35)], [], 4, Size).Verdict);
        Assert.Contains("The best of 2 weaker provers counts", SearchFigures.Figure5c([Pair("s", 20, 20), Pair("m", 20, 20), Pair("l", 35, 15)], [], 4, Size).Rule);
    }

    [Fact]
    public void Figure_6a_compares_at_equal_n()
    {
        var figure = SearchFigures.Figure6a([Model(("beam-pav", "bo4", 4, 36), ("beam-q", null, 4, 20), ("majority", null, 1, 3), ("majority", null, 4, 12))], "bo4", Size);
        Assert.Equal(FigureVerdict.Reproduced, figure.Verdict);
        Assert.Equal([0.4, 0.6], figure.Findings.Select(f => Math.Round(f.Value!.Value, 9)));
        var without = SearchFigures.Figure6a([Model(("beam-pav", "bo4", 4, 36), ("beam-q", null, 8, 20), ("majority", null, 4, 12))], "bo4", Size);
        Assert.Equal([0.6], without.Findings.Select(f => Math.Round(f.Value!.Value, 9)));
        Assert.Equal(FigureVerdict.Partly, without.Verdict);
    }

    [Theory]
    [InlineData(new[] { 20, 25, 30, 38 }, FigureVerdict.Reproduced)] // in the order of the terms
    [InlineData(new[] { 38, 20, 10, 30 }, FigureVerdict.Partly)] // the largest terms have the second largest gain
    [InlineData(new[] { 20, 2, 1, 10 }, FigureVerdict.NotReproduced)] // so they have here, but it is no gain
    [InlineData(new[] { 38, 30, 25, 20 }, FigureVerdict.NotReproduced)]
    public void Terms_of_a_prover_must_go_with_a_gain(int[] right, object expected)
    {
        int[] strengths = [1, 2, 4, 8];
        var provers = strengths.Select((k, i) => new ProverTerms(k, new(i, i, i), new(0, 0, 0))).ToList();
        var runs = Model([("beam-q", null, 4, 10), .. strengths.Select((k, i) => ("beam-pav", (string?)$"bo{k}", 4, right[i]))]);
        Assert.Equal(expected, TheoryFigure.From(runs, provers, [4], Size).Verdict);
    }

    [Fact]
    public void Rollouts_of_equal_traces_are_counted_once()
    {
        LabelledTrace Trace(int index, string strategy, params int[] n) => new("p", "s", strategy, index, ["a\n", "b\n"], [[1], [2]], 0, null, "g", n, n);
        Assert.Equal(10, RolloutCount.From([Trace(0, "random", 4, 4, 1), Trace(1, "random", 4, 4, 1)], 4));
        // Of the same trace as a first pit: 1 seed, 2·2 at first, then 16 for each of the two prefixes.
        Assert.Equal(37, RolloutCount.From([Trace(0, "first_pit", 16, 16, 1)], 2));
    }

    [Fact]
    public void Labels_are_compared_in_pairs_and_at_equal_rollouts()
    {
        LabelCellRuns Cell(int nCov, int nMc, double rollouts, int right, int? pit = null) => new(nCov, nMc, pit, [rollouts, rollouts], Model(("beam-q", null, 4, right)).Runs);
        var cells = new[] { Cell(2, 1, 100, 30), Cell(1, 2, 100, 10), Cell(8, 1, 400, 15), Cell(1, 8, 400, 35) };
        var ratios = LabelFigures.Figure6b("s", cells, 4, Size);
        Assert.Equal(FigureVerdict.Reproduced, ratios.Verdict);
        Assert.Equal([0.5, -0.5], ratios.Findings.Select(f => Math.Round(f.Value!.Value, 9)));
        Assert.Equal(FigureVerdict.NotReproduced, LabelFigures.Figure6b("s", [Cell(2, 1, 100, 20), Cell(1, 2, 100, 20)], 4, Size).Verdict);

        // 20 of 40 at 200 rollouts, halfway between 10 and 14.
        var pits = LabelFigures.Figure11("s", [Cell(1, 1, 100, 10), Cell(4, 1, 400, 14), Cell(2, 1, 200, 36, pit: 4)], 4, Size);
        Assert.Equal(FigureVerdict.Reproduced, pits.Verdict);
        Assert.Equal(0.6, pits.Findings[0].Value!.Value, 9);
        Assert.StartsWith("Some first-pit budget lies outside", Assert.Single(LabelFigures.Figure11("s", [Cell(1, 1, 100, 10), Cell(2, 1, 200, 36, pit: 4)], 4, Size).Notes));
    }

    [Fact]
    public void A_threshold_is_chosen_on_validation_and_judged_on_test()
    {
        StepScore[] validation = [new(0.2, false), new(0.6, true), new(0.4, false), new(0.5, true)];
        var threshold = ThresholdError.Choose(validation);
        Assert.Equal(0.45, threshold, 12);
        Assert.Equal(1 / 3.0, ThresholdError.Share([new(0.3, true), new(0.7, true), new(0.1, false)], threshold), 12);
        // Where right and wrong are told apart by nothing, the commoner outcome is called.
        Assert.Equal(double.NegativeInfinity, ThresholdError.Choose([new(0.5, true), new(0.5, true), new(0.5, false)]));
        Assert.Equal(double.PositiveInfinity, ThresholdError.Choose([new(0.5, true), new(0.5, false), new(0.5, false)]));
    }

    [Fact]
    public void Figure_10_sees_that_a_change_tells_more_than_a_level()
    {
        // The verifier's level is off by a problem-wise amount, and only the step's change says how the trace ends.
        ScoredTrace Trace(int p, int i) => new($"p{p:00}", i, i % 2, [0.3 + 0.01 * (p % 5), 0.3 + 0.01 * (p % 5) + (i % 2 == 1 ? 0.02 : -0.02)]);
        List<ScoredTrace> traces = [.. from p in Enumerable.Range(0, 30) from i in Enumerable.Range(0, 4) select Trace(p, i)];
        var figure = ThresholdFigure.From("s", [.. Enumerable.Range(1, 3).Select(seed => new SeededScores(seed, traces, traces))], 4, 5, Size);
        Assert.Equal(FigureVerdict.Reproduced, figure.Verdict);
        Assert.Equal(["α = 5, prover best-of-4."], figure.Notes);
        Assert.Equal(0, figure.Panels[0].Lines[0].Points[0].Y, 12);
        Assert.Equal(0.5, figure.Panels[0].Lines[2].Points[0].Y, 12);
    }

    [Fact]
    public void Weights_and_ceilings()
    {
        var q = Model(("beam-q", null, 4, 10));
        ModelRuns Swept(int right) => new("s", [.. q.Runs.Select((r, s) => r with { Rows = [.. from a in new[] { 0.2, 0.5, 1.0 } from p in Enumerable.Range(0, 40) select Row(p, "beam-pav", 4, (p * 7 + s + 1) % 40 < right, "bo4", alpha: a)] })]);
        Assert.Equal(FigureVerdict.Reproduced, FurtherFigures.Alpha([Swept(30)], [q], 4, "bo4", Size).Verdict);
        Assert.Equal(FigureVerdict.NotReproduced, FurtherFigures.Alpha([Swept(10)], [q], 4, "bo4", Size).Verdict);
        Assert.Equal([0, 0.2, 0.5, 1], FurtherFigures.Alpha([Swept(10)], [q], 4, "bo4", Size).Panels[0].Lines[0].Points.Select(p => p.X));

        var ceiling = FurtherFigures.Ceiling([Model(("oracle-beam-q", null, 2, 38), ("beam-q", null, 2, 20), ("beam-pav", "bo4", 2, 22), ("oracle-beam-pav", "bo4", 2, 30))], "bo4", 8, Size);
        Assert.Equal([0.45, 0.2, 0.05], ceiling.Findings.Select(f => Math.Round(f.Value!.Value, 9)));
    }

    [Fact]
    public void The_frontier_is_chosen_on_validation()
    {
        var validation = Model(("beam-q", null, 2, 30), ("majority", null, 1, 10), ("majority", null, 2, 20));
        var test = Model(("beam-q", null, 2, 20), ("majority", null, 1, 10), ("majority", null, 2, 30));
        var figure = FurtherFigures.Frontier([validation], [test], "bo4", Size);
        Assert.Equal(0.25 * 2 / 3, figure.Findings[0].Value!.Value, 9);
        Assert.Equal(["chosen on validation problems", "best in hindsight"], figure.Panels[0].Lines.Select(l => l.Name));
    }

    [Fact]
    public void Beams_grow_where_the_verifier_is_unsure()
    {
        SearchRow[] beams = [Row(0, "beam-q", 1, true, tokens: 50) with { Q = 0.7 }, Row(0, "beam-q", 4, false, tokens: 200) with { Q = 0.6 }];
        Assert.Equal((beams[0], 50), AdaptiveFigure.Grow(beams, 0.5));
        Assert.Equal((beams[0], 250), AdaptiveFigure.Grow(beams, 0.8));
        Assert.Equal(4, AdaptiveFigure.Grow([beams[0], beams[1] with { Q = 0.75 }], 0.8).Best.N);

        // The verifier knows which quarter of the problems needs the larger beam: all are answered at 50 + 200/4 tokens, where a fixed size stands halfway between 75% and 100%.
        ModelRuns Told(bool told) => new("s", [new(1, [.. from p in Enumerable.Range(0, 40) from n in new[] { 1, 4 } select Row(p, "beam-q", n, n == 4 || p % 4 > 0) with { Q = told ? n == 4 || p % 4 > 0 ? 1 : 0 : null }])]);
        var figure = AdaptiveFigure.From([Told(true)], "bo4", Size);
        Assert.Equal(0.125, figure.Findings[0].Value!.Value, 9);
        Assert.Contains("answer more at equal tokens", figure.Sentence);

        // A forest that stops after one or two trees of 40 tokens answers all at 60; a fixed one answers 75% at 40 and all at 80.
        SearchRow[] forest =
        [
            .. from p in Enumerable.Range(0, 40) from n in new[] { 1, 2 } select Row(p, "forest", n, n == 2 || p % 4 > 0, tokens: 40 * n),
            .. from p in Enumerable.Range(0, 40) select Row(p, "forest-seq", 2, true, tokens: p % 2 == 0 ? 40 : 80),
        ];
        var told = Told(true);
        var beside = AdaptiveFigure.From([told with { Runs = [new(1, [.. told.Runs[0].Rows, .. forest])] }], "bo4", Size);
        Assert.Contains(SearchMethods.ForestInTurn.Id, beside.Panels[0].Lines.Select(l => l.Kind));
        Assert.Equal(0.25 * (1 - Math.Log2(1.5)), beside.Findings.Single(f => f.What.Contains("minus Guided forest at")).Value!.Value, 9);
        Assert.Equal(FigureVerdict.NotRun, AdaptiveFigure.From([Told(false)], "bo4", Size).Verdict);
    }

    /// <summary>A run of 40 test problems, so many of 8 samples right on the first 20, and so many iterations of 10 until its last accuracy.</summary>
    private static RlRun Run(int seed, int right, double end = 0.2, double idle = 0.1, int until = 10) => new(
        seed, new((ulong)seed, [new(0, 0, 0, 0.1), new(until, until, until, end), new(20, 20, 20, end)]), [new(0, 0.1), new(10, idle)],
        [.. Enumerable.Range(0, 40).Select(p => new TestTally($"p{p:00}", p < 20 ? right : 0, 8, false))], []);

    /// <summary>Three seeds of each reward; the start solves so many problems.</summary>
    private static RlRuns Rl(Func<int, RlRun> pav, Func<int, RlRun> orm, int solved = 10, Func<int, RlRun>? pqv = null, int seeds = 3) => new(
        "s", [.. Enumerable.Range(0, 40).Select(p => new TestTally($"p{p:00}", p < solved ? 1 : 0, 8, p >= solved))], [.. Enumerable.Range(1, seeds).Select(orm)], [.. Enumerable.Range(1, seeds).Select(pav)],
        pqv is null ? [] : [.. Enumerable.Range(1, seeds).Select(pqv)], new(3, Credit.Own, 1e-4), new(1, Credit.ToGo, 1e-4));

    [Fact]
    public void Rl_is_compared_on_test_problems()
    {
        var runs = Rl(s => Run(s, 8, 0.6), s => Run(s, 1));
        var accuracy = RlFigures.Figure7([runs], Size);
        Assert.Equal(FigureVerdict.Reproduced, accuracy.Verdict);
        Assert.Equal((8 - 1) / 16.0, accuracy.Findings[0].Value!.Value, 9);
        Assert.Equal(["s: rewards of progress A: α = 3, a step is credited with its own, learning rate 0.0001."], accuracy.Notes);
        Assert.Contains("all runs start from one fine-tuned policy", accuracy.Intervals);
    }

    [Theory]
    [InlineData(3, 5, FigureVerdict.Partly)]
    [InlineData(2, 5, FigureVerdict.NotReproduced)] // too few seeds
    [InlineData(3, 19, FigureVerdict.NotReproduced)] // slower on one of three, though 2 times faster on the others: geometric mean 1.3
    public void Faster_means_on_every_seed(int seeds, int lastSeed, object expected) =>
        Assert.Equal(expected, RlFigures.Figure7([Rl(s => Run(s, 1, until: s == 3 ? lastSeed : 5), s => Run(s, 1), seeds: seeds)], Size).Verdict);

    [Fact]
    public void Hard_problems_count_from_twenty_on()
    {
        var enough = RlFigures.Figure8([Rl(s => Run(s, 8), s => Run(s, 1), solved: 15)], Size);
        Assert.Equal(FigureVerdict.Reproduced, enough.Verdict);
        Assert.Equal(["s, all 40 test problems", "s, 25 hard problems"], enough.Panels.Select(p => p.Title));
        Assert.Equal([3, 2], enough.Panels.Select(p => p.Lines.Count)); // the start solves no hard problem, by their choice
        var few = RlFigures.Figure8([Rl(s => Run(s, 8), s => Run(s, 1), solved: 21)], Size);
        Assert.Equal(FigureVerdict.Partly, few.Verdict);
        Assert.Single(few.Panels);
        Assert.StartsWith("s: only 19 of the 40 test problems were solved by no sample", few.Notes[0]);
        Assert.DoesNotContain(few.Findings, f => f.What.Contains("hard"));

        // A problem that a further sample of the start solved is not hard: 24 of the 25 are left.
        var rl = Rl(s => Run(s, 8), s => Run(s, 1), solved: 15);
        Assert.Equal("s, 24 hard problems", RlFigures.Figure8([rl with { Start = [.. rl.Start.Select(t => t.Problem == "p39" ? t with { Unsolved = false } : t)] }], Size).Panels[1].Title);
    }

    [Fact]
    public void Hard_problems_are_searched_by_beams_too()
    {
        RlRun Searched(int seed, int right, int answered) => Run(seed, right) with { HardBeams = [.. from n in new[] { 16, 32 } from p in Enumerable.Range(10, 30) select new HardBeam($"p{p:00}", n, p < 10 + answered * n / 16 ? 1 : 0)] };
        var figure = RlFigures.Figure8([Rl(s => Searched(s, 8, 10), s => Searched(s, 1, 4), solved: 10)], Size);
        Assert.Equal("size of a beam on Q", figure.Panels[2].X);
        Assert.Equal([10 / 30.0, 20 / 30.0], figure.Panels[2].Lines[0].Points.Select(p => p.Y));
        var finding = Assert.Single(figure.Findings, f => f.What.Contains("beams of 16"));
        Assert.Equal((6 + 12) / 2 / 30.0, finding.Value!.Value, 9);
    }

    [Fact]
    public void A_refreshed_prover_is_judged_at_equal_rollouts()
    {
        RefreshArm Arm(int right, double labels, double during) => new(labels, [.. Enumerable.Range(1, 3).Select(s => Run(s, right))], [.. Enumerable.Range(1, 3).Select(_ => (IReadOnlyList<double>)[0, during / 2, during])]);
        var (before, whole) = (Arm(4, 950, 200), Arm(2, 1000, 200));
        var ahead = RefreshFigure.From("s", before, Arm(8, 500, 650), whole, (10, Arm(0, 950, 200), Arm(8, 500, 650)), "α = 1", Size);
        Assert.Equal(FigureVerdict.Reproduced, ahead.Verdict);
        Assert.Equal([(8 - 4) / 16.0, (8 - 2) / 16.0, 1150 / 1150.0, 1150 / 1200.0, 8 / 16.0, 1150 / 1150.0], ahead.Findings.Select(f => f.Value!.Value), (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.Equal(["Start s", "Start s", "Start s, α = 10"], ahead.Panels.Select(p => p.Title));
        Assert.Equal([500, 825, 1150], ahead.Panels[1].Lines[0].Points.Select(p => p.X)); // labels included
        Assert.Equal(FigureVerdict.Partly, RefreshFigure.From("s", before, Arm(8, 500, 900), whole, null, "α = 1", Size).Verdict); // 1,400 rollouts against 1,150
        Assert.Equal(FigureVerdict.Partly, RefreshFigure.From("s", before, Arm(4, 500, 650), whole, null, "α = 1", Size).Verdict);
        Assert.Equal(FigureVerdict.NotReproduced, RefreshFigure.From("s", before, Arm(2, 500, 650), whole, null, "α = 1", Size).Verdict);
    }

    [Fact]
    public void Q_as_a_reward_is_shown_by_an_interval_only()
    {
        RlRuns Runs(int seeds, double spread) => Rl(s => Run(s, 8), s => Run(s, 1), pqv: s => Run(s, 1, idle: 0.5 + spread * s), seeds: seeds);
        var figure = RlFigures.AppendixG([Runs(3, 0.1)], Size);
        Assert.Equal(FigureVerdict.Reproduced, figure.Verdict);
        Assert.Equal(0.6, figure.Findings[0].Value!.Value, 9);
        Assert.Equal(["s: rewards of progress A: α = 3, a step is credited with its own, learning rate 0.0001; rewards of Q: α = 1, a step is credited with its own and all later ones, learning rate 0.0001."], figure.Notes);
        Assert.Equal(FigureVerdict.Partly, RlFigures.AppendixG([Runs(1, 0.1)], Size).Verdict); // one seed has no interval
        Assert.Equal(FigureVerdict.Partly, RlFigures.AppendixG([Runs(3, -0.3)], Size).Verdict); // 0.1, -0.2, -0.5: accuracy alone
    }

    [Fact]
    public void The_document_says_what_the_summary_holds()
    {
        Assert.Equal("+3.1 points [-0.4, +6.6]", ResultsDocument.Number(new("", 0.031, -0.004, 0.066, "points")));
        Assert.Equal("2.5 times [1.0, ∞]", ResultsDocument.Number(new("", 2.5, 1, null, "times")));
        Assert.Equal("4", ResultsDocument.Number(new("", 4, null, null, "")));
        Assert.Equal("none", ResultsDocument.Number(new("", null, null, null, "times")));
        var figure = SearchFigures.Figure4([Model(("beam-pav", "bo4", 2, 30), ("best-of-n-orm", null, 1, 10), ("best-of-n-orm", null, 4, 14))], "bo4", Size);
        var text = ResultsDocument.Markdown([figure]);
        Assert.Contains("| [4: Accuracy against compute](#figure-4-accuracy-against-compute) | reproduced | s |", text);
        Assert.Contains("\n## Figure 4: Accuracy against compute\n", text);
        Assert.Contains($"**{figure.Sentence}**", text);
        Assert.Contains("\nIntervals: 95%, from a bootstrap over problems and over seeds", text);
        Assert.Contains("![Accuracy against compute](figures/4.svg)", text);
        Assert.Equal(0.75, ResultsDocument.Short(figure).Panels[0].Lines[0].Points.Single(p => p.N == 2).Y);
    }
}
