using Pav.Models.Cpu;
using Pav.Models.Decoders;

namespace Pav.Models.Training;

/// <summary>A model with what it learns by: the CPU's engine, or libtorch. Weights are the model's own and change with each step.</summary>
internal interface ITrainer : IDisposable
{
    /// <summary>Adds the gradient of a loss; answers the loss.</summary>
    double Accumulate(RowLoss loss);

    /// <summary>The head's values at all places of the rows, place by place.</summary>
    float[] Values(IReadOnlyList<ReadRow> rows);

    /// <summary>Clips the gradients to a joint 2-norm, moves the weights by AdamW, and forgets the gradients; answers the norm before.</summary>
    double Step(double rate, double clip);

    /// <summary>The gradient of each trained weight, as it stands.</summary>
    IReadOnlyDictionary<string, float[]> Gradients();

    /// <summary>Writes the optimizer's state: moments and count of steps.</summary>
    void Save(string file);

    void Load(string file);
}

/// <param name="Beta2">Adam's second decay rate.</param>
/// <param name="WeightDecay">Decoupled.</param>
/// <param name="Pack">In libtorch: rows are laid end to end and not padded; the CPU's engine never pads.</param>
internal sealed record TrainerOptions(double Beta2 = 0.999, double WeightDecay = 0, bool Pack = false);

internal static class Trainer
{
    public static ITrainer From(DecoderModel model, TrainerOptions? options = null) =>
        model.Native ? new CpuTrainer(model, options ?? new()) : new TorchTrainer(model, options ?? new());

    /// <summary>The head's values at all places of the rows, where nothing is to be learned.</summary>
    public static float[] Values(DecoderModel model, IReadOnlyList<ReadRow> rows)
    {
        using var trainer = From(model);
        return trainer.Values(rows);
    }
}
