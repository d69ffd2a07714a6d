namespace Pav.Tests.Method;

/// <summary>Estimators from few rollouts, averaged over many repetitions, against the exact values; and the plug-ins that they replace,
/// which miss them.</summary>
public class BiasTests
{
    private const int Repetitions = 20_000;

    private readonly Random random = new(7);

    private QEstimate Roll(double q, int n) => new(n, Enumerable.Range(0, n).Count(_ => random.NextDouble() < q));

    private double MeanOf(Func<double> estimate) => Enumerable.Range(0, Repetitions).Average(_ => estimate());

    [Fact]
    public void Best_of_K_from_counts()
    {
        var exact = BestOfK.FromQ(0.2, 4);
        Assert.Equal(exact, MeanOf(() => BestOfK.FromCounts(Roll(0.2, 5), 4)), 0.01);
        Assert.True(Math.Abs(MeanOf(() => BestOfK.FromQ(Roll(0.2, 5).Value, 4)) - exact) > 0.05);
    }

    [Fact]
    public void Pass_at_N() => Assert.Equal(1 - Math.Pow(0.9, 8), MeanOf(() => PassAtN.Compute(16, Roll(0.1, 16).C, 8)), 0.01);

    // A state in which π takes one of three steps; Q^π and Q^μ of each.
    private static readonly double[] Policy = [0.5, 0.3, 0.2], Pi = [0.1, 0.4, 0.7], Mu = [0.2, 0.9, 0.5];

    private int Step() => random.NextDouble() is var u && u < Policy[0] ? 0 : u < Policy[0] + Policy[1] ? 1 : 2;

    private static double Covariance(Func<double, double> f, double[] x, Func<double, double> g, double[] y)
    {
        var (mx, my) = (Policy.Zip(x, (p, v) => p * f(v)).Sum(), Policy.Zip(y, (p, v) => p * g(v)).Sum());
        return Enumerable.Range(0, 3).Sum(i => Policy[i] * (f(x[i]) - mx) * (g(y[i]) - my));
    }

    /// <summary>Over 10,000 draws the mean of the estimator is within three standard errors of the exact value, and that of the plug-in is
    /// not.</summary>
    private static void Unbiased(double exact, Func<(double Estimate, double PlugIn)> draw)
    {
        var draws = Enumerable.Range(0, 10_000).Select(_ => draw()).ToList();
        Assert.InRange(Errors([.. draws.Select(d => d.Estimate)], exact), 0, 3);
        Assert.True(Errors([.. draws.Select(d => d.PlugIn)], exact) > 3);
    }

    /// <summary>Standard errors between the mean and the exact value.</summary>
    private static double Errors(IReadOnlyList<double> values, double exact)
    {
        var mean = values.Average();
        return Math.Abs(mean - exact) / Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / values.Count / (values.Count - 1));
    }

    /// <summary>m draws of steps at the state, equal ones merged and rolled out once, as labels are.</summary>
    private List<(int Drawn, QEstimate Pi, QEstimate Mu)> Draw(int m, int n) =>
        [.. Enumerable.Range(0, m).Select(_ => Step()).GroupBy(s => s).Select(g => (g.Count(), Roll(Pi[g.Key], n), Roll(Mu[g.Key], n)))];

    /// <summary>The covariance over draws as it would be of exact values.</summary>
    private static double PlugIn(IEnumerable<(int Drawn, double X, double Y)> steps)
    {
        var all = steps.SelectMany(s => Enumerable.Repeat((s.X, s.Y), s.Drawn)).ToList();
        var (mx, my) = (all.Average(s => s.X), all.Average(s => s.Y));
        return all.Sum(s => (s.X - mx) * (s.Y - my)) / (all.Count - 1);
    }

    [Fact]
    public void Distinguishability_is_free_of_Monte_Carlo_noise() => Unbiased(Covariance(q => q, Mu, q => q, Mu), () =>
    {
        var steps = Draw(4, 3);
        return (Distinguishability.OfState([.. steps.Select(s => StepEstimate.FromOther(s.Mu, s.Pi, drawn: s.Drawn))]),
            PlugIn(steps.Select(s => (s.Drawn, s.Mu.Value, s.Mu.Value))));
    });

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 5)]
    [InlineData(4, 8)]
    public void Distinguishability_of_best_of_K(int k, int n) =>
        Unbiased(Covariance(q => BestOfK.FromQ(q, k), Pi, q => BestOfK.FromQ(q, k), Pi), () =>
    {
        var steps = Draw(4, n);
        return (Distinguishability.OfState([.. steps.Select(s => StepEstimate.FromBestOf(k, s.Pi, s.Drawn))]),
            PlugIn(steps.Select(s => (s.Drawn, BestOfK.FromQ(s.Pi.Value, k), BestOfK.FromQ(s.Pi.Value, k)))));
    });

    [Theory]
    [InlineData(1, 3)]
    [InlineData(3, 5)]
    public void Alignment_of_best_of_K_with_its_own_policy_from_the_same_counts(int k, int n) =>
        Unbiased(Covariance(q => BestOfK.FromQ(q, k), Pi, q => q, Pi), () =>
    {
        var steps = Draw(4, n);
        return (Alignment.OfState([.. steps.Select(s => StepEstimate.FromBestOf(k, s.Pi, s.Drawn))]),
            PlugIn(steps.Select(s => (s.Drawn, BestOfK.FromCounts(s.Pi, k), s.Pi.Value))));
    });

    [Fact]
    public void Alignment_of_best_of_K_of_another_policy() => Assert.InRange(
        Errors(
            [.. Enumerable.Range(0, 10_000)
                .Select(_ => Alignment.OfState([.. Draw(3, 2).Select(s => StepEstimate.FromOther(s.Mu, s.Pi, 2, s.Drawn))]))],
            Covariance(q => BestOfK.FromQ(q, 2), Mu, q => q, Pi)), 0, 3);
}
