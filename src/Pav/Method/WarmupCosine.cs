namespace Pav;

/// <summary>
/// Learning rate with linear warm-up and cosine decay (App. C, D): <c>peak·(t + 1)/W</c> for step t &lt; W, then
/// <c>peak·½(1 + cos(π(t − W)/(T − W)))</c> for W ≤ t &lt; T, 0 from T on. Worked: peak 1, W = 10, T = 110: t = 4 gives 0.5, t = 60 gives
/// 0.5.
/// </summary>
internal sealed record WarmupCosine(double Peak, int Warmup, int Total)
{
    /// <summary>The rate of step t ≥ 0.</summary>
    public double At(int step) =>
        step < Warmup ? Peak * (step + 1) / Warmup
        : step >= Total ? 0
        : Peak * 0.5 * (1 + Math.Cos(Math.PI * (step - Warmup) / (Total - Warmup)));
}
