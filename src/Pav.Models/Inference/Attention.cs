using System.Runtime.Intrinsics;
using Pav.Models.Cpu;

namespace Pav.Models.Inference;

/// <summary>One head of one row: its query, where its result goes, and the positions [From, Length) that it sees.</summary>
internal unsafe struct HeadQuery
{
    public float* Query;
    public float* Output;

    /// <summary>Its context's first block among those of all contexts.</summary>
    public int Context;
    public int From;
    public int Length;
}

/// <summary>
/// Attention over key-value blocks: softmax(q·Kᵀ·scale)·V. Four queries that share the beginning of their contexts take that together, so
/// that its keys and values are read once for all four. A block holds, so many values from its start, K as [size, 16] and V as [16, size],
/// each value a float or a Half (<typeparamref name="TStored"/>); the sums are of floats. The bits of a result do not depend on what is
/// taken together, nor on how blocks lie.
/// </summary>
/// <param name="contexts">Their blocks, one context after the other.</param>
/// <param name="keys">Stored values from a block's start to a head's keys.</param>
/// <param name="values">The same of its values.</param>
/// <param name="size">Of a head, a multiple of 4.</param>
/// <param name="scale">Of the scores.</param>
/// <param name="cap">They are softly capped where it is not 0.</param>
internal readonly unsafe ref partial struct Attention<TStored>(ReadOnlySpan<KvRun> contexts, long keys, long values, int size,
    float scale, float cap) where TStored : unmanaged
{
    /// <summary>Queries that are taken together.</summary>
    public const int Together = 4;

    private const int Block = Kernels.Block;

    private readonly ReadOnlySpan<KvRun> contexts = contexts;

    /// <summary>Floats that <see cref="Run"/> needs for contexts of so many positions.</summary>
    public static int Scratch(int positions, int size) => Together * (Stride(positions) + 2 * size);

    private static int Stride(int positions) => Kernels.RoundUp(positions, Block) + Block;

    /// <summary>All queries of some heads; each four of a head from the first on share <paramref name="shared"/> blocks.</summary>
    /// <param name="queries">[heads, rows]: those of the first head, then those of the next. Their context lengths are at most
    /// <paramref name="positions"/>.</param>
    /// <param name="heads">Whose keys and values follow one another: one, or <see cref="Together"/>.</param>
    /// <param name="shared">Blocks.</param>
    /// <param name="positions">What <paramref name="scratch"/> was made for.</param>
    /// <param name="scratch">As <see cref="Scratch"/> says, for each head.</param>
    public void Run(ReadOnlySpan<HeadQuery> queries, int heads, int shared, int positions, float* scratch)
    {
        if (Vector512.IsHardwareAccelerated) Run<Lanes16>(queries, heads, shared, positions, scratch);
        else Run<Lanes8>(queries, heads, shared, positions, scratch);
    }

    /// <summary>With vectors of one width.</summary>
    public void Run<T>(ReadOnlySpan<HeadQuery> queries, int heads, int shared, int positions, float* scratch) where T : struct, ILanes<T>
    {
        var rows = queries.Length / heads;
        for (int done = 0, count; done < rows; done += count)
        {
            count = shared > 0 && done + Together <= rows ? Together : 1;
            Attend<T>(queries[done..], heads, rows, count, count == 1 ? 0 : shared, scratch, positions);
        }
    }

    /// <summary>The first queries of each head, whose first ones are <paramref name="rows"/> apart.</summary>
    private void Attend<T>(ReadOnlySpan<HeadQuery> queries, int heads, int rows, int count, int shared, float* scratch, int positions)
        where T : struct, ILanes<T>
    {
        var (stride, apart, common) = (Stride(positions), Scratch(positions, size), 0);
        var norms = stackalloc float[Together * heads];
        for (var h = 0; h < heads; h++)
            common = new Attention<TStored>(contexts, keys + h * size * Block, values + h * size * Block, size, scale, cap)
                .Weights<T>(queries.Slice(h * rows, count), shared, scratch + h * apart, stride, norms + h * Together);
        for (var u = 0; u < count; u++)
        {
            var state = scratch + Together * stride + 2 * size * u;
            Mix<T>(contexts[queries[u].Context..], common, queries[u].Length, heads, scratch + u * stride, state, apart);
            for (var h = 0; h < heads; h++, state += apart) Result<T>(state, norms[h * Together + u], queries[h * rows + u].Output);
        }
    }

    /// <summary>
    /// Of one head's queries: their weights, what these are to be multiplied by, and their states after the positions that they take
    /// together, whose number is answered.
    /// </summary>
    private int Weights<T>(ReadOnlySpan<HeadQuery> queries, int shared, float* scores, int stride, float* norms) where T : struct, ILanes<T>
    {
        int least = int.MaxValue, most = 0, offset = 0, block = 0;
        foreach (ref readonly var query in queries) (least, most) = (Math.Min(least, query.Length), Math.Max(most, query.Length));
        var first = contexts[queries[0].Context..];
        for (; block < shared && offset < most; offset += first[block++].Count)
            ScoresOfFour<T>(queries, (TStored*)first[block].Data + keys, scores + offset, stride);
        var common = Math.Min(offset, least);
        var state = scores + Together * stride;
        new Span<float>(state, 2 * size * queries.Length).Clear();
        for (var u = 0; u < queries.Length; u++)
        {
            var own = scores + u * stride;
            Scores<T>(queries[u], block, offset, own);
            norms[u] = Weigh(queries[u], own);
        }

        if (common > 0) MixOfFour<T>(first, common, scores, stride, state);
        return common;
    }

    /// <summary>From one block of a context on, which begins at <paramref name="offset"/>.</summary>
    private void Scores<T>(in HeadQuery query, int block, int offset, float* scores) where T : struct, ILanes<T>
    {
        for (var context = contexts[query.Context..]; offset < query.Length; offset += context[block++].Count)
        {
            // A head's part of a block is one piece of memory, and where the next begins no processor foresees.
            var key = (TStored*)context[block].Data + keys;
            var next = offset + context[block].Count < query.Length
                ? (TStored*)context[block + 1].Data + keys : (TStored*)context[0].Data + values;
            for (var lane = 0; lane < Block; lane += T.Count, next = key)
                ScoresOfOne<T>(query.Query, key + lane, size, scores + offset + lane, next);
        }
    }

    /// <summary>The scores become the softmax's numerators; answers what their sum is divided by.</summary>
    private float Weigh(in HeadQuery query, float* scores)
    {
        var factor = scale;
        if (cap != 0)
        {
            RowKernels.Cap(scores, query.Length, cap, scale);
            factor = 1;
        }

        // What lies outside the window stays in the sums, with weight 0: their order does not depend on how blocks lie.
        new Span<float>(scores, query.From).Fill(float.MinValue);
        return 1 / RowKernels.Exponentials(scores, query.Length, factor).Sum;
    }

    /// <summary>Dims that are one chain of additions each: whole 32s. Then come 16 with a chain for even positions and one for odd
    /// ones.</summary>
    private int Single => size / 32 * 32;

    private int Paired => size / 16 * 16;

    /// <summary>The first positions of four queries' common past, into their states.</summary>
    private void MixOfFour<T>(ReadOnlySpan<KvRun> blocks, int positions, float* weights, int stride, float* state)
        where T : struct, ILanes<T>
    {
        var d = 0;
        for (; d < Single; d += 2 * T.Count) ChainsOfFour<T>(blocks, positions, values + d, size, weights, stride, state + d);
        for (; d < Paired; d += T.Count) PairsOfFour<T>(blocks, positions, values + d, size, weights, stride, state + d);
        for (; d < size; d += 4) RestOfFour(blocks, positions, values + d, size, weights, stride, state + d);
    }

    /// <summary>Adds the positions [from, length) to the states of a row's queries, one of each head; the weights and states of heads are
    /// <paramref name="apart"/>.</summary>
    private void Mix<T>(ReadOnlySpan<KvRun> blocks, int from, int length, int heads, float* weights, float* state, nint apart)
        where T : struct, ILanes<T>
    {
        var skip = from;
        while (blocks.Length > 0 && skip >= blocks[0].Count && from < length)
        {
            skip -= blocks[0].Count;
            blocks = blocks[1..];
        }

        weights += from;
        var (d, left) = (Single, length - from);
        if (heads == Together)
        {
            for (; d < Paired; d += T.Count) PairsOfHeads<T>(blocks, skip, left, from % 2, values + d, size, weights, state + d, apart);
            for (; d < size; d += 4) RestOfHeads(blocks, skip, left, values + d, size, weights, state + d, apart);
        }

        for (var h = 0; h < heads; h++, weights += apart, state += apart)
        {
            var first = values + h * size * Block;
            for (d = 0; d + 4 * T.Count <= Single; d += 4 * T.Count)
                ChainsOfOne<T>(blocks, skip, left, first + d, size, weights, state + d);
            for (; d < Single; d += 2 * T.Count) TwoChainsOfOne<T>(blocks, skip, left, first + d, size, weights, state + d);
            if (heads == Together) continue;
            for (; d < Paired; d += T.Count) PairsOfOne<T>(blocks, skip, left, from % 2, first + d, size, weights, state + d);
            for (; d < size; d += 4) RestOfOne(blocks, skip, left, first + d, size, weights, state + d);
        }
    }

    /// <summary>The output is the state times <paramref name="norm"/>.</summary>
    private void Result<T>(float* state, float norm, float* output) where T : struct, ILanes<T>
    {
        var (d, factor) = (0, T.Spread(norm));
        for (; d < Single; d += T.Count) (T.Load(state + d) * factor).Store(output + d);
        for (; d < Paired; d += T.Count) ((T.Load(state + d) + T.Load(state + size + d)) * factor).Store(output + d);
        for (; d < size; d++) output[d] = state[d] * norm;
    }
}
