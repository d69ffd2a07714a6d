namespace Pav;

/// <summary>
/// Baseline of a step from the other traces of the same problem: <c>b_{i,h} = 1/(G−1)·Σ_{j≠i} (Rex_j + dense_{j,h})</c>, where a trace that
/// has ended by step h has dense 0. It depends on the problem, h and the others only, so the gradient stays unbiased. Outcome and progress
/// have their baselines apart: the outcome's is the mean Rex of the others at every step; progress has mean ≈ 0 where π is close to μ, and
/// its mean at the same depth corrects for where it is not. Worked: (Rex 1, dense 0.4, −0.6), (0; 0.2), (1; 0, 0.2): the first trace's
/// baselines are 0.5 + 0.1 = 0.6 and 0.5 + 0.1 = 0.6.
/// </summary>
public static class LeaveOneOut
{
    /// <summary>One array per trace, one value per step of it; the group has at least 2 traces.</summary>
    public static double[][] Compute(IReadOnlyList<StepReturns> group)
    {
        if (group.Count < 2) throw new ArgumentException("a leave-one-out baseline needs at least two traces of a problem", nameof(group));
        var rex = group.Sum(t => t.Rex);
        var dense = new double[group.Max(t => t.Dense.Length)];
        foreach (var trace in group)
            for (var h = 0; h < trace.Dense.Length; h++) dense[h] += trace.Dense[h];
        return [.. group.Select(answer => answer.Dense.Select((d, h) => (rex - answer.Rex + dense[h] - d) / (group.Count - 1)).ToArray())];
    }
}
