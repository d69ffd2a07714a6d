namespace Pav;

/// <summary>Accuracy of beam search at one α on validation problems.</summary>
internal readonly record struct AlphaPoint(double Alpha, double Accuracy);

/// <summary>Chooses α on validation problems, as the paper does on a grid over [0, 1] by 0.1 at beam 16.</summary>
internal static class AlphaGrid
{
    /// <summary>Beam search with every α of a grid and the same seeds, in the order given.</summary>
    public static async Task<IReadOnlyList<AlphaPoint>> Run(
        IReadOnlyList<Problem> validation, SearchTools tools, int n, SearchOptions options, IReadOnlyList<double> grid,
            CancellationToken cancel = default)
    {
        var points = new List<AlphaPoint>(grid.Count);
        foreach (var alpha in grid)
        {
            var results = await SearchBatch.Run(validation, SearchMethods.BeamByProgress, n, tools, options with { Alpha = alpha },
                cancel: cancel);
            points.Add(new(alpha, results.Average(r => r.Row.Correct)));
        }

        return points;
    }

    /// <summary>The α of highest accuracy; the smallest of equals.</summary>
    public static double Best(IReadOnlyList<AlphaPoint> points) => points.OrderByDescending(p => p.Accuracy).ThenBy(p => p.Alpha)
        .First().Alpha;
}
