namespace Pav;

/// <summary>What the guard says of the last iterations: changes of mean progress and of mean Rex from the first to the second half of the
/// window, with their standard errors.</summary>
public readonly record struct HackingSigns(double Progress, double ProgressError, double Rex, double RexError)
{
    /// <summary>Progress rises while Rex falls, both by more than two standard errors.</summary>
    public bool Suspicious => Progress > 2 * ProgressError && Rex < -2 * RexError;
}

/// <summary>
/// A policy that learns to please the verifier shows more progress and fewer right answers. Each half's standard error comes from its
/// iterations' spread.
/// Worked: Rex (0.5, 0.4, 0.2, 0.1) and progress (0.1, 0.1, 0.3, 0.3): Rex changes by −0.3 with error √(0.0025 + 0.0025) = 0.0707, progress
/// by 0.2 with error 0: suspicious.
/// </summary>
internal static class RewardHacking
{
    /// <summary>Null while there are fewer iterations than the window.</summary>
    public static HackingSigns? Find(IReadOnlyList<(double Rex, double Progress)> iterations, int window)
    {
        var half = window / 2;
        if (half < 2 || iterations.Count < 2 * half) return null;
        var last = iterations.Skip(iterations.Count - 2 * half).ToList();
        var (rex, rexError) = Change([.. last.Select(i => i.Rex)], half);
        var (progress, progressError) = Change([.. last.Select(i => i.Progress)], half);
        return new(progress, progressError, rex, rexError);
    }

    private static (double Change, double Error) Change(double[] values, int half)
    {
        var (before, after) = (values[..half], values[half..]);
        return (after.Average() - before.Average(), Math.Sqrt(MeanVariance(before) + MeanVariance(after)));
    }

    /// <summary>Variance of the mean.</summary>
    private static double MeanVariance(double[] values)
    {
        var mean = values.Average();
        return values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1) / values.Length;
    }
}
