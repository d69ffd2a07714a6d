using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>What a model's engine may use.</summary>
/// <param name="CacheBudgetBytes">Most memory for keys and values; with few, fewer draws run at once.</param>
/// <param name="Slots">Most draws that run at once.</param>
/// <param name="Threads">0: as many as libtorch uses.</param>
/// <param name="Torch">Runs the model in libtorch on this device; null: in kernels for the CPU, whose results do not depend on the
/// batch.</param>
public sealed record EngineOptions(long CacheBudgetBytes = 1L << 30, int Slots = 256, int Threads = 0, Device? Torch = null);
