namespace Pav;

/// <summary>
/// Progress of a step (Sec. 3.1): <c>A^μ(s_h, a_h) = Q^μ(s_h, a_h) − Q^μ(s_{h−1}, a_{h−1})</c>, with V^μ(x) before the first step.
/// Worked: q = (0.3, 0.5, 0.2) gives A = (0.2, −0.3); their sum is q[H] − q[0] = −0.1.
/// </summary>
public static class Advantage
{
    /// <summary>H values in [−1, 1] from H + 1 values <c>q[0] = V(x)</c>, <c>q[h] = Q(s_h, a_h)</c>; the result's index h − 1 is step
    /// h.</summary>
    public static double[] OfSteps(IReadOnlyList<double> q) => [.. Enumerable.Range(1, q.Count - 1).Select(h => q[h] - q[h - 1])];

    /// <summary>A of the last step; 0 for the problem itself, which has none.</summary>
    public static double OfLastStep(IReadOnlyList<double> q) => q.Count > 1 ? q[^1] - q[^2] : 0;
}
