namespace Pav;

/// <summary>A forest that stops when its leading answer is ahead by Settle: accuracy and generated tokens per problem on validation problems.</summary>
public readonly record struct SettlePoint(double Settle, double Accuracy, double Tokens);

/// <summary>Chooses when a forest's vote counts as settled, on validation problems.</summary>
public static class SettleGrid
{
    /// <summary>Accuracy that may be given up for fewer tokens.</summary>
    public const double Tolerance = 0.01;

    /// <summary>Forests of at most n traces with every value of a grid and the same seeds, in the order given.</summary>
    public static async Task<IReadOnlyList<SettlePoint>> Run(
        IReadOnlyList<Problem> validation, SearchTools tools, int n, SearchOptions options, IReadOnlyList<double> grid, CancellationToken cancel = default)
    {
        var points = new List<SettlePoint>(grid.Count);
        foreach (var settle in grid)
        {
            var results = await SearchBatch.Run(validation, SearchMethods.ForestInTurn, n, tools, options with { Settle = settle }, cancel: cancel);
            points.Add(new(settle, results.Average(r => r.Row.Correct), results.Average(r => r.Row.GeneratedTokens)));
        }

        return points;
    }

    /// <summary>The value with the fewest tokens among those whose accuracy is within <see cref="Tolerance"/> of the best; the smallest of equals.</summary>
    public static double Best(IReadOnlyList<SettlePoint> points)
    {
        var highest = points.Max(p => p.Accuracy);
        return points.Where(p => p.Accuracy >= highest - Tolerance - 1e-12).OrderBy(p => p.Tokens).ThenBy(p => p.Settle).First().Settle;
    }
}
