namespace Pav;

/// <summary>
/// Monte Carlo return of each step under the effective reward (Sec. 3.2, App. E): <c>R_h = Rex + α·A^μ(s_h, a_h)</c>. Each step is credited with its
/// own A^μ: a sum over later steps would telescope and add nothing to Rex. Worked: Rex = 1, α = 2, q^μ = (0.3, 0.5, 0.2) gives (1.4, 0.4).
/// </summary>
public static class Returns
{
    /// <param name="qMu">H + 1 values of the prover.</param>
    public static double[] PerStep(int rex, double alpha, IReadOnlyList<double> qMu) => [.. Advantage.OfSteps(qMu).Select(a => rex + alpha * a)];
}
