namespace Pav;

/// <summary>
/// A forest that stops when its leading answer is ahead by Settle: accuracy and generated tokens per problem on validation problems.
/// </summary>
internal readonly record struct SettlePoint(double Settle, double Accuracy, double Tokens);

/// <summary>A forest that stops when its leading answer is right with the probability Sure.</summary>
internal readonly record struct SurePoint(double Sure, double Accuracy, double Tokens);

/// <summary>Chooses when a forest's vote counts as settled, on validation problems.</summary>
internal static class SettleGrid
{
    /// <summary>Accuracy that may be given up for fewer tokens.</summary>
    public const double Tolerance = 0.01;

    /// <summary>Forests of at most so many trees with every value of a grid, in the order given.</summary>
    public static IReadOnlyList<SettlePoint> Run(ForestStudy study, int trees, SearchOptions options, IReadOnlyList<double> grid) =>
        [.. from settle in grid
            let point = study.Replay(trees, FinalChoice.Vote, options with { Settle = settle }, new SequentialForest())
            select new SettlePoint(settle, point.Accuracy, point.Tokens)];

    /// <summary>The same for the stop by the posterior, with the vote by log-odds.</summary>
    public static IReadOnlyList<SurePoint> Sure(ForestStudy study, int trees, SearchOptions options, IReadOnlyList<double> grid) =>
        [.. from sure in grid
            let point = study.Replay(trees, FinalChoice.LogOdds, options with { Sure = sure }, new SequentialForest { ByPosterior = true })
            select new SurePoint(sure, point.Accuracy, point.Tokens)];

    /// <summary>
    /// The value with the fewest tokens among those whose accuracy is within <see cref="Tolerance"/> of the best; the smallest of equals.
    /// </summary>
    public static double Best(IEnumerable<(double Value, double Accuracy, double Tokens)> points)
    {
        var all = points.ToList();
        var highest = all.Max(p => p.Accuracy);
        return all.Where(p => p.Accuracy >= highest - Tolerance - 1e-12).OrderBy(p => p.Tokens).ThenBy(p => p.Value).First().Value;
    }
}
