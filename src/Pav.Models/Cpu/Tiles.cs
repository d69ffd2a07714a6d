using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pav.Models.Inference;

namespace Pav.Models.Cpu;

/// <summary>
/// Products by packed weights with vectors of 16: tiles of 8 rows and two panels, and of 4, 2 and 1 rows and four panels, which keep enough
/// sums under way at once. Weights are float, bfloat16 (as ushort) or Half.
/// </summary>
internal static unsafe class Tiles
{
    private const int Panel = PackedLinear.Panel, Side = 4;

    /// <summary>See <see cref="Products.Multiply"/>.</summary>
    public static void Multiply<T>(float* x, int xStride, int rows, T* panels, nint panelStride, int inputs, int outputs, float* y,
        int yStride, bool accumulate) where T : unmanaged
    {
        for (var o = 0; o < outputs; o += Side * Panel, panels += Side * panelStride)
        {
            var count = Math.Min(Side, (outputs - o + Panel - 1) / Panel);
            float* v = x, sums = y + o;
            var left = rows;
            for (; left >= 8; left -= 8, v += 8L * xStride, sums += 8L * yStride)
            {
                if (count >= 2) EightByTwo(v, xStride, panels, panelStride, inputs, sums, yStride, accumulate);
                if (count == 4)
                    EightByTwo(v, xStride, panels + 2 * panelStride, panelStride, inputs, sums + 2 * Panel, yStride, accumulate);
                else if (count != 2)
                    EightByOne(v, xStride, panels + (count - 1) * panelStride, inputs, sums + (count - 1) * Panel, yStride, accumulate);
            }

            for (; left >= 4; left -= 4, v += 4L * xStride, sums += 4L * yStride)
                FourByFour(v, xStride, panels, panelStride, count, inputs, sums, yStride, accumulate);
            if (left >= 2)
            {
                TwoByFour(v, xStride, panels, panelStride, count, inputs, sums, yStride, accumulate);
                left -= 2;
                v += 2L * xStride;
                sums += 2L * yStride;
            }

            if (left == 1) OneByFour(v, panels, panelStride, count, inputs, sums, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load<T>(T* w) where T : unmanaged => typeof(T) == typeof(float)
        ? Vector512.Load((float*)w) : Vector512.Create(PackedLinear.Low(w), PackedLinear.High(w));

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void EightByTwo<T>(float* x, int xStride, T* w, nint next, int inputs, float* y, int yStride, bool accumulate)
        where T : unmanaged
    {
        nint s = xStride, s2 = 2 * s, s3 = 3 * s;
        float* x4 = x + 4 * s, y4 = y + 4L * yStride;
        var v = w + next;
        nint t = yStride, t2 = 2 * t, t3 = 3 * t;
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        Vector512<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default, b6 = default, b7 = default;
        if (accumulate)
        {
            (a0, a1, a2, a3) = (Vector512.Load(y), Vector512.Load(y + t), Vector512.Load(y + t2), Vector512.Load(y + t3));
            (a4, a5, a6, a7) = (Vector512.Load(y4), Vector512.Load(y4 + t), Vector512.Load(y4 + t2), Vector512.Load(y4 + t3));
            (b0, b1, b2, b3) = (Vector512.Load(y + 16), Vector512.Load(y + t + 16), Vector512.Load(y + t2 + 16),
                Vector512.Load(y + t3 + 16));
            (b4, b5, b6, b7) = (Vector512.Load(y4 + 16), Vector512.Load(y4 + t + 16), Vector512.Load(y4 + t2 + 16),
                Vector512.Load(y4 + t3 + 16));
        }

        for (var end = w + (nint)inputs * Panel; w < end; w += Panel, v += Panel, x++, x4++)
        {
            Vector512<float> left = Load(w), right = Load(v);
            var e = Vector512.Create(x[0]);
            a0 = Vector512.FusedMultiplyAdd(e, left, a0);
            b0 = Vector512.FusedMultiplyAdd(e, right, b0);
            e = Vector512.Create(x[s]);
            a1 = Vector512.FusedMultiplyAdd(e, left, a1);
            b1 = Vector512.FusedMultiplyAdd(e, right, b1);
            e = Vector512.Create(x[s2]);
            a2 = Vector512.FusedMultiplyAdd(e, left, a2);
            b2 = Vector512.FusedMultiplyAdd(e, right, b2);
            e = Vector512.Create(x[s3]);
            a3 = Vector512.FusedMultiplyAdd(e, left, a3);
            b3 = Vector512.FusedMultiplyAdd(e, right, b3);
            e = Vector512.Create(x4[0]);
            a4 = Vector512.FusedMultiplyAdd(e, left, a4);
            b4 = Vector512.FusedMultiplyAdd(e, right, b4);
            e = Vector512.Create(x4[s]);
            a5 = Vector512.FusedMultiplyAdd(e, left, a5);
            b5 = Vector512.FusedMultiplyAdd(e, right, b5);
            e = Vector512.Create(x4[s2]);
            a6 = Vector512.FusedMultiplyAdd(e, left, a6);
            b6 = Vector512.FusedMultiplyAdd(e, right, b6);
            e = Vector512.Create(x4[s3]);
            a7 = Vector512.FusedMultiplyAdd(e, left, a7);
            b7 = Vector512.FusedMultiplyAdd(e, right, b7);
        }

        Products.Store(y, t, a0, a1, a2, a3);
        Products.Store(y4, t, a4, a5, a6, a7);
        Products.Store(y + 16, t, b0, b1, b2, b3);
        Products.Store(y4 + 16, t, b4, b5, b6, b7);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void EightByOne<T>(float* x, int xStride, T* w, int inputs, float* y, int yStride, bool accumulate)
        where T : unmanaged
    {
        nint s = xStride, s2 = 2 * s, s3 = 3 * s, t = yStride;
        float* x4 = x + 4 * s, y4 = y + 4 * t;
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default, a6 = default, a7 = default;
        if (accumulate)
        {
            (a0, a1, a2, a3) = (Vector512.Load(y), Vector512.Load(y + t), Vector512.Load(y + 2 * t), Vector512.Load(y + 3 * t));
            (a4, a5, a6, a7) = (Vector512.Load(y4), Vector512.Load(y4 + t), Vector512.Load(y4 + 2 * t), Vector512.Load(y4 + 3 * t));
        }

        for (var end = w + (nint)inputs * Panel; w < end; w += Panel, x++, x4++)
        {
            var left = Load(w);
            a0 = Vector512.FusedMultiplyAdd(Vector512.Create(x[0]), left, a0);
            a1 = Vector512.FusedMultiplyAdd(Vector512.Create(x[s]), left, a1);
            a2 = Vector512.FusedMultiplyAdd(Vector512.Create(x[s2]), left, a2);
            a3 = Vector512.FusedMultiplyAdd(Vector512.Create(x[s3]), left, a3);
            a4 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[0]), left, a4);
            a5 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[s]), left, a5);
            a6 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[s2]), left, a6);
            a7 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[s3]), left, a7);
        }

        Products.Store(y, t, a0, a1, a2, a3);
        Products.Store(y4, t, a4, a5, a6, a7);
    }

    /// <summary>Where there are fewer than four panels the last stands for those that lack: the same sums, written to the same
    /// place.</summary>
    private static (nint Second, nint Third, nint Fourth) Offsets(int count, nint stride) =>
        (Math.Min(1, count - 1) * stride, Math.Min(2, count - 1) * stride, (count - 1) * stride);

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void FourByFour<T>(float* x, int xStride, T* w, nint next, int count, int inputs, float* y, int yStride, bool accumulate)
        where T : unmanaged
    {
        nint s = xStride, s2 = 2 * s, s3 = 3 * s, t = yStride;
        var (w1, w2, w3) = Offsets(count, next);
        var (y1, y2, y3) = Offsets(count, Panel);
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        if (accumulate)
        {
            (a0, a1, a2, a3) = (Vector512.Load(y), Vector512.Load(y + t), Vector512.Load(y + 2 * t), Vector512.Load(y + 3 * t));
            var z = y + y1;
            (b0, b1, b2, b3) = (Vector512.Load(z), Vector512.Load(z + t), Vector512.Load(z + 2 * t), Vector512.Load(z + 3 * t));
            z = y + y2;
            (c0, c1, c2, c3) = (Vector512.Load(z), Vector512.Load(z + t), Vector512.Load(z + 2 * t), Vector512.Load(z + 3 * t));
            z = y + y3;
            (d0, d1, d2, d3) = (Vector512.Load(z), Vector512.Load(z + t), Vector512.Load(z + 2 * t), Vector512.Load(z + 3 * t));
        }

        for (var end = w + (nint)inputs * Panel; w < end; w += Panel, x++)
        {
            Vector512<float> e = Load(w), f = Load(w + w1), g = Load(w + w2), h = Load(w + w3), v = Vector512.Create(x[0]);
            a0 = Vector512.FusedMultiplyAdd(v, e, a0);
            b0 = Vector512.FusedMultiplyAdd(v, f, b0);
            c0 = Vector512.FusedMultiplyAdd(v, g, c0);
            d0 = Vector512.FusedMultiplyAdd(v, h, d0);
            v = Vector512.Create(x[s]);
            a1 = Vector512.FusedMultiplyAdd(v, e, a1);
            b1 = Vector512.FusedMultiplyAdd(v, f, b1);
            c1 = Vector512.FusedMultiplyAdd(v, g, c1);
            d1 = Vector512.FusedMultiplyAdd(v, h, d1);
            v = Vector512.Create(x[s2]);
            a2 = Vector512.FusedMultiplyAdd(v, e, a2);
            b2 = Vector512.FusedMultiplyAdd(v, f, b2);
            c2 = Vector512.FusedMultiplyAdd(v, g, c2);
            d2 = Vector512.FusedMultiplyAdd(v, h, d2);
            v = Vector512.Create(x[s3]);
            a3 = Vector512.FusedMultiplyAdd(v, e, a3);
            b3 = Vector512.FusedMultiplyAdd(v, f, b3);
            c3 = Vector512.FusedMultiplyAdd(v, g, c3);
            d3 = Vector512.FusedMultiplyAdd(v, h, d3);
        }

        Products.Store(y, t, a0, a1, a2, a3);
        Products.Store(y + y1, t, b0, b1, b2, b3);
        Products.Store(y + y2, t, c0, c1, c2, c3);
        Products.Store(y + y3, t, d0, d1, d2, d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void TwoByFour<T>(float* x, int xStride, T* w, nint next, int count, int inputs, float* y, int yStride, bool accumulate)
        where T : unmanaged
    {
        var (w1, w2, w3) = Offsets(count, next);
        var (y1, y2, y3) = Offsets(count, Panel);
        var z = y + yStride;
        nint s = xStride;
        Vector512<float> a0 = default, b0 = default, c0 = default, d0 = default, a1 = default, b1 = default, c1 = default, d1 = default;
        if (accumulate)
        {
            (a0, b0, c0, d0) = (Vector512.Load(y), Vector512.Load(y + y1), Vector512.Load(y + y2), Vector512.Load(y + y3));
            (a1, b1, c1, d1) = (Vector512.Load(z), Vector512.Load(z + y1), Vector512.Load(z + y2), Vector512.Load(z + y3));
        }

        for (var end = w + (nint)inputs * Panel; w < end; w += Panel, x++)
        {
            Vector512<float> e = Load(w), f = Load(w + w1), g = Load(w + w2), h = Load(w + w3), v = Vector512.Create(x[0]);
            a0 = Vector512.FusedMultiplyAdd(v, e, a0);
            b0 = Vector512.FusedMultiplyAdd(v, f, b0);
            c0 = Vector512.FusedMultiplyAdd(v, g, c0);
            d0 = Vector512.FusedMultiplyAdd(v, h, d0);
            v = Vector512.Create(x[s]);
            a1 = Vector512.FusedMultiplyAdd(v, e, a1);
            b1 = Vector512.FusedMultiplyAdd(v, f, b1);
            c1 = Vector512.FusedMultiplyAdd(v, g, c1);
            d1 = Vector512.FusedMultiplyAdd(v, h, d1);
        }

        a0.Store(y);
        b0.Store(y + y1);
        c0.Store(y + y2);
        d0.Store(y + y3);
        a1.Store(z);
        b1.Store(z + y1);
        c1.Store(z + y2);
        d1.Store(z + y3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static void OneByFour<T>(float* x, T* w, nint next, int count, int inputs, float* y, bool accumulate) where T : unmanaged
    {
        var (w1, w2, w3) = Offsets(count, next);
        var (y1, y2, y3) = Offsets(count, Panel);
        Vector512<float> a = default, b = default, c = default, d = default;
        if (accumulate) (a, b, c, d) = (Vector512.Load(y), Vector512.Load(y + y1), Vector512.Load(y + y2), Vector512.Load(y + y3));
        for (var end = w + (nint)inputs * Panel; w < end; w += Panel, x++)
        {
            var v = Vector512.Create(*x);
            a = Vector512.FusedMultiplyAdd(v, Load(w), a);
            b = Vector512.FusedMultiplyAdd(v, Load(w + w1), b);
            c = Vector512.FusedMultiplyAdd(v, Load(w + w2), c);
            d = Vector512.FusedMultiplyAdd(v, Load(w + w3), d);
        }

        a.Store(y);
        b.Store(y + y1);
        c.Store(y + y2);
        d.Store(y + y3);
    }
}
