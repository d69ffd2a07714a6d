using System.Runtime.Intrinsics;
using Pav.Models.Inference;

namespace Pav.Models.Tests.Cpu;

public unsafe class CachedAttentionTests
{
    private const int Block = Kernels.Block;

    /// <summary>
    /// The order of all sums, written out: four chains of a score, eight of the softmax, one for each dim of whole 32s, one for even and
    /// one
    /// for odd positions of the next 16 dims, and products that are rounded before they are added for the last few.
    /// </summary>
    private static float[] Expected(float[] q, float[][] keys, float[][] values, int from, float scale, float cap)
    {
        var (size, length) = (q.Length, keys.Length);
        var buffer = new float[Kernels.RoundUp(length, 8)];
        for (var t = 0; t < length; t++)
        {
            var chains = new float[4];
            for (var i = 0; i < size; i++) chains[i % 4] = MathF.FusedMultiplyAdd(q[i], keys[t][i], chains[i % 4]);
            buffer[t] = chains[0] + chains[1] + (chains[2] + chains[3]);
        }

        float norm;
        fixed (float* weights = buffer)
        {
            if (cap != 0) Kernels.SoftCap(weights, length, scale, cap);
            Array.Fill(buffer, float.MinValue, 0, from);
            Array.Fill(buffer, float.MinValue, length, buffer.Length - length);
            var max = buffer.Max();
            var sums = Vector256<float>.Zero;
            for (var t = 0; t < buffer.Length; t += 8)
            {
                var e = Vector256.Exp((Vector256.Load(weights + t) - Vector256.Create(max)) * (cap != 0 ? 1 : scale));
                e.Store(weights + t);
                sums += e;
            }

            norm = 1 / Vector256.Sum(sums);
        }

        return [.. Enumerable.Range(0, size).Select(d =>
        {
            var sums = new float[2];
            for (var t = 0; t < length; t++)
            {
                ref var sum = ref sums[d >= size / 32 * 32 && d < size / 16 * 16 ? t % 2 : 0];
                sum = d < size / 16 * 16 ? MathF.FusedMultiplyAdd(buffer[t], values[t][d], sum) : sum + buffer[t] * values[t][d];
            }

            return (sums[0] + sums[1]) * norm;
        })];
    }

    /// <summary>
    /// Six queries that share two blocks, one of which is not full. Then each goes on by itself, and some end within what is shared.
    /// </summary>
    [Theory]
    [InlineData(4, 0)]
    [InlineData(16, 0)]
    [InlineData(20, 0)]
    [InlineData(20, 3)]
    [InlineData(32, 0)]
    [InlineData(56, 0)]
    [InlineData(64, 2)]
    [InlineData(112, 0)]
    [InlineData(128, 0)]
    public void Sums_are_taken_in_one_order_whatever_is_taken_together(int size, float cap)
    {
        var random = new Random(size);
        int[] counts = [11, 16, 16, 7], lengths = [27, 20, 34, 43, 50, 29];
        var memory = new List<float[]>();
        var (queries, contexts, runs) = (new float[lengths.Length][], new List<float[]>[lengths.Length], new List<KvRun>());
        var shared = Enumerable.Range(0, 2).Select(_ => Fresh()).ToArray();
        var found = new float[lengths.Length][];
        var heads = new HeadQuery[lengths.Length];
        for (var n = 0; n < lengths.Length; n++)
        {
            queries[n] = Pinned(size);
            found[n] = Pinned(size);
            contexts[n] = [.. shared, Fresh(), Fresh()];
            heads[n] = new() { Query = Start(queries[n]), Output = Start(found[n]), Context = runs.Count, From = n % 2 * 5,
                Length = lengths[n] };
            for (var b = 0; b < counts.Length; b++) runs.Add(new(Start(contexts[n][b]), counts[b]));
        }

        var scratch = Pinned(Attention.Scratch(50, size));
        var attention = new Attention(runs.ToArray(), 0, size * Block, size, 0.3f, cap);
        foreach (var together in (int[])[0, 1, 2])
        {
            attention.Run<Lanes8>(heads, together, 50, Start(scratch));
            Check();
            attention.Run<Lanes16>(heads, together, 50, Start(scratch));
            Check();
        }

        void Check()
        {
            for (var n = 0; n < lengths.Length; n++)
            {
                var places = counts.SelectMany((c, b) => Enumerable.Range(0, c).Select(t => (Block: contexts[n][b], At: t)))
                    .Take(lengths[n]).ToArray();
                float[][] keys = [.. places.Select(p => Enumerable.Range(0, size).Select(i => p.Block[i * Block + p.At]).ToArray())];
                float[][] values =
                    [.. places.Select(p => Enumerable.Range(0, size).Select(i => p.Block[size * (Block + p.At) + i]).ToArray())];
                Assert.Equal(Expected(queries[n], keys, values, heads[n].From, 0.3f, cap), found[n]);
                Array.Clear(found[n]);
            }
        }

        float[] Fresh() => Pinned(2 * size * Block);

        float[] Pinned(int length)
        {
            var made = GC.AllocateArray<float>(length, pinned: true);
            for (var i = 0; i < length; i++) made[i] = (float)(random.NextDouble() * 4 - 2);
            memory.Add(made);
            return made;
        }
    }

    private static float* Start(float[] pinned) => (float*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
}
