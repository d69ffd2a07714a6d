using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Training;

/// <summary>What a training step holds at once, in bytes.</summary>
/// <param name="Weights">All parameters, frozen ones and adapters too.</param>
/// <param name="Gradients">Of what is trained, float32.</param>
/// <param name="Optimizer">Adam's two moments.</param>
/// <param name="Activations">Of the rows of one part, kept for the gradient.</param>
/// <param name="Logits">Of their learned tokens, with their probabilities and gradients; 0 with a score head.</param>
public sealed record MemoryAccount(long Weights, long Gradients, long Optimizer, long Activations, long Logits)
{
    /// <summary>Most at once: at the end of a part's forward pass, or in the optimizer's step, which needs room for one more moment. Parts after the first find gradients there.</summary>
    public long Peak => Weights + Optimizer + Math.Max(Gradients + Activations + Logits, Gradients + Optimizer / 2);

    internal static MemoryAccount Of(DecoderModel model, TrainOptions options, TrainingTask task)
    {
        var trained = model.Trained.Values.Sum(Bytes);
        var rows = (options.Batch + options.Fitted.Accumulate - 1) / options.Fitted.Accumulate;
        return new(
            model.Parameters.Values.Sum(Bytes) + model.Trained.Where(p => !model.Parameters.ContainsKey(p.Key)).Sum(p => Bytes(p.Value)), trained, 2 * trained,
            Kept(model, rows, task.Longest, options), 4L * 3 * rows * task.Predicts * model.Config.VocabSize);

        static long Bytes(Tensor tensor) => tensor.numel * tensor.dtype.Size();
    }

    /// <summary>
    /// Of a token a layer keeps: 6 hidden states (two norms: their input, normalised and scaled), queries twice, keys and values twice (as projected, as multiplied), 4 inner
    /// vectors, and without a fused kernel the attention weights. Weights converted for products are kept, too. The layer at work takes as much again. When recomputing:
    /// each layer's input, and one layer at work.
    /// </summary>
    private static long Kept(DecoderModel model, int rows, int length, TrainOptions options)
    {
        var (config, size) = (model.Config, (long)model.ComputeType.Size());
        var fused = model.Device.IsCuda && config.AttentionCap is null;
        long hidden = config.HiddenSize, q = (long)config.Heads * config.HeadSize, kv = (long)config.KvHeads * config.HeadSize;
        var layer = 6 * hidden + 2 * q + 4 * kv + 4L * config.IntermediateSize + (fused ? 0 : (long)config.Heads * length * (config.AttentionCap is null ? 1 : 2));
        if (config.PostNorms) layer += 4 * hidden;
        if (config.QueryKeyNorm) layer += 2 * (q + kv);
        if (options.Lora is { } lora) layer += 7L * lora.Rank;
        var converted = options.Lora is null && model.ComputeType != torch.float32 ? config.Parameters / config.Layers * size : 0;
        var tokens = (long)rows * length;
        return tokens * 3 * hidden * size + (options.Fitted.Recompute
            ? config.Layers * tokens * hidden * size + 2 * tokens * layer * size + converted
            : (config.Layers + 1) * tokens * layer * size + config.Layers * converted);
    }

    public override string ToString()
    {
        return $"Memory of a step: {Mb(Peak)} MB at most (weights {Mb(Weights)}, gradients {Mb(Gradients)}, optimizer {Mb(Optimizer)}, activations {Mb(Activations)}, logits {Mb(Logits)})";

        static string Mb(long bytes) => $"{bytes / 1048576.0:N0}";
    }
}
