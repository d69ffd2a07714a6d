using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>The last dims of four heads together: in one head alone each addition waits for the one before.</summary>
internal readonly unsafe ref partial struct Attention<TStored>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PairsOfHeads<T>(ReadOnlySpan<KvRun> blocks, int skip, int left, int parity, long values, nint size, float* weights,
        float* state, nint apart) where T : struct, ILanes<T>
    {
        float* w1 = weights + apart, w2 = w1 + apart, w3 = w2 + apart;
        float* s1 = state + apart, s2 = s1 + apart, s3 = s2 + apart;
        T a0 = T.Load(state), a1 = T.Load(s1), a2 = T.Load(s2), a3 = T.Load(s3);
        T b0 = T.Load(state + size), b1 = T.Load(s1 + size), b2 = T.Load(s2 + size), b3 = T.Load(s3 + size);
        nint place = 0, head = size * Block;
        for (var n = 0; left > 0; n++, skip = 0)
        {
            var v = (TStored*)blocks[n].Data + values + skip * size;
            var count = Math.Min(blocks[n].Count - skip, left);
            left -= count;
            var end = place + count;
            while (place < end)
            {
                if (parity == 0)
                {
                    a0 = T.Fused(T.Spread(weights[place]), T.Load(v), a0);
                    a1 = T.Fused(T.Spread(w1[place]), T.Load(v + head), a1);
                    a2 = T.Fused(T.Spread(w2[place]), T.Load(v + 2 * head), a2);
                    a3 = T.Fused(T.Spread(w3[place]), T.Load(v + 3 * head), a3);
                    place++;
                    v += size;
                    parity = 1;
                    if (place == end) break;
                }

                b0 = T.Fused(T.Spread(weights[place]), T.Load(v), b0);
                b1 = T.Fused(T.Spread(w1[place]), T.Load(v + head), b1);
                b2 = T.Fused(T.Spread(w2[place]), T.Load(v + 2 * head), b2);
                b3 = T.Fused(T.Spread(w3[place]), T.Load(v + 3 * head), b3);
                place++;
                v += size;
                parity = 0;
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RestOfHeads(ReadOnlySpan<KvRun> blocks, int skip, int left, long values, nint size, float* weights, float* state,
        nint apart)
    {
        float* w1 = weights + apart, w2 = w1 + apart, w3 = w2 + apart;
        float* s1 = state + apart, s2 = s1 + apart, s3 = s2 + apart;
        Vector128<float> a0 = Vector128.Load(state), a1 = Vector128.Load(s1), a2 = Vector128.Load(s2), a3 = Vector128.Load(s3);
        nint place = 0, head = size * Block;
        for (var n = 0; left > 0; n++, skip = 0)
        {
            var v = (TStored*)blocks[n].Data + values + skip * size;
            var count = Math.Min(blocks[n].Count - skip, left);
            left -= count;
            for (var end = place + count; place < end; place++, v += size)
            {
                a0 += Vector128.Create(weights[place]) * Four(v);
                a1 += Vector128.Create(w1[place]) * Four(v + head);
                a2 += Vector128.Create(w2[place]) * Four(v + 2 * head);
                a3 += Vector128.Create(w3[place]) * Four(v + 3 * head);
            }
        }

        a0.Store(state);
        a1.Store(s1);
        a2.Store(s2);
        a3.Store(s3);
    }
}
