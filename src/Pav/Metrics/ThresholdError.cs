namespace Pav;

/// <summary>A score after some step of a trace, and whether the trace ended right.</summary>
internal readonly record struct StepScore(double Score, bool Right);

/// <summary>
/// How well a score after a step predicts the outcome (Fig. 10): "right" where it is at least a threshold, which is chosen on validation
/// traces. Worked: validation (0.2 wrong, 0.4 wrong, 0.5 right, 0.6 right) gives the threshold 0.45; test (0.3 right, 0.7 right, 0.1 wrong)
/// then has error 1/3.
/// </summary>
internal static class ThresholdError
{
    /// <summary>The threshold of least error, between two neighbouring scores or beyond all of them; the smallest of equals.</summary>
    public static double Choose(IReadOnlyList<StepScore> validation)
    {
        var sorted = validation.OrderBy(s => s.Score).ToList();
        var errors = sorted.Count(s => !s.Right);
        var (best, least) = (double.NegativeInfinity, errors);
        for (var i = 0; i < sorted.Count; i++)
        {
            errors += sorted[i].Right ? 1 : -1;
            var next = i + 1 < sorted.Count ? sorted[i + 1].Score : double.PositiveInfinity;
            if (errors < least && next > sorted[i].Score) (best, least) = ((sorted[i].Score + next) / 2, errors);
        }

        return best;
    }

    /// <summary>Is the prediction of this score wrong?</summary>
    public static bool IsError(StepScore score, double threshold) => score.Score >= threshold != score.Right;

    /// <summary>Share of wrong predictions.</summary>
    public static double Share(IReadOnlyList<StepScore> test, double threshold) => test.Average(s => IsError(s, threshold) ? 1.0 : 0);
}
