namespace Pav;

/// <summary>
/// The effective reward of a step (Eq. 5, Sec. 3.2): <c>Q^π(s, a) + α·A^μ(s, a)</c>, α ≥ 0. Worked: Q = 0.6, A = −0.2, α = 0.5 gives 0.5.
/// </summary>
public static class EffectiveReward
{
    public static double Compute(double q, double advantage, double alpha) => q + alpha * advantage;
}
