using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Training;

/// <summary>
/// How long and how fast a model is trained: AdamW with gradient clipping, linear warm-up and cosine decay to zero (App. C, D).
/// </summary>
public sealed record TrainOptions
{
    /// <summary>Optimizer steps, at least 1.</summary>
    public required int Steps { get; init; }

    /// <summary>Rows of a step, at least 1.</summary>
    public required int Batch { get; init; }

    /// <summary>Peak learning rate.</summary>
    public required double Rate { get; init; }

    /// <summary>Steps of the warm-up.</summary>
    public int Warmup { get; init; }

    /// <summary>Decoupled; 0 is Adam.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Largest joint 2-norm of the gradients.</summary>
    public double Clip { get; init; } = 1;

    /// <summary>Adam's second decay rate, from 0, below 1.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Steps between rows of log.jsonl.</summary>
    public int LogEvery { get; init; } = 10;

    /// <summary>Steps between evaluations; the last step is always evaluated.</summary>
    public int EvaluateEvery { get; init; } = 500;

    /// <summary>Steps between checkpoints to resume from.</summary>
    public int CheckpointEvery { get; init; } = 500;

    /// <summary>Of the order of the rows.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Trains an adapter; null: all weights.</summary>
    public Lora? Lora { get; init; }

    /// <summary>How it fits into memory; null: all rows of a step at once, in float32 on the CPU.</summary>
    public TrainFit? Fit { get; init; }

    /// <summary><see cref="Fit"/>, or what it is by default.</summary>
    internal TrainFit Fitted => Fit ?? new();

    /// <summary>Without what only decides where it is done, which a resumed training may set anew.</summary>
    internal TrainOptions Learned => this with { Fit = Fitted with { Device = new TrainFit().Device } };

    /// <summary>How its model is made ready.</summary>
    internal ModelSetup Setup => new(Lora, Fitted, Seed);

    /// <summary>A checkpoint as training wants it: see <see cref="ModelSetup.Load"/>.</summary>
    public DecoderModel Load(string folder) => Setup.Load(folder);

    public void Check()
    {
        (bool Good, string Rule)[] rules =
        [
            (Steps >= 1, $"the number of training steps must be at least 1, it is {Steps}"),
            (Batch >= 1, $"the batch must hold at least 1 row, it is {Batch}"),
            (Rate > 0 && double.IsFinite(Rate), $"the learning rate must be positive, it is {Rate}"),
            (Warmup >= 0 && Warmup <= Steps, $"the warm-up must be 0 to {Steps} steps (all of them), it is {Warmup}"),
            (WeightDecay >= 0, $"the weight decay must not be negative, it is {WeightDecay}"),
            (Clip > 0, $"the gradient clip must be positive, it is {Clip}"),
            ModelSetup.Rule(Lora),
            (Fitted.Accumulate >= 1 && Fitted.Accumulate <= Batch, $"a step's batch of {Batch} can be cut into 1 to {Batch} parts, not "
                + $"into {Fitted.Accumulate}"),
            (!(Fitted.BFloat16 && Fitted.Native), "the CPU's engine computes in float32; bfloat16 needs --device cuda, or --device torch"),
            (Beta2 is >= 0 and < 1, $"beta2 must be in [0, 1), it is {Beta2}"),
            (LogEvery >= 1 && EvaluateEvery >= 1
                && CheckpointEvery >= 1, "the steps between log rows, evaluations and checkpoints must each be at least 1"),
        ];
        foreach (var (good, rule) in rules)
            if (!good) throw new UserError(rule);
    }
}

/// <summary>The rows of one step: how many tokens they are, padding not counted, and parts whose losses add up to the step's.</summary>
internal readonly record struct Minibatch(int Tokens, IReadOnlyList<RowLoss> Parts);

/// <summary>What a model is worth on held-out data: the score that chooses the best checkpoint (higher is better) and all measures, which
/// are logged as <c>valid_…</c>.</summary>
internal sealed record Evaluation(double Score, IReadOnlyDictionary<string, double> Measures);

/// <summary>What is trained, as <see cref="FineTuning"/> and <see cref="Pretraining"/> make it for <see cref="TrainingLoop"/>.</summary>
public sealed record TrainingTask
{
    internal TrainingTask(Func<DecoderModel> start, Func<long, Minibatch> next, Func<DecoderModel, Evaluation>? evaluate,
        Action<string> saveBeside, int longest, int predicts = 0) =>
        (Start, Next, Evaluate, SaveBeside, Longest, Predicts) = (start, next, evaluate, saveBeside, longest, predicts);

    /// <summary>Writes what belongs into a checkpoint's folder besides the weights.</summary>
    public Action<string> SaveBeside { get; init; }

    /// <summary>The weights to start from.</summary>
    internal Func<DecoderModel> Start { get; }

    /// <summary>The rows of a step: a pure function of it, so that a resumed run meets the same rows.</summary>
    internal Func<long, Minibatch> Next { get; }

    /// <summary>Held-out measures; without it the last checkpoint is the best.</summary>
    internal Func<DecoderModel, Evaluation>? Evaluate { get; }

    /// <summary>Tokens of the longest row.</summary>
    internal int Longest { get; }

    /// <summary>Of how many tokens of a row a next-token loss is taken at most; 0 with a score head.</summary>
    internal int Predicts { get; }
}

/// <summary>Where a training stands after a step.</summary>
public readonly record struct TrainProgress(long Step, long Total, double Loss, double TokensPerSecond);

/// <summary>How a training ended. <c>Finished</c> is false where it was cancelled: started again on the same folder, it goes on.</summary>
public record TrainResult(bool Finished, long Steps, double Loss, double BestScore, long BestStep, long Tokens, double Seconds,
    string Best);
