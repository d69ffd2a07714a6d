namespace Pav.Tests.Metrics;

public class SignalToNoiseTests
{
    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));

    /// <summary>The k-th standard normal number of a seed.</summary>
    private static double Normal(ulong seed, long k) =>
        Math.Sqrt(-2 * Math.Log(1 - Seeds.Uniform(seed, 2 * k))) * Math.Cos(2 * Math.PI * Seeds.Uniform(seed, 2 * k + 1));

    [Fact]
    public void The_worked_example()
    {
        Judged[] traces =
        [
            new("a", Sigmoid(2), true), new("a", Sigmoid(4), true), new("a", Sigmoid(-1), false), new("a", Sigmoid(1), false),
            new("b", 0.9, true),
        ];
        var measured = SignalToNoise.From(traces);
        Assert.Equal((3, 2), (Math.Round(measured.Delta, 9), Math.Round(measured.Sigma * measured.Sigma, 9)));
        Assert.Equal(3 / Math.Sqrt(2), measured.Ratio.Value, 9);
        Assert.True(double.IsNaN(SignalToNoise.From([new("a", 0.5, true), new("b", 0.1, false)]).Delta));
        Assert.Contains("unknown", SignalToNoise.From([]).ToString());
    }

    [Fact]
    public void Easy_and_hard_problems_do_not_pass_for_signal_or_noise()
    {
        // Logits: 1.6 for the right, noise 0.8, and a shift of each problem of size 3, which also makes more of its traces right.
        var (traces, k) = (new List<Judged>(), 0L);
        for (var problem = 0; problem < 3000; problem++)
        {
            var shift = 3 * Normal(1, k++);
            for (var i = 0; i < 6; i++)
            {
                var right = Seeds.Uniform(2, k) < Sigmoid(shift);
                traces.Add(new($"{problem}", Sigmoid(shift + (right ? 1.6 : 0) + 0.8 * Normal(3, k++)), right));
            }
        }

        var measured = SignalToNoise.From(traces);
        Assert.Equal(1.6, measured.Delta, 0.05);
        Assert.Equal(0.8, measured.Sigma, 0.03);
        Assert.InRange(2.0, measured.Ratio.Low, measured.Ratio.High);
    }

    [Theory]
    [InlineData(1.5, 9)]
    [InlineData(2.0, 27)]
    [InlineData(2.5, 99)]
    [InlineData(3.0, 451)]
    public void The_width_at_which_a_right_trace_still_wins_is_larger_than_the_rule_says(double ratio, int width)
    {
        Assert.Equal(width, UsefulWidth.Largest(ratio));
        var rule = Math.Exp(ratio * ratio / 2);
        Assert.InRange(width / rule, 2.5, 5.5);
        Assert.InRange(UsefulWidth.Chance(ratio, rule), 0.65, 0.75);

        // By simulation: the right one against the largest of so many noises.
        const int Runs = 4000;
        var wins = 0;
        for (var run = 0; run < Runs; run++)
        {
            var right = ratio + Normal(7, run);
            var first = true;
            for (var i = 0; i < width && first; i++) first = Normal(8, (long)run * width + i) < right;
            if (first) wins++;
        }

        Assert.Equal(UsefulWidth.Chance(ratio, width), (double)wins / Runs, 0.03);
        Assert.True(UsefulWidth.Chance(ratio, width) >= 0.5 && UsefulWidth.Chance(ratio, width + 1) < 0.5);
    }

    [Fact]
    public void Where_nothing_is_told_no_width_is_of_use()
    {
        Assert.Equal(0, UsefulWidth.Largest(-0.5));
        Assert.Equal(1, UsefulWidth.Largest(0));
        Assert.Equal(0.5, UsefulWidth.Chance(0, 1), 6);
        Assert.Equal(0.25, UsefulWidth.Chance(0, 3), 6);
        Assert.Equal(UsefulWidth.Most, UsefulWidth.Largest(20));
    }

    /// <summary>How often the highest score of n independent traces, a third of them right, belongs to a right one.</summary>
    private static double Accuracy(int n, Func<bool, long, double> score)
    {
        const int Runs = 3000;
        var right = 0;
        for (var run = 0; run < Runs; run++)
        {
            var best = Enumerable.Range(0, n).Select(i => (long)run * n + i)
                .Select(k => (Right: Seeds.Uniform(4, k) < 1 / 3.0, k)).MaxBy(t => score(t.Right, t.k));
            if (best.Right) right++;
        }

        return (double)right / Runs;
    }

    [Fact]
    public void With_equal_noise_wider_is_never_worse_and_with_overrated_mistakes_it_is()
    {
        // Δ/σ = 1: the rule says 1.6, and yet accuracy rises up to 64 traces.
        double[] equal = [.. new[] { 1, 4, 16, 64 }.Select(n => Accuracy(n, (right, k) => (right ? 1 : 0) + Normal(5, k)))];
        Assert.Equal(equal.Order(), equal);
        Assert.True(equal[3] > 0.75, $"{equal[3]}");

        // Δ/σ of about 2, but one wrong trace in fifty is rated above nearly all right ones: first up, then down. Δ/σ does not tell.
        double[] fooled = [.. new[] { 1, 4, 16, 64 }.Select(n =>
            Accuracy(n, (right, k) => (right ? 2.5 : Seeds.Uniform(6, k) < 0.02 ? 6 : 0) + Normal(5, k)))];
        Assert.True(fooled[1] > fooled[0] + 0.2 && fooled[3] < fooled[1] - 0.2, string.Join(", ", fooled));
    }
}
