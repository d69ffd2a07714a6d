namespace Pav;

internal static class Pairs
{
    /// <summary>Mean of a symmetric function over ordered pairs of draws i ≠ j; it is 0 for two draws of the same step. A U-statistic:
    /// unbiased for independent draws.</summary>
    public static double MeanOver(IReadOnlyList<StepEstimate> steps, Func<StepEstimate, StepEstimate, double> select)
    {
        var (sum, draws) = (0.0, 0);
        for (var i = 0; i < steps.Count; i++)
        {
            draws += steps[i].Drawn;
            for (var j = 0; j < i; j++) sum += (double)steps[i].Drawn * steps[j].Drawn * select(steps[i], steps[j]);
        }

        return 2 * sum / ((double)draws * (draws - 1));
    }
}
