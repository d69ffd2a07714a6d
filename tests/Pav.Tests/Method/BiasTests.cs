namespace Pav.Tests.Method;

/// <summary>Estimators from few rollouts, averaged over 20,000 repetitions, against the exact values; and the plug-ins that they replace, which miss them.</summary>
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
    public void Pass_at_N() => Assert.Equal(1 - Math.Pow(0.9, 8), MeanOf(() => PassAtN.Of(16, Roll(0.1, 16).C, 8)), 0.01);

    // A state in which π takes one of three steps; Q^π and Q^μ of each.
    private static readonly double[] Policy = [0.5, 0.3, 0.2], Pi = [0.1, 0.4, 0.7], Mu = [0.2, 0.9, 0.5];

    private int Step() => random.NextDouble() is var u && u < Policy[0] ? 0 : u < Policy[0] + Policy[1] ? 1 : 2;

    private static double Covariance(Func<double, double> f, double[] x, Func<double, double> g, double[] y)
    {
        var (mx, my) = (Policy.Zip(x, (p, v) => p * f(v)).Sum(), Policy.Zip(y, (p, v) => p * g(v)).Sum());
        return Enumerable.Range(0, 3).Sum(i => Policy[i] * (f(x[i]) - mx) * (g(y[i]) - my));
    }

    [Fact]
    public void Distinguishability_is_free_of_Monte_Carlo_noise()
    {
        var exact = Covariance(q => q, Mu, q => q, Mu);
        QEstimate[] Draw() => [.. Enumerable.Range(0, 4).Select(_ => Roll(Mu[Step()], 3))];
        Assert.Equal(exact, MeanOf(() => Distinguishability.OfState(Draw())), 0.003);
        var plugIn = MeanOf(() => Draw() is var s && s.Average(q => q.Value) is var mean ? s.Sum(q => (q.Value - mean) * (q.Value - mean)) / 3 : 0);
        Assert.True(plugIn > exact + 0.03);
    }

    [Fact]
    public void Distinguishability_of_best_of_K()
    {
        static double Bo2(double q) => BestOfK.FromQ(q, 2);
        Assert.Equal(Covariance(Bo2, Pi, Bo2, Pi), MeanOf(() => Distinguishability.OfBestOf(2, [.. Enumerable.Range(0, 4).Select(_ => Roll(Pi[Step()], 5))])), 0.004);
    }

    [Fact]
    public void Alignment_of_two_policies()
    {
        var exact = Covariance(q => q, Mu, q => q, Pi);
        Assert.Equal(exact, MeanOf(() =>
        {
            int[] steps = [Step(), Step(), Step()];
            return Alignment.OfState([.. steps.Select(s => Roll(Mu[s], 2))], [.. steps.Select(s => Roll(Pi[s], 2))]);
        }), 0.003);
    }

    [Fact]
    public void Alignment_of_best_of_K_with_its_own_policy_from_the_same_counts()
    {
        var exact = Covariance(q => BestOfK.FromQ(q, 3), Pi, q => q, Pi);
        QEstimate[] Draw() => [.. Enumerable.Range(0, 4).Select(_ => Roll(Pi[Step()], 5))];
        Assert.Equal(exact, MeanOf(() => Alignment.OfBestOf(3, Draw())), 0.003);
        var sharedNoise = MeanOf(() =>
        {
            var (q, b) = (Draw(), 0.0);
            var (mq, mb) = (q.Average(s => s.Value), q.Average(s => BestOfK.FromCounts(s, 3)));
            foreach (var s in q) b += (s.Value - mq) * (BestOfK.FromCounts(s, 3) - mb);
            return b / 3;
        });
        Assert.True(sharedNoise > exact + 0.02);
    }
}
