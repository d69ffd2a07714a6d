using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>What a model's engine may use.</summary>
/// <param name="CacheBudgetBytes">Most memory for keys and values; with few, fewer draws run at once.</param>
/// <param name="Slots">Most draws that run at once.</param>
/// <param name="Threads">0: as many as libtorch uses.</param>
/// <param name="Torch">Runs the model in libtorch on this device; null: in kernels for the CPU, whose results do not depend on the
/// batch.</param>
/// <param name="Cache">How the CPU's kernels keep keys and values; libtorch keeps them as it computes them.</param>
/// <param name="Weights">How the CPU's kernels keep the weights of the layers' products.</param>
public sealed record EngineOptions(long CacheBudgetBytes = 1L << 30, int Slots = 256, int Threads = 0, Device? Torch = null,
    KvType Cache = KvType.Float32, WeightType Weights = WeightType.Stored);

/// <summary>How weights of attention's and the feed-forward part's products are kept; all others stay as they are stored.</summary>
public enum WeightType
{
    /// <summary>In the checkpoint's type.</summary>
    Stored,

    /// <summary>Rounded to 255 steps for each output and 64 inputs, and so are the rows that they are multiplied with.</summary>
    Int8,
}

/// <summary>The type in which keys and values are kept. They are computed in float32, and summed so.</summary>
public enum KvType
{
    /// <summary>As computed.</summary>
    Float32,

    /// <summary>Rounded to 11 significant bits, at most 65,504: half the memory, and less of it to read for each token.</summary>
    Float16,
}
