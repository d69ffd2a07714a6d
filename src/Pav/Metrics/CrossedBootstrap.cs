namespace Pav;

/// <summary>Seeds and problems drawn with replacement: what a replicate of a statistic is computed on.</summary>
public sealed record CrossedSample(int[] Seeds, int[] Problems)
{
    /// <summary>Mean of values[seed][problem] over the drawn seeds and problems.</summary>
    public double Mean(double[][] values)
    {
        var sum = 0.0;
        foreach (var seed in Seeds)
        {
            var row = values[seed];
            foreach (var problem in Problems) sum += row[problem];
        }

        return sum / ((double)Seeds.Length * Problems.Length);
    }
}

/// <summary>
/// Percentile bootstrap over two crossed levels: seeds of labels and training are drawn again, and problems, the same ones for every seed.
/// Statistics of several methods on one sample are paired. With one seed it is the bootstrap over problems; with few, it still understates
/// what other seeds would show.
/// </summary>
public static class CrossedBootstrap
{
    public const int Repetitions = 1000;

    public static Interval Interval(int seeds, int problems, Func<CrossedSample, double> statistic, ulong seed = 1,
        int repetitions = Repetitions)
    {
        var all = new CrossedSample([.. Enumerable.Range(0, seeds)], [.. Enumerable.Range(0, problems)]);
        var drawn = new CrossedSample(new int[seeds], new int[problems]);
        var replicates = new List<double>(repetitions);
        for (var r = 0; r < repetitions; r++)
        {
            Draw(drawn.Seeds, Seeds.Derive(seed, "", "bootstrap seeds", r));
            Draw(drawn.Problems, Seeds.Derive(seed, "", "bootstrap", r));
            var replicate = statistic(drawn);
            if (!double.IsNaN(replicate)) replicates.Add(replicate);
        }

        replicates.Sort();
        return new(statistic(all), Bootstrap.Percentile(replicates, 0.025), Bootstrap.Percentile(replicates, 0.975));
    }

    /// <summary>Interval of the mean of values[seed][problem].</summary>
    public static Interval Mean(double[][] values) => Interval(values.Length, values[0].Length, sample => sample.Mean(values));

    private static void Draw(int[] into, ulong seed)
    {
        for (var i = 0; i < into.Length; i++) into[i] = (int)(Seeds.Uniform(seed, i) * into.Length);
    }
}
