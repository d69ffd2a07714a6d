using Pav.Models.Decoders;

namespace Pav.Models.Training;

/// <summary>What is subtracted from a step's return to make its gradient less noisy.</summary>
public enum RlBaseline
{
    None,

    /// <summary>A token-level value function: a copy of the policy with a head of its own, fitted by squared loss (App. E).</summary>
    Value,

    /// <summary>The other traces of the same problem: <see cref="Pav.LeaveOneOut"/>.</summary>
    LeaveOneOut,
}

/// <summary>Online RL (Sec. 5, App. E): REINFORCE on Rex + α·A^μ per step, Adam with clipping, warm-up and cosine decay to zero.</summary>
/// <param name="Iterations">Batches of traces, each followed by one update (or <paramref name="Epochs"/> × <paramref name="Minibatches"/>).</param>
/// <param name="Problems">Problems of a batch.</param>
/// <param name="Samples">Traces of each, at temperature 1.</param>
/// <param name="MaxTokens">Most tokens of a trace.</param>
/// <param name="Alpha">Weight of the step rewards.</param>
/// <param name="AlphaUntil">The iteration by which alpha has fallen to 0, linearly from the first; 0 keeps it. A fixed verifier is less and less right about a policy that moves away from the one it learned.</param>
/// <param name="Kl">Weight of KL(π‖π₀) per token, summed over a trace; π₀ is the policy that RL starts from.</param>
/// <param name="Rate">Peak learning rate of the policy.</param>
/// <param name="ValueRate">Peak learning rate of the value function.</param>
/// <param name="Clip">Largest joint 2-norm of the policy's gradients, and of the value function's.</param>
/// <param name="Epochs">Passes over a batch; with more than one update the ratio π/π_old is clipped (PPO).</param>
/// <param name="Minibatches">Updates of a pass.</param>
/// <param name="ClipRatio">The ratio is kept in 1 ± this.</param>
/// <param name="PassTokens">Tokens of one forward and backward pass; gradients add up over the passes of an update, so it changes the speed and nothing else but rounding.</param>
/// <param name="NoProgress">A step with |A^μ| below this counts as one without progress.</param>
/// <param name="GuardWindow">Iterations over which the guard against reward hacking looks; 0 is off.</param>
/// <param name="Lora">Trains adapters of the policy and of the value function; null: all weights.</param>
/// <param name="Fit">The device; null: the CPU.</param>
public sealed record RlOptions(
    int Iterations, int Problems = 32, int Samples = 8, int MaxTokens = 256, DenseReward Reward = DenseReward.Progress, Credit Credit = Credit.Own, double Alpha = 3, int AlphaUntil = 0,
    RlBaseline Baseline = RlBaseline.Value, double Kl = 0.001, double Rate = 1e-4, double ValueRate = 3e-4, int Warmup = 0, double Clip = 1, double Beta2 = 0.999,
    int Epochs = 1, int Minibatches = 1, double ClipRatio = 0.2, int PassTokens = 2048,
    int EvaluateEvery = 20, int CheckpointEvery = 20, double NoProgress = 0.01, int GuardWindow = 40, bool StopOnHacking = false, ulong Seed = 1,
    Lora? Lora = null, TrainFit? Fit = null)
{
    /// <summary>Weight of the step rewards at an iteration. Worked: alpha 3 until 100 is 1.5 at 50 and 0 from 100 on.</summary>
    public double AlphaAt(int iteration) => AlphaUntil == 0 ? Alpha : Alpha * Math.Max(0, 1 - (double)iteration / AlphaUntil);

    /// <summary>Without what only decides where it is done, which a resumed run may set anew.</summary>
    internal RlOptions Learned => this with { Fit = null };

    /// <summary>How its models are made ready.</summary>
    internal ModelSetup Setup => new(Lora, Fit ?? new(), Seed);

    public void Check()
    {
        (bool Good, string Rule)[] rules =
        [
            (Iterations >= 1, $"the number of iterations must be at least 1, it is {Iterations}"),
            (Problems >= 1 && Samples >= 1, $"a batch needs at least 1 problem and 1 sample of each, it has {Problems} and {Samples}"),
            (Baseline != RlBaseline.LeaveOneOut || Samples >= 2, "the leave-one-out baseline needs at least 2 samples of each problem"),
            (MaxTokens >= 1 && PassTokens >= 1, "traces and passes must hold at least 1 token"),
            (Alpha >= 0 && double.IsFinite(Alpha), $"alpha must be a number of at least 0, it is {Alpha}"),
            (AlphaUntil >= 0, $"the iteration by which alpha is 0 must not be negative, it is {AlphaUntil}"),
            (Kl >= 0, $"the weight of the KL penalty must not be negative, it is {Kl}"),
            (Rate > 0 && double.IsFinite(Rate) && ValueRate > 0 && double.IsFinite(ValueRate), $"the learning rates must be positive, they are {Rate} and {ValueRate}"),
            (Warmup >= 0 && Warmup <= Iterations, $"the warm-up must be 0 to {Iterations} iterations (all of them), it is {Warmup}"),
            ModelSetup.Rule(Lora),
            (Clip > 0, $"the gradient clip must be positive, it is {Clip}"),
            (Epochs >= 1 && Minibatches >= 1 && Minibatches <= Problems * Samples, $"epochs and minibatches must be at least 1, and no more minibatches than traces; they are {Epochs} and {Minibatches}"),
            (ClipRatio is > 0 and < 1, $"the clip of the ratio must be between 0 and 1, it is {ClipRatio}"),
            (EvaluateEvery >= 1 && CheckpointEvery >= 1, "the iterations between evaluations and between checkpoints must each be at least 1"),
            (GuardWindow is 0 or >= 4, $"the guard's window must be 0 (off) or at least 4 iterations, it is {GuardWindow}"),
        ];
        foreach (var (good, rule) in rules)
            if (!good) throw new UserError(rule);
    }
}
