namespace Pav.Tests.Metrics;

public class GradientProductsTests
{
    private static GradientProducts From(params float[][][] kinds) => new(kinds);

    /// <summary>g = 1, 2, 3: pairs' products 2, 3, 6 have mean 11/3; mean square 14/3; the noise is the sample variance 1.</summary>
    [Fact]
    public void A_worked_number_in_one_dimension()
    {
        var found = From([[1], [2], [3]]).Measure([1], [1], [1]);
        Assert.Equal(11 / 3.0, found.Signal, 9);
        Assert.Equal(1, found.Noise, 9);
        Assert.Equal(11 / 3.0, found.Ratio.Value, 9);
        Assert.Equal(1, found.Cosine.Value, 9);
        Assert.Equal(1, found.Worth.Value, 9);
    }

    /// <summary>
    /// Twice the gradient with half its noise: g = 2 (1, 2, 3) has 4 times the noise; scale 2 gives worth 2²·1/4 = 1. The opposite of it is
    /// worth −1. A method at right angles is worth 0.
    /// </summary>
    [Fact]
    public void Worth_does_not_depend_on_scale_and_knows_the_direction()
    {
        var products = From([[1, 0], [2, 0], [3, 0]], [[0, 5], [0, 6], [0, 7]]);
        GradientSignal Measure(params double[] method) => products.Measure(method, [1, 0], [1, 0]);
        Assert.Equal(1, Measure(2, 0).Worth.Value, 9);
        Assert.Equal(-1, Measure(-0.5, 0).Worth.Value, 9);
        Assert.Equal(-1, Measure(-0.5, 0).Cosine.Value, 9);
        Assert.Equal(0, Measure(0, 1).Worth.Value, 9);
        Assert.Equal(0, Measure(0, 1).Cosine.Value, 9);
        // 0.5·(1, 0) + 0.5·(0, 5) and so on: signal (11/3 + 107/3)/4, as the two are at right angles.
        Assert.Equal((11 / 3.0 + 107 / 3.0) / 4, Measure(0.5, 0.5).Signal, 9);
    }

    [Fact]
    public void Two_batches_are_refused() => Assert.Throws<ArgumentException>(() => From([[1], [2]]));

    /// <summary>
    /// A toy of known moments, 40 numbers: E g = 0.5 in each, so the signal is 10; noise of sd 1 in each, so 40; the other kind has the
    /// same
    /// mean, noise of sd 0.5 and shares noise with the first. Over 1,500 repetitions of 8 batches the estimates are right on average,
    /// within
    /// 4 standard errors, though shared noise alone would make the cosine of the means larger; and 95% intervals of 24 batches hold the
    /// truth about so often.
    /// </summary>
    [Fact]
    public void Estimates_are_unbiased_on_a_toy()
    {
        const int size = 40, repetitions = 1500;
        var (signals, noises, crosses) = (new List<double>(), new List<double>(), new List<double>());
        for (var r = 0; r < repetitions; r++)
        {
            var toy = Toy(size, 8, 0.5, (ulong)r + 1);
            GradientSignal Measure(params double[] method) => toy.Measure(method, [1, 0], [1, 0], repetitions: 1);
            var (found, sum, other) = (Measure(1, 0), Measure(1, 1), Measure(0, 1));
            signals.Add(found.Signal);
            noises.Add(found.Noise);
            // |E(g + h)|² − |E g|² − |E h|² = 2·E g·E h.
            crosses.Add((sum.Signal - found.Signal - other.Signal) / 2);
        }

        IsMean(10, signals);
        IsMean(40, noises);
        IsMean(10, crosses);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.15)]
    public void Intervals_hold_the_truth_about_as_often_as_they_say(double mean)
    {
        const int repetitions = 80;
        var (ratios, worths) = (0, 0);
        for (var r = 0; r < repetitions; r++)
        {
            var found = Toy(40, 24, mean, (ulong)r + 1).Measure([0, 1], [1, 0], [0, 1], repetitions: 200);
            if (found.Ratio.Low <= mean * mean / 0.25 && mean * mean / 0.25 <= found.Ratio.High) ratios++;
            if (found.Worth.Low <= 4 && 4 <= found.Worth.High) worths++;
        }

        Assert.InRange(ratios / (double)repetitions, 0.84, 1);
        Assert.InRange(worths / (double)repetitions, 0.84, 1);
    }

    /// <summary>Halves 1, 4, 6 and 2, 2, 6 of one weight: signal 10.5; noise 5.25 as counted, 46/3 − 10.5 with exact values.</summary>
    [Fact]
    public void A_worked_number_for_exact_values()
    {
        var products = From([[1], [4], [6]], [[2], [2], [6]]);
        double[] mean = GradientProducts.Mean([1, 0], [0, 1]);
        Assert.Equal([0.5, 0.5], mean);
        Assert.Equal(5.25, products.Measure(mean, mean, mean).Noise, 9);
        var exact = products.MeasureExact([1, 0], [0, 1], mean, mean);
        Assert.Equal(10.5, exact.Signal, 9);
        Assert.Equal(46 / 3.0 - 10.5, exact.Noise, 9);
        Assert.Equal(10.5 / (46 / 3.0 - 10.5), exact.Ratio.Value, 9);
        Assert.Equal(5.25 / (46 / 3.0 - 10.5), exact.Worth.Value, 9);
        // Halves that disagree leave no noise to divide by.
        Assert.True(double.IsNaN(From([[1], [4], [3]], [[3], [2], [5]]).MeasureExact([1, 0], [0, 1], mean, mean).Worth.Value));
    }

    /// <summary>
    /// A toy with exact values: in each of 30 weights a trace of a batch stands before a state of success probability q, uniform on
    /// [0, 1], whose value is best-of-4, 1 − (1 − q)^4: mean 4/5, mean square 1 − 2/5 + 1/9, so signal 30·0.64 = 19.2 and noise
    /// 30·(32/45 − 0.64) = 32/15. From halves of 4 or of 12 completions the exact noise comes out on average within 4 standard errors,
    /// while that of the counted values is larger.
    /// </summary>
    [Theory]
    [InlineData(4)]
    [InlineData(12)]
    public void Noise_with_exact_values_is_unbiased_at_any_number_of_completions(int half)
    {
        var (signals, noises, counted) = (new List<double>(), new List<double>(), new List<double>());
        for (var r = 0; r < 1500; r++)
        {
            var toy = Counted(30, 6, half, (ulong)r + 1);
            double[] mean = GradientProducts.Mean([1, 0, 0], [0, 1, 0]);
            var exact = toy.MeasureExact([1, 0, 0], [0, 1, 0], mean, mean, repetitions: 1);
            signals.Add(exact.Signal);
            noises.Add(exact.Noise);
            counted.Add(toy.Noise(mean));
        }

        IsMean(19.2, signals);
        IsMean(32 / 15.0, noises);
        Assert.True(counted.Average() > 1.1 * 32 / 15, $"{counted.Average()}");
    }

    /// <summary>The same toy: the third kind has the exact values, so that one batch of exact values is worth one of these. Intervals of
    /// that worth, from counted values alone, hold 1 about so often.</summary>
    [Fact]
    public void Intervals_of_the_worth_of_exact_values_hold_the_truth()
    {
        const int repetitions = 80;
        var held = 0;
        for (var r = 0; r < repetitions; r++)
        {
            var found = Counted(30, 24, 4, (ulong)r + 1).MeasureExact([1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], repetitions: 200);
            if (found.Worth.Low <= 1 && 1 <= found.Worth.High) held++;
        }

        Assert.InRange(held / (double)repetitions, 0.84, 1);
    }

    /// <summary>Best-of-4 counted from two halves of completions, and the exact value.</summary>
    private static GradientProducts Counted(int size, int batches, int half, ulong seed)
    {
        var chance = new Chance(seed);
        float[][][] kinds = [new float[batches][], new float[batches][], new float[batches][]];
        for (var b = 0; b < batches; b++)
        {
            double[] q = [.. Enumerable.Range(0, size).Select(_ => chance.Uniform())];
            float Value(double p) =>
                (float)BestOfK.FromCounts(new(half, Enumerable.Range(0, half).Count(_ => chance.Uniform() < p)), 4);
            kinds[0][b] = [.. q.Select(Value)];
            kinds[1][b] = [.. q.Select(Value)];
            kinds[2][b] = [.. q.Select(p => (float)(1 - Math.Pow(1 - p, 4)))];
        }

        return From(kinds);
    }

    private static void IsMean(double expected, List<double> values)
    {
        var (mean, count) = (values.Average(), values.Count);
        var error = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (count - 1) / count);
        Assert.InRange(mean, expected - 4 * error, expected + 4 * error);
    }

    /// <summary>The first kind has noise z + w of variance 1 and the second z of variance 1/4, z being the same.</summary>
    private static GradientProducts Toy(int size, int batches, double mean, ulong seed)
    {
        var chance = new Chance(seed);
        var (first, second) = (new float[batches][], new float[batches][]);
        for (var b = 0; b < batches; b++)
        {
            double[] z = [.. Enumerable.Range(0, size).Select(_ => 0.5 * chance.Normal())];
            first[b] = [.. z.Select(v => (float)(mean + v + Math.Sqrt(0.75) * chance.Normal()))];
            second[b] = [.. z.Select(v => (float)(mean + v))];
        }

        return From(first, second);
    }
}
