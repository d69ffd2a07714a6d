using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pav.Models.Inference;

/// <summary>How sums of products of bytes are taken; all give the same.</summary>
internal enum Int8Path
{
    /// <summary>Four products at once (VNNI).</summary>
    Bytes,

    /// <summary>Two products at once of 16-bit numbers (AVX2, AVX-512).</summary>
    Words,

    /// <summary>One by one.</summary>
    Plain,
}

/// <summary>The inner loops of <see cref="Int8Panels"/>: y [rows, yStride] += for some panels, block after block.</summary>
internal static unsafe class Int8Kernels
{
    private const int Panel = Int8Panels.Panel, Block = Int8Panels.Block, Starts = Panel * sizeof(float), Weights = 2 * Starts;

    /// <summary>What this CPU does fastest.</summary>
    public static Int8Path Best => AvxVnni.IsSupported ? Int8Path.Bytes : Avx2.IsSupported ? Int8Path.Words : Int8Path.Plain;

    /// <param name="path">The CPU can do it.</param>
    /// <param name="x">Rounded rows of whole blocks; for <see cref="Int8Path.Words"/> as words.</param>
    /// <param name="scales">Of each row's blocks.</param>
    /// <param name="rows">At least 1.</param>
    /// <param name="w">Panels.</param>
    /// <param name="blocks">Of a row.</param>
    /// <param name="y">Result.</param>
    /// <param name="yStride">From one row of it to the next.</param>
    /// <param name="panels">How many.</param>
    public static void AddProduct(Int8Path path, byte* x, float* scales, int rows, byte* w, int blocks, float* y, int yStride, int panels)
    {
        nint panelBytes = (nint)blocks * Int8Panels.BlockBytes, width = (nint)blocks * Block;
        switch (path)
        {
            case Int8Path.Bytes:
                for (; rows >= 6; rows -= 6, x += 6 * width, scales += 6 * blocks, y += 6L * yStride)
                    for (var p = 0; p < panels; p++) Six(x, scales, w + p * panelBytes, blocks, y + p * Panel, yStride);
                for (; rows >= 2; rows -= 2, x += 2 * width, scales += 2 * blocks, y += 2L * yStride)
                    for (var p = 0; p < panels; p += 2)
                        Two(x, scales, w + p * panelBytes, p + 1 < panels ? panelBytes : 0, blocks, y + p * Panel, yStride);
                for (var p = 0; rows > 0 && p < panels; p += p + 4 <= panels ? 4 : 1)
                    if (p + 4 <= panels) OneByFour(x, scales, w + p * panelBytes, panelBytes, blocks, y + p * Panel);
                    else One(x, scales, w + p * panelBytes, blocks, y + p * Panel);
                break;
            case Int8Path.Words:
                for (; rows >= 4; rows -= 4, x += 8 * width, scales += 4 * blocks, y += 4L * yStride)
                    for (var p = 0; p < panels; p++) FourOfWords(x, width, scales, w + p * panelBytes, blocks, y + p * Panel, yStride);
                for (; rows > 0; rows--, x += 2 * width, scales += blocks, y += yStride)
                    for (var p = 0; p < panels; p++) OneOfWords(x, width, scales, w + p * panelBytes, blocks, y + p * Panel);
                break;
            default:
                for (; rows > 0; rows--, x += width, scales += blocks, y += yStride)
                    for (var p = 0; p < panels; p++) OneByOne(x, scales, w + p * panelBytes, blocks, y + p * Panel);
                break;
        }
    }

    /// <summary>sum + the products of four and four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Dot(Vector256<int> sum, Vector256<int> x, Vector256<sbyte> w) =>
        AvxVnni.MultiplyWideningAndAdd(sum, x.AsByte(), w);

    /// <summary>A block's sums times both scales join y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Join(float* y, Vector256<int> low, Vector256<int> high, float scale, byte* w)
    {
        var s = Vector256.Create(scale);
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(low), s * Vector256.Load((float*)w), Vector256.Load(y)).Store(y);
        Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(high), s * Vector256.Load((float*)w + 8), Vector256.Load(y + 8)).Store(y + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Six(byte* x, float* scales, byte* w, int blocks, float* y, int yStride)
    {
        nint s = (nint)blocks * Block, s2 = 2 * s;
        var x3 = x + 3 * s;
        for (var b = 0; b < blocks; b++, w += Int8Panels.BlockBytes, scales++)
        {
            Vector256<int> a0 = Vector256.Load((int*)(w + Starts)), b0 = Vector256.Load((int*)(w + Starts) + 8);
            Vector256<int> a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, b1 = b0, b2 = b0, b3 = b0, b4 = b0, b5 = b0;
            var q = (sbyte*)w + Weights;
            for (var end = x + Block; x < end; x += 4, x3 += 4, q += 4 * Panel)
            {
                Vector256<sbyte> low = Vector256.Load(q), high = Vector256.Load(q + 32);
                var v = Vector256.Create(*(int*)x);
                a0 = Dot(a0, v, low);
                b0 = Dot(b0, v, high);
                v = Vector256.Create(*(int*)(x + s));
                a1 = Dot(a1, v, low);
                b1 = Dot(b1, v, high);
                v = Vector256.Create(*(int*)(x + s2));
                a2 = Dot(a2, v, low);
                b2 = Dot(b2, v, high);
                v = Vector256.Create(*(int*)x3);
                a3 = Dot(a3, v, low);
                b3 = Dot(b3, v, high);
                v = Vector256.Create(*(int*)(x3 + s));
                a4 = Dot(a4, v, low);
                b4 = Dot(b4, v, high);
                v = Vector256.Create(*(int*)(x3 + s2));
                a5 = Dot(a5, v, low);
                b5 = Dot(b5, v, high);
            }

            Join(y, a0, b0, scales[0], w);
            Join(y + yStride, a1, b1, scales[blocks], w);
            Join(y + 2L * yStride, a2, b2, scales[2 * blocks], w);
            Join(y + 3L * yStride, a3, b3, scales[3 * blocks], w);
            Join(y + 4L * yStride, a4, b4, scales[4 * blocks], w);
            Join(y + 5L * yStride, a5, b5, scales[5 * blocks], w);
        }
    }

    /// <summary>Two rows of two panels; of one, where <paramref name="next"/> is 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void Two(byte* x, float* scales, byte* w, nint next, int blocks, float* y, int yStride)
    {
        nint s = (nint)blocks * Block;
        for (var b = 0; b < blocks; b++, w += Int8Panels.BlockBytes, scales++)
        {
            int* starts = (int*)(w + Starts), others = (int*)(w + next + Starts);
            Vector256<int> a0 = Vector256.Load(starts), b0 = Vector256.Load(starts + 8), a1 = a0, b1 = b0;
            Vector256<int> c0 = Vector256.Load(others), d0 = Vector256.Load(others + 8), c1 = c0, d1 = d0;
            var q = (sbyte*)w + Weights;
            for (var end = x + Block; x < end; x += 4, q += 4 * Panel)
            {
                Vector256<int> v = Vector256.Create(*(int*)x), z = Vector256.Create(*(int*)(x + s));
                var e = Vector256.Load(q);
                a0 = Dot(a0, v, e);
                a1 = Dot(a1, z, e);
                e = Vector256.Load(q + 32);
                b0 = Dot(b0, v, e);
                b1 = Dot(b1, z, e);
                e = Vector256.Load(q + next);
                c0 = Dot(c0, v, e);
                c1 = Dot(c1, z, e);
                e = Vector256.Load(q + next + 32);
                d0 = Dot(d0, v, e);
                d1 = Dot(d1, z, e);
            }

            Join(y, a0, b0, scales[0], w);
            Join(y + yStride, a1, b1, scales[blocks], w);
            if (next == 0) continue;
            Join(y + Panel, c0, d0, scales[0], w + next);
            Join(y + yStride + Panel, c1, d1, scales[blocks], w + next);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void OneByFour(byte* x, float* scales, byte* w, nint next, int blocks, float* y)
    {
        nint next2 = 2 * next, next3 = 3 * next;
        for (var b = 0; b < blocks; b++, w += Int8Panels.BlockBytes, scales++)
        {
            var starts = w + Starts;
            Vector256<int> a0 = Vector256.Load((int*)starts), a1 = Vector256.Load((int*)starts + 8),
                b0 = Vector256.Load((int*)(starts + next)), b1 = Vector256.Load((int*)(starts + next) + 8),
                c0 = Vector256.Load((int*)(starts + next2)), c1 = Vector256.Load((int*)(starts + next2) + 8),
                d0 = Vector256.Load((int*)(starts + next3)), d1 = Vector256.Load((int*)(starts + next3) + 8);
            var q = (sbyte*)w + Weights;
            for (var end = x + Block; x < end; x += 4, q += 4 * Panel)
            {
                var v = Vector256.Create(*(int*)x);
                a0 = Dot(a0, v, Vector256.Load(q));
                a1 = Dot(a1, v, Vector256.Load(q + 32));
                b0 = Dot(b0, v, Vector256.Load(q + next));
                b1 = Dot(b1, v, Vector256.Load(q + next + 32));
                c0 = Dot(c0, v, Vector256.Load(q + next2));
                c1 = Dot(c1, v, Vector256.Load(q + next2 + 32));
                d0 = Dot(d0, v, Vector256.Load(q + next3));
                d1 = Dot(d1, v, Vector256.Load(q + next3 + 32));
            }

            Join(y, a0, a1, *scales, w);
            Join(y + Panel, b0, b1, *scales, w + next);
            Join(y + 2 * Panel, c0, c1, *scales, w + next2);
            Join(y + 3 * Panel, d0, d1, *scales, w + next3);
        }
    }

    private static void One(byte* x, float* scales, byte* w, int blocks, float* y)
    {
        for (var b = 0; b < blocks; b++, w += Int8Panels.BlockBytes, scales++)
        {
            Vector256<int> low = Vector256.Load((int*)(w + Starts)), high = Vector256.Load((int*)(w + Starts) + 8);
            var q = (sbyte*)w + Weights;
            for (var end = x + Block; x < end; x += 4, q += 4 * Panel)
            {
                var v = Vector256.Create(*(int*)x);
                low = Dot(low, v, Vector256.Load(q));
                high = Dot(high, v, Vector256.Load(q + 32));
            }

            Join(y, low, high, *scales, w);
        }
    }

    /// <summary>sum + the products of weights of even place, and of odd place, with two words each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Dot(Vector256<int> sum, byte* x, nint width, Vector256<short> even, Vector256<short> odd) =>
        sum + Avx2.MultiplyAddAdjacent(Vector256.Create(*(int*)x).AsInt16(), even)
            + Avx2.MultiplyAddAdjacent(Vector256.Create(*(int*)(x + width)).AsInt16(), odd);

    /// <summary>Of two weights side by side the one of even place is the lower half of a word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void FourOfWords(byte* x, nint width, float* scales, byte* w, int blocks, float* y, int yStride)
    {
        nint s = 2 * width, s2 = 2 * s, s3 = 3 * s;
        for (var b = 0; b < blocks; b++, w += Int8Panels.BlockBytes, scales++)
        {
            Vector256<int> a0 = Vector256.Load((int*)(w + Starts)), b0 = Vector256.Load((int*)(w + Starts) + 8);
            Vector256<int> a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0;
            var q = (short*)(w + Weights);
            for (var end = x + Block; x < end; x += 4, q += 2 * Panel)
            {
                Vector256<short> odd = Vector256.Load(q) >> 8, even = Vector256.Load(q) << 8 >> 8;
                a0 = Dot(a0, x, width, even, odd);
                a1 = Dot(a1, x + s, width, even, odd);
                a2 = Dot(a2, x + s2, width, even, odd);
                a3 = Dot(a3, x + s3, width, even, odd);
                (odd, even) = (Vector256.Load(q + 16) >> 8, Vector256.Load(q + 16) << 8 >> 8);
                b0 = Dot(b0, x, width, even, odd);
                b1 = Dot(b1, x + s, width, even, odd);
                b2 = Dot(b2, x + s2, width, even, odd);
                b3 = Dot(b3, x + s3, width, even, odd);
            }

            Join(y, a0, b0, scales[0], w);
            Join(y + yStride, a1, b1, scales[blocks], w);
            Join(y + 2L * yStride, a2, b2, scales[2 * blocks], w);
            Join(y + 3L * yStride, a3, b3, scales[3 * blocks], w);
        }
    }

    private static void OneOfWords(byte* x, nint width, float* scales, byte* w, int blocks, float* y)
    {
        for (var b = 0; b < blocks; b++, w += Int8Panels.BlockBytes, scales++)
        {
            Vector256<int> low = Vector256.Load((int*)(w + Starts)), high = Vector256.Load((int*)(w + Starts) + 8);
            var q = (short*)(w + Weights);
            for (var end = x + Block; x < end; x += 4, q += 2 * Panel)
            {
                Vector256<short> l = Vector256.Load(q), h = Vector256.Load(q + 16);
                low = Dot(low, x, width, l << 8 >> 8, l >> 8);
                high = Dot(high, x, width, h << 8 >> 8, h >> 8);
            }

            Join(y, low, high, *scales, w);
        }
    }

    private static void OneByOne(byte* x, float* scales, byte* w, int blocks, float* y)
    {
        for (var b = 0; b < blocks; b++, w += Int8Panels.BlockBytes, x += Block)
            for (var o = 0; o < Panel; o++)
            {
                var sum = ((int*)(w + Starts))[o];
                var q = (sbyte*)w + Weights + 4 * o;
                for (var i = 0; i < Block; i++) sum += x[i] * q[i / 4 * 4 * Panel + i % 4];
                y[o] = MathF.FusedMultiplyAdd(sum, scales[b] * ((float*)w)[o], y[o]);
            }
    }
}
