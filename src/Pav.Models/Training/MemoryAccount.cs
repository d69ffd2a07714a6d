using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Models.Training;

/// <summary>What a training step holds at once, in bytes.</summary>
/// <param name="Weights">All parameters, frozen ones and adapters too.</param>
/// <param name="Gradients">Of what is trained, float32.</param>
/// <param name="Optimizer">Adam's two moments.</param>
/// <param name="Activations">Of the rows of one part, kept for the gradient.</param>
/// <param name="Logits">Of their learned tokens, with their probabilities and gradients; 0 with a score head.</param>
/// <param name="Stepping">What the optimizer's step takes besides, when activations are gone: libtorch needs room for one more
/// moment.</param>
public sealed record MemoryAccount(long Weights, long Gradients, long Optimizer, long Activations, long Logits, long Stepping)
{
    /// <summary>
    /// Most at once: at the end of a part's forward pass, or in the optimizer's step. Parts after the first find gradients there.
    /// </summary>
    public long Peak => Weights + Optimizer + Gradients + Math.Max(Activations + Logits, Stepping);

    internal static MemoryAccount Estimate(DecoderModel model, TrainOptions options, TrainingTask task) =>
        Estimate(model.Config, options with { Lora = model.Lora }, task.Longest, task.Predicts,
            model.Parameters["model.norm.weight"].dtype);

    /// <param name="config">Of the model, with the head that is trained.</param>
    /// <param name="options">How.</param>
    /// <param name="longest">Tokens of the longest row.</param>
    /// <param name="predicts">Of how many of them a next-token loss is taken; 0 with a score head.</param>
    /// <param name="stored">Type of the weights that LoRA freezes.</param>
    internal static MemoryAccount Estimate(DecoderConfig config, TrainOptions options, int longest, int predicts, ScalarType stored)
    {
        var head = Count(DecoderModel.Shapes(config).Where(s => s.Key.StartsWith("score.", StringComparison.Ordinal)));
        var trained = options.Lora is { } lora ? Count(lora.Shapes(config)) + head : config.Parameters;
        var frozen = options.Lora is null ? 0 : config.Parameters - head;
        var rows = (options.Batch + options.Fitted.Accumulate - 1) / options.Fitted.Accumulate;
        if (!options.Fitted.Native)
            return new(4 * trained + stored.Size() * frozen, 4 * trained, 8 * trained, Kept(config, rows, longest, options),
                4L * 3 * rows * predicts * config.VocabSize, 4 * trained);

        // Weights are also packed twice for products. Threads work on parts of the rows, which have gradients of their own.
        var threads = Threads.Count;
        var all = trained + frozen;
        var packed = 2 * (all - (config is { Head: DecoderHead.CausalLM, TiedEmbeddings: true } ? 0
            : (long)config.VocabSize * config.HiddenSize));
        return new(4 * (all + packed), 4 * trained * (1 + OrderedSum.Buffers(threads)), 8 * trained,
            threads * CpuDecoder.BytesOfThread(config, rows * longest, longest, options.Fitted.Recompute), 0, 0);

        static long Count(IEnumerable<KeyValuePair<string, long[]>> shapes) => shapes.Sum(s => s.Value.Aggregate(1L, (a, b) => a * b));
    }

    /// <summary>
    /// Of a token a layer keeps: 6 hidden states (two norms: their input, normalised and scaled), queries twice, keys and values twice (as
    /// projected, as multiplied), 4 inner
    /// vectors, and without a fused kernel the attention weights. Weights converted for products are kept, too. The layer at work takes as
    /// much again. When recomputing:
    /// each layer's input, and one layer at work, with four times the attention weights: before and after the softmax, and the gradients of
    /// both.
    /// </summary>
    private static long Kept(DecoderConfig config, int rows, int length, TrainOptions options)
    {
        var size = (long)(options.Fitted.BFloat16 ? torch.bfloat16 : torch.float32).Size();
        var fused = options.Fitted.Place.IsCuda && config.AttentionCap is null;
        long hidden = config.HiddenSize, q = (long)config.Heads * config.HeadSize, kv = (long)config.KvHeads * config.HeadSize;
        var attention = fused ? 0 : (long)config.Heads * length * (config.AttentionCap is null ? 1 : 2);
        var layer = 6 * hidden + 2 * q + 4 * kv + 4L * Inner(config) + attention;
        if (config.PostNorms) layer += 4 * hidden;
        if (config.QueryKeyNorm) layer += 2 * (q + kv);
        if (options.Lora is { } lora) layer += 7L * lora.Rank;
        var converted = options.Lora is null && options.Fitted.BFloat16 ? config.Parameters / config.Layers * size : 0;
        var tokens = (long)rows * length;
        return tokens * 3 * hidden * size + (options.Fitted.Recompute
            ? config.Layers * tokens * hidden * size + 2 * tokens * (layer + attention) * size + converted
            : (config.Layers + 1) * tokens * layer * size + config.Layers * converted);
    }

    /// <summary>Inner values of a token, or of its experts, which also read and make a hidden state each.</summary>
    private static long Inner(DecoderConfig config) => config.Experts is not { } experts ? config.IntermediateSize
        : Math.Max(config.IntermediateSize, (long)experts.PerToken * (experts.Size + config.HiddenSize));

    public override string ToString()
    {
        return $"Memory of a step: {Mb(Peak)} MB at most (weights {Mb(Weights)}, gradients {Mb(Gradients)}, optimizer {Mb(Optimizer)}, "
            + $"activations {Mb(Activations)}, logits {Mb(Logits)})";

        static string Mb(long bytes) => $"{bytes / 1048576.0:N0}";
    }
}
