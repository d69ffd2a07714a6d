namespace Pav.Models.Inference;

/// <summary>Runners of one thread each, side by side on the same weights.</summary>
internal sealed unsafe partial class CpuRunner
{
    /// <summary>Parameters of a model up to which threads have batches of their own: in one batch there is so little to do between two
    /// places where they meet that they wait for much of the time.</summary>
    private const long SmallModel = 4_000_000;

    private readonly bool ownsWeights = true;
    private readonly long parameters;

    /// <summary>Reads the weights of another, which must live as long, with one thread and a key-value memory of its own.</summary>
    private CpuRunner(CpuRunner whole, long cacheBytes)
    {
        (ownsWeights, Config, parameters, halves, crew) = (false, whole.Config, whole.parameters, whole.halves, new(1));
        (embedding, layers, finalNorm, head) = (whole.embedding, whole.layers, whole.finalNorm, whole.head);
        (hiddenStride, querySize, kvSize, innerStride) = (whole.hiddenStride, whole.querySize, whole.kvSize, whole.innerStride);
        (eps, together, pending) = (whole.eps, whole.together, new(Config));
        Pool = NewPool(cacheBytes);
    }

    /// <summary>
    /// A runner for each thread, where the model is small and each one's share of the cache holds the longest context however it is cut,
    /// so that every draw that fits one runner fits these; else none.
    /// </summary>
    /// <param name="cacheBytes">To be shared by them.</param>
    public IReadOnlyList<CpuRunner> Beside(long cacheBytes)
    {
        var share = cacheBytes / crew.Size;
        var longest = Pool.BlockBytes * Config.MaxPositions * (1 + Pool.StateBlocks);
        return crew.Size == 1 || parameters > SmallModel || share < longest
            ? [] : [.. Enumerable.Range(0, crew.Size).Select(_ => new CpuRunner(this, share))];
    }
}
