using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pav.Models.Inference;

namespace Pav.Models.Cpu;

/// <summary>
/// Matrix products of float32. Each value of a result is one chain of fused multiply-adds in the order of the inputs, whatever rows and
/// columns are computed beside it, so its bits depend neither on the blocks in which a product is cut nor on how wide the CPU's vectors
/// are.
/// </summary>
internal static unsafe class Products
{
    /// <summary>Columns that are packed side by side: a panel holds [inputs, 16].</summary>
    public const int Panel = PackedLinear.Panel;

    /// <summary>Rows that one pass of <see cref="AddOuter"/> keeps in the cache.</summary>
    private const int OuterRows = 128;

    public static int Padded(int columns) => (columns + Panel - 1) / Panel * Panel;

    /// <summary>Packs w [outputs, inputs] for y = x·wᵀ: a panel holds 16 outputs for each input.</summary>
    public static void PackTransposed(float* w, int stride, int outputs, int inputs, float* panels)
    {
        for (var o = 0; o < outputs; o += Panel)
        {
            var panel = panels + (long)o * inputs;
            var count = Math.Min(Panel, outputs - o);
            for (var j = 0; j < Panel; j++)
            {
                var row = w + (long)(o + Math.Min(j, count - 1)) * stride;
                var factor = j < count ? 1f : 0f;
                for (nint i = 0; i < inputs; i++) panel[i * Panel + j] = row[i] * factor;
            }
        }
    }

    /// <summary>Packs w [rows, columns] for y = x·w: a panel holds 16 columns of each row.</summary>
    public static void Pack(float* w, int stride, int rows, int columns, float* panels)
    {
        for (var c = 0; c < columns; c += Panel)
        {
            var panel = panels + (long)c * rows;
            var count = Math.Min(Panel, columns - c);
            for (var r = 0; r < rows; r++, panel += Panel)
            {
                var row = w + (long)r * stride + c;
                if (count == Panel) Vector512.Store(Vector512.Load(row), panel);
                else
                    for (var j = 0; j < Panel; j++) panel[j] = j < count ? row[j] : 0;
            }
        }
    }

    /// <summary>y [rows, outputs] = (accumulate ? y : 0) + x [rows, inputs]·panels. Whole panels of y are written.</summary>
    /// <param name="panelStride">Weights from one panel to the next; 0: they lie end to end.</param>
    public static void Multiply<T>(float* x, int xStride, int rows, T* panels, int inputs, int outputs, float* y, int yStride,
        bool accumulate = false, long panelStride = 0) where T : unmanaged
    {
        if (panelStride == 0) panelStride = (long)inputs * Panel;
        if (Vector512.IsHardwareAccelerated)
            Tiles.Multiply(x, xStride, rows, panels, (nint)panelStride, inputs, outputs, y, yStride, accumulate);
        else
            for (var o = 0; o < outputs; o += Panel)
                PackedLinear.Rows(x, xStride, panels + o / Panel * panelStride, inputs, y + o, yStride, rows, accumulate);
    }

    /// <summary>sum [outputs, inputs] += dyᵀ·x over rows: what a weight's gradient gains. Whole panels of x are read.</summary>
    public static void AddOuter(float* dy, int dyStride, int outputs, float* x, int xStride, int inputs, int rows, float* sum,
        int sumStride)
    {
        for (var from = 0; from < rows; from += OuterRows)
        {
            float* d = dy + (long)from * dyStride, v = x + (long)from * xStride;
            var (n, i) = (Math.Min(OuterRows, rows - from), 0);
            if (Vector512.IsHardwareAccelerated)
                for (; i + 32 <= inputs; i += 32)
                {
                    var o = 0;
                    for (; o + 8 <= outputs; o += 8) OuterEight(d + o, dyStride, v + i, xStride, n, sum + (long)o * sumStride + i,
                        sumStride);
                    for (; o < outputs; o++) OuterOne(d + o, dyStride, v + i, xStride, n, sum + (long)o * sumStride + i);
                }

            for (; i + 16 <= inputs; i += 16) OuterPanel(d, dyStride, outputs, v + i, xStride, n, sum + i, sumStride);
            if (i < inputs) OuterTail(d, dyStride, outputs, v + i, xStride, inputs - i, n, sum + i, sumStride);
        }
    }

    private static void OuterPanel(float* dy, int dyStride, int outputs, float* x, int xStride, int rows, float* sum, int sumStride)
    {
        var o = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; o + 8 <= outputs; o += 8) OuterEightNarrow(dy + o, dyStride, x, xStride, rows, sum + (long)o * sumStride, sumStride);
        for (; o + 6 <= outputs; o += 6) OuterSix(dy + o, dyStride, x, xStride, rows, sum + (long)o * sumStride, sumStride);
        for (; o < outputs; o++) OuterHalf(dy + o, dyStride, x, xStride, rows, sum + (long)o * sumStride);
    }

    /// <summary>The last few columns, in a place where whole panels may be written.</summary>
    private static void OuterTail(float* dy, int dyStride, int outputs, float* x, int xStride, int columns, int rows, float* sum,
        int sumStride)
    {
        const int some = 8;
        var place = stackalloc float[some * Panel];
        for (var o = 0; o < outputs; o += some)
        {
            var count = Math.Min(some, outputs - o);
            RowKernels.Copy(sum + (long)o * sumStride, sumStride, place, Panel, count, columns);
            OuterPanel(dy + o, dyStride, count, x, xStride, rows, place, Panel);
            RowKernels.Copy(place, Panel, sum + (long)o * sumStride, sumStride, count, columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(float* y, nint stride, Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        a.Store(y);
        b.Store(y + stride);
        c.Store(y + 2 * stride);
        d.Store(y + 3 * stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void OuterEight(float* dy, int dyStride, float* x, int xStride, int rows, float* sum, int sumStride)
    {
        nint t = sumStride;
        var s4 = sum + 4 * t;
        Vector512<float> a0 = Vector512.Load(sum), a1 = Vector512.Load(sum + t), a2 = Vector512.Load(sum + 2 * t),
            a3 = Vector512.Load(sum + 3 * t);
        Vector512<float> a4 = Vector512.Load(s4), a5 = Vector512.Load(s4 + t), a6 = Vector512.Load(s4 + 2 * t),
            a7 = Vector512.Load(s4 + 3 * t);
        Vector512<float> b0 = Vector512.Load(sum + 16), b1 = Vector512.Load(sum + t + 16), b2 = Vector512.Load(sum + 2 * t + 16),
            b3 = Vector512.Load(sum + 3 * t + 16);
        Vector512<float> b4 = Vector512.Load(s4 + 16), b5 = Vector512.Load(s4 + t + 16), b6 = Vector512.Load(s4 + 2 * t + 16),
            b7 = Vector512.Load(s4 + 3 * t + 16);
        for (; rows > 0; rows--, dy += dyStride, x += xStride)
        {
            Vector512<float> left = Vector512.Load(x), right = Vector512.Load(x + 16);
            var e = Vector512.Create(dy[0]);
            a0 = Vector512.FusedMultiplyAdd(e, left, a0);
            b0 = Vector512.FusedMultiplyAdd(e, right, b0);
            e = Vector512.Create(dy[1]);
            a1 = Vector512.FusedMultiplyAdd(e, left, a1);
            b1 = Vector512.FusedMultiplyAdd(e, right, b1);
            e = Vector512.Create(dy[2]);
            a2 = Vector512.FusedMultiplyAdd(e, left, a2);
            b2 = Vector512.FusedMultiplyAdd(e, right, b2);
            e = Vector512.Create(dy[3]);
            a3 = Vector512.FusedMultiplyAdd(e, left, a3);
            b3 = Vector512.FusedMultiplyAdd(e, right, b3);
            e = Vector512.Create(dy[4]);
            a4 = Vector512.FusedMultiplyAdd(e, left, a4);
            b4 = Vector512.FusedMultiplyAdd(e, right, b4);
            e = Vector512.Create(dy[5]);
            a5 = Vector512.FusedMultiplyAdd(e, left, a5);
            b5 = Vector512.FusedMultiplyAdd(e, right, b5);
            e = Vector512.Create(dy[6]);
            a6 = Vector512.FusedMultiplyAdd(e, left, a6);
            b6 = Vector512.FusedMultiplyAdd(e, right, b6);
            e = Vector512.Create(dy[7]);
            a7 = Vector512.FusedMultiplyAdd(e, left, a7);
            b7 = Vector512.FusedMultiplyAdd(e, right, b7);
        }

        Store(sum, t, a0, a1, a2, a3);
        Store(s4, t, a4, a5, a6, a7);
        Store(sum + 16, t, b0, b1, b2, b3);
        Store(s4 + 16, t, b4, b5, b6, b7);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void OuterEightNarrow(float* dy, int dyStride, float* x, int xStride, int rows, float* sum, int sumStride)
    {
        nint t = sumStride;
        var s4 = sum + 4 * t;
        Vector512<float> a0 = Vector512.Load(sum), a1 = Vector512.Load(sum + t), a2 = Vector512.Load(sum + 2 * t),
            a3 = Vector512.Load(sum + 3 * t);
        Vector512<float> a4 = Vector512.Load(s4), a5 = Vector512.Load(s4 + t), a6 = Vector512.Load(s4 + 2 * t),
            a7 = Vector512.Load(s4 + 3 * t);
        for (; rows > 0; rows--, dy += dyStride, x += xStride)
        {
            var left = Vector512.Load(x);
            a0 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[0]), left, a0);
            a1 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[1]), left, a1);
            a2 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[2]), left, a2);
            a3 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[3]), left, a3);
            a4 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[4]), left, a4);
            a5 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[5]), left, a5);
            a6 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[6]), left, a6);
            a7 = Vector512.FusedMultiplyAdd(Vector512.Create(dy[7]), left, a7);
        }

        Store(sum, t, a0, a1, a2, a3);
        Store(s4, t, a4, a5, a6, a7);
    }

    private static void OuterOne(float* dy, int dyStride, float* x, int xStride, int rows, float* sum)
    {
        Vector512<float> a = Vector512.Load(sum), b = Vector512.Load(sum + 16);
        for (; rows > 0; rows--, dy += dyStride, x += xStride)
        {
            a = Vector512.FusedMultiplyAdd(Vector512.Create(*dy), Vector512.Load(x), a);
            b = Vector512.FusedMultiplyAdd(Vector512.Create(*dy), Vector512.Load(x + 16), b);
        }

        a.Store(sum);
        b.Store(sum + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void OuterSix(float* dy, int dyStride, float* x, int xStride, int rows, float* sum, int sumStride)
    {
        nint t = sumStride;
        float* s1 = sum + t, s2 = s1 + t, s3 = s2 + t, s4 = s3 + t, s5 = s4 + t;
        Vector256<float> a0 = Vector256.Load(sum), a1 = Vector256.Load(s1), a2 = Vector256.Load(s2), a3 = Vector256.Load(s3),
            a4 = Vector256.Load(s4), a5 = Vector256.Load(s5);
        Vector256<float> b0 = Vector256.Load(sum + 8), b1 = Vector256.Load(s1 + 8), b2 = Vector256.Load(s2 + 8),
            b3 = Vector256.Load(s3 + 8), b4 = Vector256.Load(s4 + 8), b5 = Vector256.Load(s5 + 8);
        for (; rows > 0; rows--, dy += dyStride, x += xStride)
        {
            Vector256<float> left = Vector256.Load(x), right = Vector256.Load(x + 8);
            var e = Vector256.Create(dy[0]);
            a0 = Vector256.FusedMultiplyAdd(e, left, a0);
            b0 = Vector256.FusedMultiplyAdd(e, right, b0);
            e = Vector256.Create(dy[1]);
            a1 = Vector256.FusedMultiplyAdd(e, left, a1);
            b1 = Vector256.FusedMultiplyAdd(e, right, b1);
            e = Vector256.Create(dy[2]);
            a2 = Vector256.FusedMultiplyAdd(e, left, a2);
            b2 = Vector256.FusedMultiplyAdd(e, right, b2);
            e = Vector256.Create(dy[3]);
            a3 = Vector256.FusedMultiplyAdd(e, left, a3);
            b3 = Vector256.FusedMultiplyAdd(e, right, b3);
            e = Vector256.Create(dy[4]);
            a4 = Vector256.FusedMultiplyAdd(e, left, a4);
            b4 = Vector256.FusedMultiplyAdd(e, right, b4);
            e = Vector256.Create(dy[5]);
            a5 = Vector256.FusedMultiplyAdd(e, left, a5);
            b5 = Vector256.FusedMultiplyAdd(e, right, b5);
        }

        a0.Store(sum);
        a1.Store(s1);
        a2.Store(s2);
        a3.Store(s3);
        a4.Store(s4);
        a5.Store(s5);
        b0.Store(sum + 8);
        b1.Store(s1 + 8);
        b2.Store(s2 + 8);
        b3.Store(s3 + 8);
        b4.Store(s4 + 8);
        b5.Store(s5 + 8);
    }

    private static void OuterHalf(float* dy, int dyStride, float* x, int xStride, int rows, float* sum)
    {
        Vector256<float> a = Vector256.Load(sum), b = Vector256.Load(sum + 8);
        for (; rows > 0; rows--, dy += dyStride, x += xStride)
        {
            a = Vector256.FusedMultiplyAdd(Vector256.Create(*dy), Vector256.Load(x), a);
            b = Vector256.FusedMultiplyAdd(Vector256.Create(*dy), Vector256.Load(x + 8), b);
        }

        a.Store(sum);
        b.Store(sum + 8);
    }
}
