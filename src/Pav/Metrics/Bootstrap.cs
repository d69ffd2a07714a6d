namespace Pav;

/// <summary>Percentile bootstrap over problems (clusters): whole problems are drawn again, with all their seeds and traces.</summary>
public static class Bootstrap
{
    public const int Repetitions = 2000;

    /// <summary>Interval of a statistic of problems, given as indices 0 … problems − 1; NaN replicates are left out.</summary>
    public static Interval Interval(int problems, Func<IReadOnlyList<int>, double> statistic, ulong seed = 1,
        int repetitions = Repetitions) =>
        CrossedBootstrap.Interval(1, problems, sample => statistic(sample.Problems), seed, repetitions);

    /// <summary>Interval of the mean of one value per problem.</summary>
    public static Interval Mean(IReadOnlyList<double> values, ulong seed = 1) =>
        Interval(values.Count, drawn => drawn.Average(i => values[i]), seed);

    /// <summary>Quantile p of sorted values, linear between neighbours; NaN of none.</summary>
    internal static double Percentile(List<double> sorted, double p)
    {
        if (sorted.Count == 0) return double.NaN;
        var rank = p * (sorted.Count - 1);
        var (low, high) = (sorted[(int)Math.Floor(rank)], sorted[(int)Math.Ceiling(rank)]);
        return low == high ? low : low + (rank - Math.Floor(rank)) * (high - low);
    }
}
