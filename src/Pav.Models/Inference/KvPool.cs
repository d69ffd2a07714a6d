using System.Runtime.InteropServices;

namespace Pav.Models.Inference;

/// <summary>
/// Key-value memory in blocks of 16 positions, all layers of a position in one block, never more than a budget. Blocks are taken
/// from the system when first needed and kept for reuse.
/// </summary>
internal sealed unsafe class KvPool : IDisposable
{
    private readonly Stack<nint> free = [];
    private readonly List<nint> all = [];

    public KvPool(long blockFloats, long budgetBytes)
    {
        BlockFloats = blockFloats;
        Capacity = (int)Math.Min(int.MaxValue, budgetBytes / (blockFloats * sizeof(float)));
    }

    public long BlockFloats { get; }

    /// <summary>Blocks within the budget.</summary>
    public int Capacity { get; }

    public int InUse => all.Count - free.Count;

    public int Available => Capacity - InUse;

    /// <summary>Bytes taken from the system so far.</summary>
    public long Bytes => all.Count * BlockFloats * sizeof(float);

    public float* Take()
    {
        if (free.TryPop(out var block)) return (float*)block;
        if (all.Count >= Capacity) throw new InvalidOperationException("no key-value block is left; reserve before taking");
        var fresh = NativeMemory.AlignedAlloc((nuint)(BlockFloats * sizeof(float)), 64);
        new Span<byte>(fresh, checked((int)(BlockFloats * sizeof(float)))).Clear();
        all.Add((nint)fresh);
        return (float*)fresh;
    }

    public void Give(nint block) => free.Push(block);

    public void Dispose()
    {
        foreach (var block in all) NativeMemory.AlignedFree((void*)block);
        all.Clear();
        free.Clear();
    }
}

/// <summary>A stretch of consecutive tokens, after its parent's: a node in a tree of contexts that share their past.</summary>
internal sealed class KvSegment(KvPool pool, KvSegment? parent) : IDisposable
{
    private readonly List<nint> blocks = [];

    public KvSegment? Parent { get; } = parent;

    /// <summary>Tokens whose keys and values are here.</summary>
    public int Count { get; private set; }

    /// <summary>Positions before this segment. The parent must be complete when the first token is added.</summary>
    public int Start { get; private set; } = parent?.End ?? 0;

    public int End => Start + Count;

    public int Blocks => blocks.Count;

    public static int BlocksFor(int tokens) => Kernels.RoundUp(tokens, Kernels.Block) / Kernels.Block;

    /// <summary>Makes room for more tokens, to be filled by the runner.</summary>
    public void Grow(int tokens)
    {
        if (Count == 0) Start = Parent?.End ?? 0;
        Count += tokens;
        while (blocks.Count * Kernels.Block < Count)
            unsafe
            {
                blocks.Add((nint)pool.Take());
            }
    }

    /// <summary>Forgets the last token, so that it can be computed again for the head's values.</summary>
    public void DropLast() => Count--;

    public unsafe float* BlockOf(int index) => (float*)blocks[index / Kernels.Block];

    /// <summary>Adds the filled blocks from the context's first position to this segment's last.</summary>
    public unsafe void Context(List<KvRun> runs)
    {
        Parent?.Context(runs);
        for (var i = 0; i < blocks.Count; i++) runs.Add(new((float*)blocks[i], Math.Min(Kernels.Block, Count - i * Kernels.Block)));
    }

    public void Dispose()
    {
        foreach (var block in blocks) pool.Give(block);
        blocks.Clear();
        Count = 0;
    }
}
