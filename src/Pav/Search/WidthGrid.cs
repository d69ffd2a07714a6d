namespace Pav;

/// <summary>Accuracy and generated tokens per problem of a beam of N on validation problems.</summary>
internal readonly record struct WidthPoint(int N, double Accuracy, double Tokens);

/// <summary>Finds on validation problems how wide a beam may be: a verifier's mistakes make wider beams worse from some width on.</summary>
internal static class WidthGrid
{
    /// <summary>Beams on Q of ascending sizes, up to the first that answers fewer problems than the best before it.</summary>
    public static async Task<IReadOnlyList<WidthPoint>> Run(
        IReadOnlyList<Problem> validation, SearchTools tools, IEnumerable<int> sizes, SearchOptions options,
        CancellationToken cancel = default)
    {
        var points = new List<WidthPoint>();
        foreach (var n in sizes.Distinct().Order())
        {
            var rows = await SearchBatch.Run(validation, SearchMethods.BeamByQ, n, tools, options, cancel: cancel);
            points.Add(new(n, rows.Average(r => r.Row.Correct), rows.Average(r => r.Row.GeneratedTokens)));
            if (points[^1].Accuracy < points.Max(p => p.Accuracy)) break;
        }

        return points;
    }

    /// <summary>The size of highest accuracy; the smallest of equals.</summary>
    public static int Best(IReadOnlyList<WidthPoint> points) => points.OrderByDescending(p => p.Accuracy).ThenBy(p => p.N).First().N;
}
