namespace Pav.Tests.Metrics;

public class NoisyCorrelationTests
{
    /// <summary>x = 1, 2, 3 exact, halves of y 0, 2, 4 and 4, 2, 6: 1/√(2/3·4/3).</summary>
    [Fact]
    public void A_worked_number()
    {
        var found = NoisyCorrelation.From([new("a", 1, 1, 0, 4), new("b", 2, 2, 2, 2), new("c", 3, 3, 4, 6)]);
        Assert.Equal(1 / Math.Sqrt(2 / 3.0 * 4 / 3.0), found.Value, 9);
    }

    [Fact]
    public void Without_a_common_part_of_the_halves_there_is_no_answer() =>
        Assert.True(double.IsNaN(NoisyCorrelation.From([new("a", 1, 1, 0, 1), new("b", 2, 2, 1, 0)]).Value));

    /// <summary>True x and y have correlation 0.6 and variance 1; each half has noise of variance 2. Pearson's of the means is 0.3, and 0.8
    /// where x and y share that noise; this is right, and its intervals over problems hold 0.6 about so often.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Noise_does_not_change_it_even_where_both_share_it(bool shared)
    {
        const int repetitions = 40;
        var (values, held) = (new List<double>(), 0);
        for (var r = 0; r < repetitions; r++)
        {
            var chance = new Chance((ulong)r + 1);
            var found = NoisyCorrelation.From([.. Enumerable.Range(0, 1200).Select(i =>
            {
                var x = chance.Normal();
                var y = 0.6 * x + 0.8 * chance.Normal();
                double Noise() => Math.Sqrt(2) * chance.Normal();
                var (first, second) = (Noise(), Noise());
                return new HalvedPair($"p{i / 4}", x + first, x + second, y + (shared ? first : Noise()), y + (shared ? second : Noise()));
            })]);
            values.Add(found.Value);
            if (found.Low <= 0.6 && 0.6 <= found.High) held++;
        }

        var error = Math.Sqrt(values.Sum(v => Math.Pow(v - values.Average(), 2)) / (repetitions - 1.0) / repetitions);
        Assert.InRange(values.Average(), 0.6 - 4 * error - 0.005, 0.6 + 4 * error + 0.005);
        Assert.InRange(held, 33, 40);
    }
}
