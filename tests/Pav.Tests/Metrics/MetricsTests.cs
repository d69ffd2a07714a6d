namespace Pav.Tests.Metrics;

public class MetricsTests
{
    [Fact]
    public void Pooled_auc_counts_ties_half()
    {
        Judged[] traces = [new("p", 0.8, true), new("p", 0.4, true), new("p", 0.4, false), new("p", 0.2, false)];
        Assert.Equal(0.875, Auc.Pooled(traces), 12);
        Assert.True(double.IsNaN(Auc.Pooled([new("p", 1, true)])));
    }

    [Fact]
    public void Auc_within_problems_ignores_how_hard_a_problem_is()
    {
        // Scores tell the easy problem from the hard one and nothing within them.
        List<Judged> traces = [];
        for (var i = 0; i < 8; i++) traces.AddRange([new("easy", 0.9, i < 6), new("hard", 0.1, i < 2)]);
        Assert.Equal(0.75, Auc.Pooled(traces), 12);
        Assert.Equal(0.5, Auc.WithinProblems(traces).Value, 12);
    }

    [Fact]
    public void Auc_within_problems_weighs_by_pairs_and_has_an_interval()
    {
        // p: 1 of 1 pairs; q: 1 of 3 pairs; r has no pair.
        Judged[] traces = [new("p", 0.9, true), new("p", 0.1, false), new("q", 0.5, true), new("q", 0.6, false), new("q", 0.7, false),
            new("q", 0.1, false), new("r", 1, true)];
        var auc = Auc.WithinProblems(traces);
        Assert.Equal(0.5, auc.Value, 12);
        Assert.Equal(1 / 3.0, auc.Low, 12);
        Assert.Equal(1, auc.High, 12);
    }

    [Fact]
    public void Brier_ece_and_reliability()
    {
        double[] p = [0.9, 0.8, 0.2], y = [1, 0, 0];
        Assert.Equal(0.23, Calibration.Brier(p, y), 12);
        Assert.Equal(1.1 / 3, Calibration.Ece(p, y), 12);
        Assert.Equal([new(0.2, 0, 1), new(0.8, 0, 1), new(0.9, 1, 1)], Calibration.Reliability(p, y));
        Assert.Equal(new ReliabilityPoint(1, 0.5, 2), Assert.Single(Calibration.Reliability([1, 1], [1, 0])));
    }

    [Fact]
    public void Rank_within_state()
    {
        RankedStep[] state = [new(0.7, 1), new(0.9, 0.5), new(0.1, 0)];
        Assert.Equal(0.75, RankWithinState.Compute([state]), 12);
        Assert.Equal(0.5, RankWithinState.Compute([[new(0.3, 1), new(0.3, 0)]]), 12);
        Assert.True(double.IsNaN(RankWithinState.Compute([[new(0.3, 1), new(0.4, 1)]])));
    }

    [Fact]
    public void Correlations()
    {
        Assert.Equal(0.5, Correlation.Pearson([1, 2, 3], [1, 3, 2]), 12);
        Assert.Equal(0.5, Correlation.Spearman([1, 2, 3], [1, 3, 2]), 12);
        Assert.Equal(1, Correlation.Spearman([1, 2, 2, 9], [0, 1, 1, 100]), 12);
        Assert.True(double.IsNaN(Correlation.Pearson([1, 1], [1, 2])));
    }

    [Fact]
    public void Wilson_interval()
    {
        var interval = Wilson.Interval(8, 10);
        Assert.Equal(0.4902, interval.Low, 4);
        Assert.Equal(0.9433, interval.High, 4);
        Assert.Equal(0, Wilson.Interval(0, 5).Low, 12);
        Assert.Equal(0.5, Wilson.Interval(1, 1, z: 1).Low, 12);
    }

    [Fact]
    public void Bootstrap_covers_and_repeats()
    {
        var random = new Random(5);
        var covered = 0;
        for (var r = 0; r < 200; r++)
        {
            double[] values = [.. Enumerable.Range(0, 60).Select(_ => random.NextDouble() < 0.3 ? 1.0 : 0)];
            var interval = Bootstrap.Interval(60, drawn => drawn.Average(i => values[i]), (ulong)r, 400);
            if (interval.Low <= 0.3 && 0.3 <= interval.High) covered++;
        }

        Assert.InRange(covered, 180, 199);
        double[] a = [1, 0, 1, 1, 0, 1], b = [1, 0, 0, 1, 0, 0];
        double[] difference = [.. a.Zip(b, (x, y) => x - y)];
        Assert.Equal(Bootstrap.Mean(difference, 3), Bootstrap.Mean(difference, 3));
        Assert.Equal(1 / 3.0, Bootstrap.Mean(difference).Value, 12);
        Assert.Equal(new Interval(0.5, 0.5, 0.5), Bootstrap.Mean([0.5, 0.5]));
    }

    [Fact]
    public void Measures_of_a_verifier()
    {
        LabelledTrace Trace(string problem, int index, string[] steps, int rex, int[] n, int[] c) =>
            new(problem, "toy", "random", index, steps, [.. steps.Select(_ => new int[1])], rex, "1", "numeric-1", n, c);
        LabelledTrace[] traces =
        [
            Trace("p", 0, ["a\n", "Answer: 1"], 1, [4, 4, 1], [2, 4, 1]),
            Trace("p", 1, ["b\n", "Answer: 0"], 0, [4, 4, 1], [2, 0, 0]),
            Trace("p", 2, ["c\n", "Answer: 0"], 0, [0, 0, 1], [0, 0, 0]),
        ];
        double[][] scores = [[0.5, 0.9, 1], [0.5, 0.3, 0.1], [0.5, 0.95, 0.2]];
        var q = VerifierMeasures.From("v", outcome: false, traces, scores);
        Assert.Equal(("q", 1, 1), (q.Kind, q.AucWithin, q.AucPooled));
        Assert.Equal(1, q.RankWithinState);               // a over b; c has no label
        Assert.Equal((0.01 + 0.09 + 0 + 0.01 + 0.04) / 6, q.Brier!.Value, 12); // the shared problem once
        Assert.Equal(6, q.Reliability.Sum(r => r.Count));
        Assert.InRange(q.Correlation!.Value, 0.9, 1);
        var orm = VerifierMeasures.From("v", outcome: true, traces, scores);
        Assert.Equal((0.01 + 0.04) / 3, orm.Brier!.Value, 12);
        Assert.Null(VerifierMeasures.From("v", false, traces[..1], scores[..1]).AucWithin);
    }
}
