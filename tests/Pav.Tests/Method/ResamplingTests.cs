namespace Pav.Tests.Method;

public class ResamplingTests
{
    [Fact]
    public void Worked_numbers()
    {
        Assert.Equal([0.25, 0.75], Softmax.From([0, Math.Log(3)]).Select(p => Math.Round(p, 12)));
        Assert.Equal([3, 1, 1], Apportion.Share(5, [0.5, 0.3, 0.2]));
        Assert.Equal(1.6, Resampling.EffectiveSize([3, 1]), 12);
        Assert.Equal([0, 1, 2], Resampling.Systematic([0.5, 0.25, 0.25], 0.5));
    }

    [Fact]
    public void Shares_sum_to_the_total_and_are_off_by_less_than_one()
    {
        for (var k = 0UL; k < 200; k++)
        {
            var weights = Softmax.From([.. Enumerable.Range(0, 7).Select(i => 3 * Seeds.Uniform(k, i))]);
            var shares = Apportion.Share(20, weights);
            Assert.Equal(20, shares.Sum());
            Assert.All(shares.Zip(weights), s => Assert.InRange(s.First - 20 * s.Second, -1, 1));
        }
    }

    [Fact]
    public void Systematic_resampling_takes_every_particle_as_often_as_its_weight_in_the_mean()
    {
        double[] weights = [0.4, 0.05, 0.3, 0.25];
        var counts = new double[4];
        const int Runs = 4000;
        for (var k = 0; k < Runs; k++)
        {
            var taken = Resampling.Systematic(weights, Seeds.Uniform(11, k));
            for (var i = 0; i < 4; i++)
            {
                var count = taken.Count(t => t == i);
                Assert.InRange(count, Math.Floor(4 * weights[i]), Math.Ceiling(4 * weights[i]));
                counts[i] += count;
            }
        }

        // The standard error of a mean count is at most 0.5 / sqrt(4000) = 0.008.
        for (var i = 0; i < 4; i++) Assert.Equal(4 * weights[i], counts[i] / Runs, 0.03);
    }
}
