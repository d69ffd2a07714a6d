using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pav.Models.Inference;

internal readonly unsafe ref partial struct Attention<TStored>
{
    /// <summary>scores = q · K for so many positions of a key block as a vector has lanes, in four chains; meanwhile the block at
    /// <paramref name="next"/> is fetched.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ScoresOfOne<T>(float* q, TStored* keys, int size, float* scores, TStored* next) where T : struct, ILanes<T>
    {
        T a0 = default, a1 = default, a2 = default, a3 = default;
        for (nint i = 0; i < size; i += 4, keys += 4 * Block, next += 4 * Block)
        {
            Fetch(next, 4 * Block);
            a0 = T.Fused(T.Spread(q[i]), T.Load(keys), a0);
            a1 = T.Fused(T.Spread(q[i + 1]), T.Load(keys + Block), a1);
            a2 = T.Fused(T.Spread(q[i + 2]), T.Load(keys + 2 * Block), a2);
            a3 = T.Fused(T.Spread(q[i + 3]), T.Load(keys + 3 * Block), a3);
        }

        (a0 + a1 + (a2 + a3)).Store(scores);
    }

    /// <summary>The same for four queries and all positions of a block, two chains of each at a time.</summary>
    private void ScoresOfFour<T>(ReadOnlySpan<HeadQuery> queries, TStored* block, float* scores, int stride) where T : struct, ILanes<T>
    {
        for (var lane = 0; lane < Block; lane += T.Count)
        {
            TwoChains<T>(queries[0].Query, queries[1].Query, queries[2].Query, queries[3].Query, block + lane, size, scores + lane, stride,
                0);
            TwoChains<T>(queries[0].Query, queries[1].Query, queries[2].Query, queries[3].Query, block + lane, size, scores + lane, stride,
                2);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoChains<T>(float* q0, float* q1, float* q2, float* q3, TStored* keys, int size, float* scores, nint stride,
        nint chain) where T : struct, ILanes<T>
    {
        T a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        keys += chain * Block;
        for (var i = chain; i < size; i += 4, keys += 4 * Block)
        {
            T even = T.Load(keys), odd = T.Load(keys + Block);
            a0 = T.Fused(T.Spread(q0[i]), even, a0);
            a1 = T.Fused(T.Spread(q1[i]), even, a1);
            a2 = T.Fused(T.Spread(q2[i]), even, a2);
            a3 = T.Fused(T.Spread(q3[i]), even, a3);
            b0 = T.Fused(T.Spread(q0[i + 1]), odd, b0);
            b1 = T.Fused(T.Spread(q1[i + 1]), odd, b1);
            b2 = T.Fused(T.Spread(q2[i + 1]), odd, b2);
            b3 = T.Fused(T.Spread(q3[i + 1]), odd, b3);
        }

        (a0, a1, a2, a3) = (a0 + b0, a1 + b1, a2 + b2, a3 + b3);
        float* s1 = scores + stride, s2 = s1 + stride, s3 = s2 + stride;
        if (chain != 0) (a0, a1, a2, a3) = (T.Load(scores) + a0, T.Load(s1) + a1, T.Load(s2) + a2, T.Load(s3) + a3);
        a0.Store(scores);
        a1.Store(s1);
        a2.Store(s2);
        a3.Store(s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ChainsOfFour<T>(ReadOnlySpan<KvRun> blocks, int left, long values, nint size, float* weights, nint stride,
        float* state) where T : struct, ILanes<T>
    {
        float* w1 = weights + stride, w2 = w1 + stride, w3 = w2 + stride;
        float* s1 = state + 2 * size, s2 = s1 + 2 * size, s3 = s2 + 2 * size;
        T a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        nint at = 0;
        for (var b = 0; left > 0; left -= blocks[b++].Count)
        {
            var v = (TStored*)blocks[b].Data + values;
            for (var end = at + Math.Min(blocks[b].Count, left); at < end; at++, v += size)
            {
                T low = T.Load(v), high = T.Load(v + T.Count), w = T.Spread(weights[at]);
                a0 = T.Fused(w, low, a0);
                b0 = T.Fused(w, high, b0);
                w = T.Spread(w1[at]);
                a1 = T.Fused(w, low, a1);
                b1 = T.Fused(w, high, b1);
                w = T.Spread(w2[at]);
                a2 = T.Fused(w, low, a2);
                b2 = T.Fused(w, high, b2);
                w = T.Spread(w3[at]);
                a3 = T.Fused(w, low, a3);
                b3 = T.Fused(w, high, b3);
            }
        }

        a0.Store(state);
        a1.Store(s1);
        a2.Store(s2);
        a3.Store(s3);
        b0.Store(state + T.Count);
        b1.Store(s1 + T.Count);
        b2.Store(s2 + T.Count);
        b3.Store(s3 + T.Count);
    }

    /// <summary>Even positions add to one chain, odd ones to another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PairsOfFour<T>(ReadOnlySpan<KvRun> blocks, int left, long values, nint size, float* weights, nint stride,
        float* state) where T : struct, ILanes<T>
    {
        float* w1 = weights + stride, w2 = w1 + stride, w3 = w2 + stride;
        float* s1 = state + 2 * size, s2 = s1 + 2 * size, s3 = s2 + 2 * size;
        T a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        nint at = 0;
        for (var b = 0; left > 0; left -= blocks[b++].Count)
        {
            var v = (TStored*)blocks[b].Data + values;
            var end = at + Math.Min(blocks[b].Count, left);
            while (at < end)
            {
                T w = T.Load(v);
                if (at % 2 == 0)
                {
                    a0 = T.Fused(T.Spread(weights[at]), w, a0);
                    a1 = T.Fused(T.Spread(w1[at]), w, a1);
                    a2 = T.Fused(T.Spread(w2[at]), w, a2);
                    a3 = T.Fused(T.Spread(w3[at]), w, a3);
                    at++;
                    v += size;
                    if (at == end) break;
                    w = T.Load(v);
                }

                b0 = T.Fused(T.Spread(weights[at]), w, b0);
                b1 = T.Fused(T.Spread(w1[at]), w, b1);
                b2 = T.Fused(T.Spread(w2[at]), w, b2);
                b3 = T.Fused(T.Spread(w3[at]), w, b3);
                at++;
                v += size;
            }
        }

        a0.Store(state);
        a1.Store(s1);
        a2.Store(s2);
        a3.Store(s3);
        b0.Store(state + size);
        b1.Store(s1 + size);
        b2.Store(s2 + size);
        b3.Store(s3 + size);
    }

    /// <summary>The last dims of a head, four at a time, product and sum rounded each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RestOfFour(ReadOnlySpan<KvRun> blocks, int left, long values, nint size, float* weights, nint stride, float* state)
    {
        float* w1 = weights + stride, w2 = w1 + stride, w3 = w2 + stride;
        Vector128<float> a0 = default, a1 = default, a2 = default, a3 = default;
        nint at = 0;
        for (var b = 0; left > 0; left -= blocks[b++].Count)
        {
            var v = (TStored*)blocks[b].Data + values;
            for (var end = at + Math.Min(blocks[b].Count, left); at < end; at++, v += size)
            {
                var four = Four(v);
                a0 += Vector128.Create(weights[at]) * four;
                a1 += Vector128.Create(w1[at]) * four;
                a2 += Vector128.Create(w2[at]) * four;
                a3 += Vector128.Create(w3[at]) * four;
            }
        }

        a0.Store(state);
        a1.Store(state + 2 * size);
        a2.Store(state + 4 * size);
        a3.Store(state + 6 * size);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ChainsOfOne<T>(ReadOnlySpan<KvRun> blocks, int skip, int left, long values, nint size, float* weights,
        float* state) where T : struct, ILanes<T>
    {
        T a0 = T.Load(state), a1 = T.Load(state + T.Count), a2 = T.Load(state + 2 * T.Count), a3 = T.Load(state + 3 * T.Count);
        for (var b = 0; left > 0; b++, skip = 0)
        {
            var v = (TStored*)blocks[b].Data + values + skip * size;
            var count = Math.Min(blocks[b].Count - skip, left);
            left -= count;
            var next = left > 0 ? (TStored*)blocks[b + 1].Data + values : v;
            for (var end = weights + count; weights < end; weights++, v += size, next += size)
            {
                Fetch(next, 4 * T.Count);
                var w = T.Spread(*weights);
                a0 = T.Fused(w, T.Load(v), a0);
                a1 = T.Fused(w, T.Load(v + T.Count), a1);
                a2 = T.Fused(w, T.Load(v + 2 * T.Count), a2);
                a3 = T.Fused(w, T.Load(v + 3 * T.Count), a3);
            }
        }

        a0.Store(state);
        a1.Store(state + T.Count);
        a2.Store(state + 2 * T.Count);
        a3.Store(state + 3 * T.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoChainsOfOne<T>(ReadOnlySpan<KvRun> blocks, int skip, int left, long values, nint size, float* weights,
        float* state) where T : struct, ILanes<T>
    {
        T a0 = T.Load(state), a1 = T.Load(state + T.Count);
        for (var b = 0; left > 0; b++, skip = 0)
        {
            var v = (TStored*)blocks[b].Data + values + skip * size;
            var count = Math.Min(blocks[b].Count - skip, left);
            left -= count;
            var next = left > 0 ? (TStored*)blocks[b + 1].Data + values : v;
            for (var end = weights + count; weights < end; weights++, v += size, next += size)
            {
                Fetch(next, 2 * T.Count);
                var w = T.Spread(*weights);
                a0 = T.Fused(w, T.Load(v), a0);
                a1 = T.Fused(w, T.Load(v + T.Count), a1);
            }
        }

        a0.Store(state);
        a1.Store(state + T.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PairsOfOne<T>(ReadOnlySpan<KvRun> blocks, int skip, int left, int parity, long values, nint size, float* weights,
        float* state) where T : struct, ILanes<T>
    {
        T a = T.Load(state), b = T.Load(state + size);
        for (var n = 0; left > 0; n++, skip = 0)
        {
            var v = (TStored*)blocks[n].Data + values + skip * size;
            var count = Math.Min(blocks[n].Count - skip, left);
            left -= count;
            var end = weights + count;
            if (parity == 1)
            {
                b = T.Fused(T.Spread(*weights++), T.Load(v), b);
                v += size;
            }

            for (; weights + 2 <= end; weights += 2, v += 2 * size)
            {
                a = T.Fused(T.Spread(weights[0]), T.Load(v), a);
                b = T.Fused(T.Spread(weights[1]), T.Load(v + size), b);
            }

            if (weights < end) a = T.Fused(T.Spread(*weights++), T.Load(v), a);
            parity = (parity + count) % 2;
        }

        a.Store(state);
        b.Store(state + size);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RestOfOne(ReadOnlySpan<KvRun> blocks, int skip, int left, long values, nint size, float* weights, float* state)
    {
        var a = Vector128.Load(state);
        for (var n = 0; left > 0; n++, skip = 0)
        {
            var v = (TStored*)blocks[n].Data + values + skip * size;
            var count = Math.Min(blocks[n].Count - skip, left);
            left -= count;
            for (var end = weights + count; weights < end; weights++, v += size) a += Vector128.Create(*weights) * Four(v);
        }

        a.Store(state);
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Four(TStored* v) =>
        typeof(TStored) == typeof(Half) ? Halves.Load4((Half*)v) : Vector128.Load((float*)v);
    /// <summary>Brings up to 256 bytes, whole lines of 64, nearer to the processor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(TStored* from, int count)
    {
        if (!Sse.IsSupported) return;
        Sse.Prefetch0(from);
        if (count * sizeof(TStored) > 64) Sse.Prefetch0((byte*)from + 64);
        if (count * sizeof(TStored) > 128) Sse.Prefetch0((byte*)from + 128);
        if (count * sizeof(TStored) > 192) Sse.Prefetch0((byte*)from + 192);
    }
}
