using System.Text.Json.Serialization;
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

/// <summary>
/// Online RL (Sec. 5, App. E): REINFORCE on Rex + α·A^μ per step, Adam with clipping, warm-up and cosine decay to zero. What has a flag is
/// an option of <c>pav rl</c> by that name.
/// </summary>
public sealed record RlOptions
{
    [Flag("Iterations: batches of traces, each followed by an update", Min = 1)]
    public int Iterations { get; init; } = 200;

    [Flag("Problems of a batch", Min = 1, Max = 65536)]
    [JsonPropertyName("problems")]
    public int Batch { get; init; } = 32;

    [Flag("Traces of each problem of a batch", Min = 1, Max = 65536)]
    public int Samples { get; init; } = 8;

    [Flag("Most tokens of a trace", Min = 1, Max = 1048576)]
    public int MaxTokens { get; init; } = 256;

    public DenseReward Reward { get; init; } = DenseReward.Progress;

    public OutcomeCredit Outcome { get; init; } = OutcomeCredit.Plain;

    public ProcessRule Process { get; init; } = ProcessRule.Plain;

    [Flag("For --process vppo: a trace's first error is its first step with progress this far below 0", Min = 0, AboveMin = true, Max = 1)]
    public double ErrorDrop { get; init; } = 0.2;

    [Flag("Completions by the present policy from every segment's end, whose share of right ones is its value (vineppo, spo)",
        Min = 1, Max = 4096)]
    public int ValueRollouts { get; init; } = 9;

    [Flag("Steps of a segment (spo; vineppo has 1)", Min = 1, Max = 4096)]
    public int SegmentSteps { get; init; } = 2;

    public Credit Credit { get; init; } = Credit.Own;

    /// <summary>Weight of the step rewards; the default suits the embedded models (docs/rl.md).</summary>
    public double Alpha { get; init; } = 0.3;

    /// <summary>The weight is fitted to the step rewards of the first batches instead (<see cref="AlphaMatch"/>).</summary>
    public bool MatchAlpha { get; init; }

    /// <summary>How the weight depends on the problem.</summary>
    public AlphaRule AlphaBy { get; init; } = AlphaRule.Same;

    /// <summary>A fixed verifier is less and less right about a policy that moves away from the one it learned.</summary>
    [Flag("Iteration by which alpha has fallen to 0, linearly from the first; 0 keeps it", Min = 0)]
    public int AlphaUntil { get; init; }

    public RlBaseline Baseline { get; init; } = RlBaseline.Value;

    /// <summary>Summed over a trace; the start is the policy that RL begins from.</summary>
    [Flag("Weight of KL(policy || start) per token", Min = 0, Max = 100)]
    public double Kl { get; init; } = 0.001;

    [Flag("Peak learning rate", Min = 0, AboveMin = true, Max = 10)]
    public double Rate { get; init; } = 1e-4;

    [Flag("Peak learning rate of the value function", Min = 0, AboveMin = true, Max = 10)]
    public double ValueRate { get; init; } = 3e-4;

    /// <summary>Iterations of the warm-up.</summary>
    public int Warmup { get; init; }

    /// <summary>Of the policy, and of the value function.</summary>
    [Flag("Largest 2-norm of all gradients together", Min = 0, AboveMin = true)]
    public double Clip { get; init; } = 1;

    [Flag("Adam's second decay rate", Min = 0, Max = 0.999999)]
    public double Beta2 { get; init; } = 0.999;

    [Flag("Passes over a batch; with more than one update the ratio of probabilities is clipped (PPO)", Min = 1, Max = 1000)]
    public int Epochs { get; init; } = 1;

    [Flag("Updates of a pass", Min = 1, Max = 65536)]
    public int Minibatches { get; init; } = 1;

    [Flag("The ratio is kept in 1 plus or minus this", Min = 0, AboveMin = true, Max = 0.999)]
    public double ClipRatio { get; init; } = 0.2;

    /// <summary>Gradients add up over the passes of an update, so it changes the speed and nothing else but rounding.</summary>
    [Flag("Tokens of one forward and backward pass, over which gradients add up", Min = 1)]
    public int PassTokens { get; init; } = 2048;

    [Flag("Iterations between measures on --valid-problems", Min = 1)]
    public int EvaluateEvery { get; init; } = 20;

    [Flag("Iterations between checkpoints to resume from", Min = 1)]
    public int CheckpointEvery { get; init; } = 20;

    [Flag("Iterations between policies that are kept, as checkpoints/00050 for the 50th; 0 keeps the last and the best alone", Min = 0)]
    public int KeepEvery { get; init; }

    [Flag("A step counts as one without progress where |A| is below this", Min = 0, Max = 1)]
    public double NoProgress { get; init; } = 0.01;

    [Flag("Iterations over which the guard against reward hacking looks; 0 is off", Min = 0)]
    public int GuardWindow { get; init; } = 40;

    [Flag("Stop where progress rises while right answers fall, instead of warning")]
    public bool StopOnHacking { get; init; }

    /// <summary>What alpha is multiplied by where progress rises while right answers fall; 1 only warns.</summary>
    public double GuardAlpha { get; init; } = 1;

    public ulong Seed { get; init; } = 1;

    /// <summary>Trains adapters of the policy and of the value function; null: all weights.</summary>
    public Lora? Lora { get; init; }

    /// <summary>The device; null: the CPU.</summary>
    public TrainFit? Fit { get; init; }

    /// <summary>Largest standard deviation of what an outcome brings a trace: of Rex, or of Rex normalised in its group.</summary>
    internal double OutcomeSpread => Outcome == OutcomeCredit.Plain ? 0.5 : 1;

    /// <summary>Weight of the step rewards at an iteration. Worked: alpha 3 until 100 is 1.5 at 50 and 0 from 100 on.</summary>
    public double AlphaAt(int iteration) => AlphaUntil == 0 ? Alpha : Alpha * Math.Max(0, 1 - (double)iteration / AlphaUntil);

    /// <summary>Without what only decides where it is done, which a resumed run may set anew.</summary>
    internal RlOptions Learned => this with { Fit = null, KeepEvery = 0 };

    /// <summary>How its models are made ready.</summary>
    internal ModelSetup Setup => new(Lora, Fit ?? new(), Seed);

    public void Check()
    {
        (bool Good, string Rule)[] rules =
        [
            (Iterations >= 1, $"the number of iterations must be at least 1, it is {Iterations}"),
            (Batch >= 1 && Samples >= 1, $"a batch needs at least 1 problem and 1 sample of each, it has {Batch} and {Samples}"),
            (Baseline != RlBaseline.LeaveOneOut || Samples >= 2, "the leave-one-out baseline needs at least 2 samples of each problem"),
            (Outcome is not (OutcomeCredit.Group or OutcomeCredit.SharedPrefixes) || Samples >= 2,
                "outcomes are normalised among at least 2 samples of each problem"),
            (Outcome == OutcomeCredit.Plain || Baseline == RlBaseline.None,
                "outcomes credited within groups or segments take no further baseline"),
            (Process == ProcessRule.Plain || Reward == DenseReward.Progress && Credit == Credit.Own,
                "rules for step rewards need progress, each step credited with its own"),
            (AlphaBy == AlphaRule.Same || Reward == DenseReward.Progress,
                "alpha depends on the problem's value only where progress is rewarded"),
            (ErrorDrop is > 0 and <= 1, $"the drop of progress that is an error must be above 0 and at most 1, it is {ErrorDrop}"),
            (GuardAlpha is >= 0 and <= 1, $"the guard's factor of alpha must be 0 to 1, it is {GuardAlpha}"),
            (ValueRollouts >= 1 && SegmentSteps >= 1,
                $"a segment needs at least 1 step and 1 completion, it has {SegmentSteps} and {ValueRollouts}"),
            (MaxTokens >= 1 && PassTokens >= 1, "traces and passes must hold at least 1 token"),
            (Alpha >= 0 && double.IsFinite(Alpha), $"alpha must be a number of at least 0, it is {Alpha}"),
            (AlphaUntil >= 0, $"the iteration by which alpha is 0 must not be negative, it is {AlphaUntil}"),
            (Kl >= 0, $"the weight of the KL penalty must not be negative, it is {Kl}"),
            (Rate > 0 && double.IsFinite(Rate) && ValueRate > 0
                && double.IsFinite(ValueRate), $"the learning rates must be positive, they are {Rate} and {ValueRate}"),
            (Warmup >= 0 && Warmup <= Iterations, $"the warm-up must be 0 to {Iterations} iterations (all of them), it is {Warmup}"),
            ModelSetup.Rule(Lora),
            (Clip > 0, $"the gradient clip must be positive, it is {Clip}"),
            (Epochs >= 1 && Minibatches >= 1 && Minibatches <= Batch * Samples, "epochs and minibatches must be at least 1, and no more "
                + $"minibatches than traces; they are {Epochs} and {Minibatches}"),
            (ClipRatio is > 0 and < 1, $"the clip of the ratio must be between 0 and 1, it is {ClipRatio}"),
            (EvaluateEvery >= 1
                && CheckpointEvery >= 1, "the iterations between evaluations and between checkpoints must each be at least 1"),
            (KeepEvery >= 0, $"the iterations between policies that are kept must not be negative, they are {KeepEvery}"),
            (GuardWindow is 0 or >= 4, $"the guard's window must be 0 (off) or at least 4 iterations, it is {GuardWindow}"),
        ];
        foreach (var (good, rule) in rules)
            if (!good) throw new UserError(rule);
    }
}
