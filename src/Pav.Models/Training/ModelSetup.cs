using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Training;

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

/// <summary>How a model is made ready for training, by gradient descent and by RL alike.</summary>
/// <param name="Lora">The adapter that is trained; null: all weights.</param>
/// <param name="Fit">Device and number type.</param>
/// <param name="Seed">Of the adapter's first values.</param>
internal sealed record ModelSetup(Lora? Lora, TrainFit Fit, ulong Seed)
{
    private bool Frozen => Lora is not null && Fit.BFloat16;

    /// <summary>
    /// A checkpoint as training wants it: float32 masters, but frozen weights as they are stored where bfloat16 computes. An adapter is put
    /// on where one is trained; a checkpoint that is an adapter goes on with its own.
    /// </summary>
    public DecoderModel Load(string folder) => Adapted(Read(folder), folder);

    /// <summary>
    /// The same of a checkpoint's trunk under so many score heads. Where it has not as many, one starts at zero, and several start apart,
    /// as
    /// they would else stay alike.
    /// </summary>
    public DecoderModel LoadScorer(string folder, int heads = 1)
    {
        var trunk = Read(folder);
        if (trunk.Config.Head == DecoderHead.SequenceClassification && trunk.Config.Labels == heads) return Adapted(trunk, folder);
        using (trunk)
        {
            CheckWhole(trunk, folder);
            return Adapted(trunk.BecomeScorer(heads, heads > 1 ? Seed : null), folder);
        }
    }

    /// <summary>With an adapter, where one is trained; the model itself is used up.</summary>
    /// <param name="model">What the adapter is put on.</param>
    /// <param name="folder">Where its weights were read from, which the adapter names as its base.</param>
    public DecoderModel Adapted(DecoderModel model, string folder)
    {
        if (Lora is null || model.Lora is not null) return model;
        using (model) return model.WithLora(Lora, Path.GetFullPath(folder), Seed);
    }

    /// <summary>Where and as the fit says.</summary>
    public DecoderModel Ready(DecoderModel model)
    {
        if (model.Device != Fit.Place)
        {
            using var elsewhere = model;
            model = elsewhere.Clone(Fit.Place);
        }

        model.ComputeType = Fit.BFloat16 ? torch.bfloat16 : torch.float32;
        model.Recompute = Fit.Recompute;
        model.Native = Fit.Native;
        return model;
    }

    /// <summary>Refuses to put a new adapter on the weights under another, which its file could not name.</summary>
    public void CheckWhole(DecoderModel model, string folder)
    {
        if (Lora is not null && model.Lora is not null)
            throw new UserError($"{folder}: is a LoRA adapter itself; make a whole checkpoint of it with `pav merge`, then adapt that one");
    }

    public static (bool Good, string Rule) Rule(Lora? lora) =>
        (lora is null || (lora.Rank >= 1 && lora.Alpha > 0), "LoRA's rank must be at least 1 and its alpha positive, they are "
            + $"{lora?.Rank} and {lora?.Alpha}");

    private DecoderModel Read(string folder) => DecoderCheckpoint.Load(folder, Frozen ? null : torch.float32, Fit.Place);
}
