using System.Runtime.InteropServices;

namespace Pav.Models.Inference;

/// <summary>
/// Key-value memory in blocks of 16 positions, all layers of a position in one block, never more than a budget. Blocks are numbers; in the
/// CPU's memory they are
/// taken from the system when first needed and kept for reuse, on other devices the runner keeps what they stand for.
/// </summary>
/// <param name="blockBytes">Of a block.</param>
/// <param name="budgetBytes">Of all.</param>
/// <param name="inMemory">Blocks are in the CPU's memory.</param>
/// <param name="stateBlocks">Blocks that a segment takes besides, for the states of recurrent layers after its last token.</param>
internal sealed unsafe class KvPool(long blockBytes, long budgetBytes, bool inMemory, int stateBlocks = 0) : IDisposable
{
    private readonly Stack<int> free = [];
    private readonly List<nint> all = [];

    public long BlockBytes { get; } = blockBytes;

    /// <summary>Blocks within the budget.</summary>
    public int Capacity { get; } = (int)Math.Min(int.MaxValue, budgetBytes / blockBytes);

    public int StateBlocks { get; } = stateBlocks;

    public int InUse => all.Count - free.Count;

    public int Available => Capacity - InUse;

    /// <summary>Bytes of all blocks taken so far.</summary>
    public long Bytes => all.Count * BlockBytes;

    public int Take()
    {
        if (free.TryPop(out var block)) return block;
        if (all.Count >= Capacity) throw new InvalidOperationException("no key-value block is left; reserve before taking");
        void* fresh = null;
        if (inMemory)
        {
            fresh = NativeMemory.AlignedAlloc((nuint)BlockBytes, 64);
            NativeMemory.Clear(fresh, (nuint)BlockBytes);
        }

        all.Add((nint)fresh);
        return all.Count - 1;
    }

    public void Give(int block) => free.Push(block);

    /// <summary>Blocks of a segment of so many tokens.</summary>
    public int BlocksFor(int tokens) => tokens == 0 ? 0 : Kernels.RoundUp(tokens, Kernels.Block) / Kernels.Block + StateBlocks;

    /// <summary>Where a block of the CPU's memory begins.</summary>
    public void* Data(int block) => (void*)all[block];

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
    private readonly List<int> blocks = [], state = [];

    public KvSegment? Parent { get; } = parent;

    /// <summary>Tokens whose keys and values are here.</summary>
    public int Count { get; private set; }

    /// <summary>Positions before this segment. The parent must be complete when the first token is added.</summary>
    public int Start { get; private set; } = parent?.End ?? 0;

    public int End => Start + Count;

    public int Blocks => blocks.Count + state.Count;

    /// <summary>The segment in which the token before this one's first is; null: there is none.</summary>
    public KvSegment? Before => Parent is null or { Count: > 0 } ? Parent : Parent.Before;

    /// <summary>Makes room for more tokens, to be filled by the runner.</summary>
    public void Grow(int tokens)
    {
        if (Count == 0) Start = Parent?.End ?? 0;
        Count += tokens;
        while (blocks.Count * Kernels.Block < Count) blocks.Add(pool.Take());
        while (state.Count < pool.StateBlocks) state.Add(pool.Take());
    }

    /// <summary>Forgets the last token, so that it can be computed again for the head's values; a recurrent layer's state does not go
    /// back, and so there all tokens are forgotten.</summary>
    public void DropLast() => Count = state.Count > 0 ? 0 : Count - 1;

    /// <summary>The index-th block of the states after the last token.</summary>
    public int StateBlock(int index) => state[index];

    /// <summary>The block of this segment's index-th token.</summary>
    public int BlockOf(int index) => blocks[index / Kernels.Block];

    /// <summary>Adds the filled blocks from the context's first position to this segment's last.</summary>
    public void Context(List<(int Block, int Count)> runs)
    {
        Parent?.Context(runs);
        for (var i = 0; i < blocks.Count; i++) runs.Add((blocks[i], Math.Min(Kernels.Block, Count - i * Kernels.Block)));
    }

    public void Dispose()
    {
        foreach (var block in blocks.Concat(state)) pool.Give(block);
        blocks.Clear();
        state.Clear();
        Count = 0;
    }
}
