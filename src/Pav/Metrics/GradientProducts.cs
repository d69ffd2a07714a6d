using System.Numerics;

namespace Pav;

/// <summary>What one batch of traces says of the policy gradient when a method makes an estimate of it.</summary>
/// <param name="Signal">|E g|², without bias: the mean of g_b·g_b' over pairs of different batches. May come out below 0.</param>
/// <param name="Noise">E|g − E g|², the trace of the covariance, without bias: mean |g_b|² − Signal.</param>
/// <param name="Ratio">Signal / Noise: the signal-to-noise ratio of one batch, over batches.</param>
/// <param name="Cosine">Cosine between E g and the gradient of the outcome, from products of different batches alone, so that noise which
/// two methods share in a batch does not count; NaN where a signal is not above 0.</param>
/// <param name="Worth">How many batches of outcome rewards one of this method is worth: the squared signal along the outcome's gradient
/// over the noise, relative to that of outcome rewards; below 0 where the method points away.</param>
internal sealed record GradientSignal(double Signal, double Noise, Interval Ratio, Interval Cosine, Interval Worth);

/// <summary>
/// Inner products of estimates g_{m,b} of the policy gradient: M kinds of gradient, each from the same B ≥ 3 independent batches. A method
/// is
/// a weighted sum of kinds: gradients are linear in rewards, so that Rex + αA has (1 − α)·g(Rex) + α·g(Rex + A). Worked, one weight, B = 3,
/// g = 1, 2, 3: the pairs' products 2, 3, 6 have mean 11/3, the signal; mean square 14/3, so the noise is 1 (the sample variance).
/// </summary>
internal sealed class GradientProducts
{
    private const int Stretch = 1024;

    private readonly int batches;
    private readonly double[][,] between;
    private readonly int kinds;

    /// <param name="gradients">For each kind, one gradient of equal length for each batch.</param>
    public GradientProducts(IReadOnlyList<IReadOnlyList<float[]>> gradients)
    {
        (kinds, batches) = (gradients.Count, gradients[0].Count);
        if (batches < 3) throw new ArgumentException($"noise between batches needs 3 of them, there are {batches}", nameof(gradients));
        between = new double[kinds * kinds][,];
        for (var pair = 0; pair < between.Length; pair++) between[pair] = new double[batches, batches];
        // A stretch of all gradients fits into a cache. g_{i,b}·g_{j,c} is g_{j,c}·g_{i,b}: each product is taken once.
        for (var from = 0; from < gradients[0][0].Length; from += Stretch)
            for (var row = 0; row < kinds * batches; row++)
                for (var other = row; other < kinds * batches; other++)
                {
                    var (i, b, j, c) = (row / batches, row % batches, other / batches, other % batches);
                    between[i * kinds + j][b, c] += Dot(gradients[i][b], gradients[j][c], from);
                }

        for (var row = 0; row < kinds * batches; row++)
            for (var other = 0; other < row; other++)
            {
                var (i, b, j, c) = (row / batches, row % batches, other / batches, other % batches);
                between[i * kinds + j][b, c] = between[j * kinds + i][c, b];
            }
    }

    /// <summary>What a method's estimates are worth beside those of outcome rewards.</summary>
    /// <param name="method">Weight of each kind.</param>
    /// <param name="outcome">Of outcome rewards.</param>
    /// <param name="truth">Of estimates whose mean is the gradient of the outcome, the less noisy the better.</param>
    /// <param name="seed">Of the bootstrap over batches; a pair of one batch with itself is never taken for two.</param>
    public GradientSignal Measure(IReadOnlyList<double> method, IReadOnlyList<double> outcome, IReadOnlyList<double> truth,
        ulong seed = 1, int repetitions = 1000) => MeasureExact(method, method, outcome, truth, seed, repetitions);

    /// <summary>
    /// What a method would be if its values were exact, not counted from completions. Signals do not depend on how many completions there
    /// are, as counted values are right on average; noise does. Two halves of the completions, independent of each other on the same
    /// traces, have E[g'_b·g''_b | traces] = |the gradient with exact values|², so that the mean of g'_b·g''_b less the signal is what the
    /// traces alone leave, without bias, at any number of completions. Worked, one weight: g' = 1, 4, 6 and g'' = 2, 2, 6 have the means
    /// 1.5, 3, 6: signal 10.5, noise 15.75 − 10.5 = 5.25 as counted; (2 + 8 + 36)/3 − 10.5 = 4.83 with exact values.
    /// </summary>
    /// <param name="first">Weight of each kind: the method by one half of its completions.</param>
    /// <param name="second">The same by the other half.</param>
    /// <param name="outcome">Of outcome rewards.</param>
    /// <param name="truth">As for <see cref="Measure"/>.</param>
    /// <param name="seed">Of the bootstrap over batches.</param>
    /// <returns>Ratio and worth are NaN where the noise that is left does not come out above 0.</returns>
    public GradientSignal MeasureExact(IReadOnlyList<double> first, IReadOnlyList<double> second, IReadOnlyList<double> outcome,
        IReadOnlyList<double> truth, ulong seed = 1, int repetitions = 1000)
    {
        var method = Mean(first, second);
        var (mm, halves) = (Between(method, method), Between(first, second));
        var (mt, tt, oo) = (Between(method, truth), Between(truth, truth), Between(outcome, outcome));
        double Left(double[] counts) => Within(halves, counts) - Pairs(mm, counts) is > 0 and var noise ? noise : double.NaN;
        double Ratio(double[] counts) => Pairs(mm, counts) / Left(counts);
        double Cosine(double[] counts) => Pairs(mm, counts) is > 0 and var m && Pairs(tt, counts) is > 0 and var t
            ? Pairs(mt, counts) / Math.Sqrt(m * t) : double.NaN;
        double Worth(double[] counts)
        {
            var along = Pairs(mt, counts) / Pairs(tt, counts);
            return along * Math.Abs(along) * Noise(oo, counts) / Left(counts);
        }

        Interval Over(Func<double[], double> statistic) => Bootstrap.Interval(batches, drawn => statistic(Counts(drawn)), seed,
            repetitions);
        var once = Counts(Enumerable.Range(0, batches));
        return new(Pairs(mm, once), Within(halves, once) - Pairs(mm, once), Over(Ratio), Over(Cosine), Over(Worth));
    }

    /// <summary>The method by both halves of its completions.</summary>
    public static double[] Mean(IReadOnlyList<double> first, IReadOnlyList<double> second) =>
        [.. first.Zip(second, (a, b) => (a + b) / 2)];

    /// <summary>Noise of a method's estimates by itself.</summary>
    public double Noise(IReadOnlyList<double> method) => Noise(Between(method, method), Counts(Enumerable.Range(0, batches)));

    /// <summary>g_b·h_c of two methods, for all pairs of batches.</summary>
    private double[,] Between(IReadOnlyList<double> g, IReadOnlyList<double> h)
    {
        var sum = new double[batches, batches];
        for (var i = 0; i < kinds; i++)
            for (var j = 0; j < kinds; j++)
            {
                var weight = g[i] * h[j];
                if (weight == 0) continue;
                for (var b = 0; b < batches; b++)
                    for (var c = 0; c < batches; c++) sum[b, c] += weight * between[i * kinds + j][b, c];
            }

        return sum;
    }

    private double[] Counts(IEnumerable<int> drawn)
    {
        var counts = new double[batches];
        foreach (var b in drawn) counts[b]++;
        return counts;
    }

    /// <summary>Mean over pairs of different batches, each as often as it was drawn.</summary>
    private static double Pairs(double[,] products, double[] counts)
    {
        var (sum, pairs) = (0.0, 0.0);
        for (var b = 0; b < counts.Length; b++)
            for (var c = 0; c < counts.Length; c++)
            {
                if (b == c) continue;
                sum += counts[b] * counts[c] * products[b, c];
                pairs += counts[b] * counts[c];
            }

        return sum / pairs;
    }

    /// <summary>Mean over batches of a product within one.</summary>
    private static double Within(double[,] products, double[] counts)
    {
        var (sum, all) = (0.0, 0.0);
        for (var b = 0; b < counts.Length; b++)
        {
            sum += counts[b] * products[b, b];
            all += counts[b];
        }

        return sum / all;
    }

    private static double Noise(double[,] products, double[] counts) => Within(products, counts) - Pairs(products, counts);

    /// <summary>Of one stretch; the sum of stretches is taken in double precision, as thousands of products of both signs nearly
    /// cancel.</summary>
    private static double Dot(float[] x, float[] y, int from)
    {
        var count = Math.Min(Stretch, x.Length - from);
        ReadOnlySpan<float> u = x.AsSpan(from, count), v = y.AsSpan(from, count);
        var (lanes, i) = (Vector<float>.Zero, 0);
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            lanes += new Vector<float>(u[i..]) * new Vector<float>(v[i..]);
        double sum = Vector.Sum(lanes);
        for (; i < count; i++) sum += (double)u[i] * v[i];
        return sum;
    }
}
