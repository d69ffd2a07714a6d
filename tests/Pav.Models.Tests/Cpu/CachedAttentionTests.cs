using System.Runtime.Intrinsics;
using Pav.Models.Cpu;
using Pav.Models.Inference;

namespace Pav.Models.Tests.Cpu;

public unsafe class CachedAttentionTests
{
    private const int Block = Kernels.Block;
    private const float Scale = 0.3f;

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
            if (cap != 0) RowKernels.Cap(weights, length, cap, scale);
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
    /// Six queries of each of four heads that share two blocks, one of which is not full. Then each goes on by itself, and some end within
    /// what is shared. Heads one by one or together.
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
        Check(new Case<float>(size, cap));
        Check(new Case<Half>(size, cap));

        static void Check<T>(Case<T> made) where T : unmanaged
        {
            foreach (var together in (int[])[0, 1, 2])
                foreach (var (wide, heads) in ((bool, int)[])[(false, 1), (true, 1), (false, 4), (true, 4)])
                {
                    var found = made.Run(together, wide, heads);
                    for (var n = 0; n < found.Length; n++)
                    {
                        var (q, keys, values, from) = made.Seen(n);
                        Assert.Equal(Expected(q, keys, values, from, Scale, made.Cap), found[n]);
                    }
                }
        }
    }

    /// <summary>
    /// Keys k and values v that float16 rounds by at most 2^-11 of themselves. Each score then moves by at most
    /// δ = scale·Σ|q·k|·2^-11, each weight by a factor of at most e^(2δ), and so a result by at most
    /// (e^(2δ) − 1 + 2^-11)·max|v|. Here |q|, |k| and |v| are below 2, scale is 0.3 and size 16: δ ≤ 0.0094, in all ≤ 0.039.
    /// </summary>
    [Fact]
    public void Halves_move_results_by_no_more_than_their_rounding_does()
    {
        const double step = 1 / 2048.0;
        var made = new Case<float>(16, 0);
        var found = new Case<Half>(16, 0).Run(2, Vector512.IsHardwareAccelerated, 4);
        var expected = made.Run(2, Vector512.IsHardwareAccelerated, 4);
        for (var n = 0; n < found.Length; n++)
        {
            var (q, keys, values, _) = made.Seen(n);
            var delta = keys.Max(k => Scale * k.Zip(q, (a, b) => Math.Abs(a * b)).Sum() * step);
            var most = (Math.Exp(2 * delta) - 1 + step) * values.Max(v => v.Max(Math.Abs));
            var moved = expected[n].Zip(found[n], (a, b) => Math.Abs(a - b)).Max();
            Assert.InRange(most, 0, 0.039);
            Assert.InRange(moved, 1e-7, most + 1e-6);
        }
    }

    /// <summary>The queries, and what they see, in memory that does not move; the same numbers in each type but for their
    /// rounding.</summary>
    private sealed class Case<T> where T : unmanaged
    {
        private const int Heads = 4;

        private static readonly int[] Counts = [11, 16, 16, 7], Lengths = [27, 20, 34, 43, 50, 29];

        private readonly int size;
        private readonly Random random;
        private readonly float[][] queries = new float[Heads * Lengths.Length][], results = new float[Heads * Lengths.Length][];
        private readonly List<T[]>[] contexts = new List<T[]>[Lengths.Length];
        private readonly List<KvRun> runs = [];
        private readonly HeadQuery[] heads = new HeadQuery[Heads * Lengths.Length];
        private readonly float[] scratch;

        public Case(int size, float cap)
        {
            (this.size, Cap, random) = (size, cap, new(size));
            var shared = Enumerable.Range(0, 2).Select(_ => Fresh()).ToArray();
            for (var n = 0; n < Lengths.Length; n++)
            {
                contexts[n] = [.. shared, Fresh(), Fresh()];
                for (var q = n; q < heads.Length; q += Lengths.Length)
                {
                    queries[q] = Pinned<float>(size, x => x);
                    results[q] = Pinned<float>(size, x => x);
                    heads[q] = new() { Query = (float*)Start(queries[q]), Output = (float*)Start(results[q]), Context = runs.Count,
                        From = n % 2 * 5, Length = Lengths[n] };
                }

                for (var b = 0; b < Counts.Length; b++) runs.Add(new(Start(contexts[n][b]), Counts[b]));
            }

            scratch = Pinned<float>(Heads * Attention<T>.Scratch(50, size), x => x);
        }

        public float Cap { get; }

        public float[][] Run(int together, bool wide, int atOnce)
        {
            foreach (var result in results) Array.Clear(result);
            for (var h = 0; h < Heads; h += atOnce)
            {
                var attention = new Attention<T>(runs.ToArray(), h * size * Block, (Heads + h) * size * Block, size, Scale, Cap);
                var queries = heads.AsSpan(h * Lengths.Length, atOnce * Lengths.Length);
                if (wide) attention.Run<Lanes16>(queries, atOnce, together, 50, (float*)Start(scratch));
                else attention.Run<Lanes8>(queries, atOnce, together, 50, (float*)Start(scratch));
            }

            return [.. results.Select(r => r.ToArray())];
        }

        /// <summary>A query, the keys and values up to its end, and the first that it attends to.</summary>
        public (float[] Query, float[][] Keys, float[][] Values, int From) Seen(int n)
        {
            var (head, row) = (n / Lengths.Length, n % Lengths.Length);
            var places = Counts.SelectMany((c, b) => Enumerable.Range(0, c).Select(t => (Block: contexts[row][b], At: t)))
                .Take(Lengths[row]).ToArray();
            return (queries[n],
                [.. places.Select(p => Enumerable.Range(0, size).Select(i => Wide(p.Block[(head * size + i) * Block + p.At])).ToArray())],
                [.. places.Select(p => Enumerable.Range(0, size)
                    .Select(i => Wide(p.Block[size * ((Heads + head) * Block + p.At) + i])).ToArray())],
                heads[n].From);
        }

        private static float Wide(T value) => value is Half half ? (float)half : (float)(object)value;

        private T[] Fresh() => Pinned<T>(2 * Heads * size * Block, x => typeof(T) == typeof(Half) ? (T)(object)(Half)x : (T)(object)x);

        private TMade[] Pinned<TMade>(int length, Func<float, TMade> from) where TMade : unmanaged
        {
            var made = GC.AllocateArray<TMade>(length, pinned: true);
            for (var i = 0; i < length; i++) made[i] = from((float)(random.NextDouble() * 4 - 2));
            return made;
        }

        private static void* Start<TMade>(TMade[] pinned) =>
            (void*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
    }
}
