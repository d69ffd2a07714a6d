using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Training;

/// <summary>
/// How long and how fast a model is trained: AdamW with gradient clipping, linear warm-up and cosine decay to zero (App. C, D).
/// </summary>
/// <param name="Steps">Optimizer steps, at least 1.</param>
/// <param name="Batch">Rows of a step.</param>
/// <param name="Rate">Peak learning rate.</param>
/// <param name="Warmup">Steps of the warm-up.</param>
/// <param name="WeightDecay">Decoupled; 0 is Adam.</param>
/// <param name="Clip">Largest joint 2-norm of the gradients.</param>
/// <param name="LogEvery">Steps between rows of log.jsonl.</param>
/// <param name="EvaluateEvery">Steps between evaluations; the last step is always evaluated.</param>
/// <param name="CheckpointEvery">Steps between checkpoints to resume from.</param>
/// <param name="Seed">Of the order of the rows.</param>
/// <param name="Lora">Trains an adapter; null: all weights.</param>
/// <param name="Fit">How it fits into memory; null: all rows of a step at once, in float32 on the CPU.</param>
public sealed record TrainOptions(
    int Steps, int Batch, double Rate, int Warmup = 0, double WeightDecay = 0, double Clip = 1, double Beta2 = 0.999,
    int LogEvery = 10, int EvaluateEvery = 500, int CheckpointEvery = 500, ulong Seed = 1, Lora? Lora = null, TrainFit? Fit = null)
{
    /// <summary><see cref="Fit"/>, or what it is by default.</summary>
    internal TrainFit Fitted => Fit ?? new();

    /// <summary>A checkpoint as training wants it: float32 masters, but frozen weights as they are stored where bfloat16 computes. An adapter is put on where one is trained.</summary>
    public DecoderModel Load(string folder) => Adapted(DecoderCheckpoint.Load(folder, Frozen ? null : torch.float32, Fitted.Place), folder);

    /// <summary>The same of a checkpoint's trunk under a score head, which starts at zero where there was none of one label.</summary>
    public DecoderModel LoadScorer(string folder)
    {
        var trunk = DecoderCheckpoint.Load(folder, Frozen ? null : torch.float32, Fitted.Place);
        if (trunk.Config is { Head: DecoderHead.SequenceClassification, Labels: 1 }) return Adapted(trunk, folder);
        using (trunk) return Adapted(trunk.BecomeScorer(), folder);
    }

    /// <summary>Computing as the fit says.</summary>
    internal DecoderModel Ready(DecoderModel model)
    {
        var device = Fitted.Place;
        if (model.Device != device)
        {
            using var elsewhere = model;
            model = elsewhere.Clone(device);
        }

        model.ComputeType = Fitted.BFloat16 ? torch.bfloat16 : torch.float32;
        model.Recompute = Fitted.Recompute;
        model.Native = Fitted.Native;
        return model;
    }

    private bool Frozen => Lora is not null && Fitted.BFloat16;

    private DecoderModel Adapted(DecoderModel model, string folder)
    {
        if (Lora is null || model.Lora is not null) return model;
        using (model) return model.WithLora(Lora, Path.GetFullPath(folder), Seed);
    }

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
            (Lora is null || (Lora.Rank >= 1 && Lora.Alpha > 0), $"LoRA's rank must be at least 1 and its alpha positive, they are {Lora?.Rank} and {Lora?.Alpha}"),
            (Fitted.Accumulate >= 1 && Fitted.Accumulate <= Batch, $"a step's batch of {Batch} can be cut into 1 to {Batch} parts, not into {Fitted.Accumulate}"),
            (!(Fitted.BFloat16 && Fitted.Native), "the CPU's engine computes in float32; bfloat16 needs --device cuda, or --device torch"),
            (Beta2 is >= 0 and < 1, $"beta2 must be in [0, 1), it is {Beta2}"),
            (LogEvery >= 1 && EvaluateEvery >= 1 && CheckpointEvery >= 1, "the steps between log rows, evaluations and checkpoints must each be at least 1"),
        ];
        foreach (var (good, rule) in rules)
            if (!good) throw new UserError(rule);
    }
}

/// <summary>How a training fits into memory; none of it changes what is learned, but for bfloat16's rounding.</summary>
/// <param name="Device">cpu, by kernels of our own; in libtorch: torch (on the CPU), cuda, cuda:1.</param>
/// <param name="BFloat16">Computes in bfloat16; what is trained stays in float32.</param>
/// <param name="Recompute">Keeps one layer's activations at a time: <see cref="DecoderModel.Recompute"/>.</param>
/// <param name="Accumulate">Parts into which a step's rows are cut, one after the other; their gradients add up.</param>
/// <param name="Pack">Rows are laid end to end and not padded.</param>
public sealed record TrainFit(string Device = "cpu", bool BFloat16 = false, bool Recompute = false, int Accumulate = 1, bool Pack = false)
{
    /// <summary>The CPU's engine computes, and not libtorch.</summary>
    internal bool Native => Device == "cpu";

    /// <summary>Where weights are.</summary>
    internal Device Place => Device is "cpu" or "torch" ? torch.CPU : new(Device);

    /// <summary>The parts of a step's rows.</summary>
    internal IEnumerable<T[]> Parts<T>(IReadOnlyList<T> rows) => rows.Chunk((rows.Count + Accumulate - 1) / Accumulate);
}

/// <summary>The rows of one step: how many tokens they are, padding not counted, and parts whose losses add up to the step's.</summary>
public readonly record struct Minibatch(int Tokens, IReadOnlyList<RowLoss> Parts);

/// <summary>What a model is worth on held-out data: the score that chooses the best checkpoint (higher is better) and all measures, which are logged as <c>valid_…</c>.</summary>
public sealed record Evaluation(double Score, IReadOnlyDictionary<string, double> Measures);

/// <summary>What is trained.</summary>
/// <param name="Start">The weights to start from.</param>
/// <param name="Next">The rows of a step: a pure function of it, so that a resumed run meets the same rows.</param>
/// <param name="Evaluate">Held-out measures; without it the last checkpoint is the best.</param>
/// <param name="SaveBeside">Writes what belongs into a checkpoint's folder besides the weights.</param>
/// <param name="Longest">Tokens of the longest row.</param>
/// <param name="Predicts">Of how many tokens of a row a next-token loss is taken at most; 0 with a score head.</param>
public sealed record TrainingTask(
    Func<DecoderModel> Start, Func<long, Minibatch> Next, Func<DecoderModel, Evaluation>? Evaluate, Action<string> SaveBeside, int Longest, int Predicts = 0);

/// <summary>Where a training stands after a step.</summary>
public readonly record struct TrainProgress(long Step, long Total, double Loss, double TokensPerSecond);

/// <summary>How a training ended. <c>Finished</c> is false where it was cancelled: started again on the same folder, it goes on.</summary>
public sealed record TrainResult(bool Finished, long Steps, double Loss, double BestScore, long BestStep, long Tokens, double Seconds, string Best);
