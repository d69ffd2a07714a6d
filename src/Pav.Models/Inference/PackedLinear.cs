using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Pav.Models.Cpu;
using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>
/// y = x·Wᵀ + b with W packed once into panels of 16 outputs, in the type in which it is stored; half types are widened as they are used,
/// exactly. Each output is
/// one chain of fused multiply-adds over the inputs in their order, so a row's result is the same bits whatever rows are beside it: a BLAS
/// does not promise that,
/// and a draw must not depend on its batch. Without the packing that a BLAS repeats at each call it is also faster at the row counts of
/// decoding.
/// </summary>
internal sealed unsafe class PackedLinear : IDisposable
{
    public const int Panel = 16;

    private readonly ScalarType type;
    private readonly float[]? bias;
    private readonly Int8Panels? rounded;
    private void* panels;

    /// <param name="weights">One or more matrices with equal numbers of columns; their rows, the outputs, are joined in order.</param>
    /// <param name="biases">As many as weights, or none.</param>
    /// <param name="kept">In <see cref="WeightType.Int8"/>: see <see cref="Int8Panels"/>.</param>
    public PackedLinear(
        IReadOnlyList<StoredMatrix> weights, IReadOnlyList<float[]>? biases = null, WeightType kept = WeightType.Stored)
    {
        Inputs = weights[0].Columns;
        Outputs = weights.Sum(w => w.Rows);
        Stride = Kernels.RoundUp(Outputs, Panel);
        type = weights.All(w => w.Type == weights[0].Type) ? weights[0].Type : ScalarType.Float32;
        if (kept == WeightType.Int8) rounded = new(Inputs, Stride);
        else panels = NativeMemory.AlignedAlloc((nuint)((long)Stride * Inputs * type.Size()), 64);
        var row = 0;
        foreach (var weight in weights)
            for (var o = 0; o < weight.Rows; o++, row++)
            {
                if (rounded is not null) rounded.Pack(weight, o, row);
                else if (type == ScalarType.Float32) PackWide(weight, o, row);
                else PackHalf(weight, o, row);
                weight.Done(o);
            }

        for (; rounded is null && row < Stride; row++)
            if (type == ScalarType.Float32) PackWide(null, 0, row);
            else PackHalf(null, 0, row);
        if (biases is not null) Array.Resize(ref bias, Stride);
        row = 0;
        foreach (var b in biases ?? [])
        {
            b.CopyTo(bias!, row);
            row += b.Length;
        }
    }

    public int Inputs { get; }

    public int Outputs { get; }

    /// <summary>Floats that a row of the result takes: Outputs rounded up to whole panels.</summary>
    public int Stride { get; }

    /// <summary>The weights of one output, times a factor: a look-up where W is a table of embeddings.</summary>
    public void Row(int output, float factor, float* into)
    {
        var first = (long)(output / Panel) * Panel * Inputs;
        if (type == ScalarType.Float32)
        {
            var panel = (float*)panels + first + output % Panel;
            for (var i = 0; i < Inputs; i++) into[i] = panel[i * Panel] * factor;
        }
        else
        {
            var panel = (ushort*)panels + first + Interleaved(output % Panel);
            for (var i = 0; i < Inputs; i++) into[i] = StoredMatrix.Widen(panel[i * Panel], type) * factor;
        }
    }

    /// <summary>
    /// y [rows, yStride] = (accumulate ? y : 0) + x [rows, xStride]·Wᵀ + b, of all outputs or of those from a whole panel on.
    /// </summary>
    public void Apply(float* x, int xStride, float* y, int yStride, int rows, bool accumulate = false, int from = 0, int to = int.MaxValue)
    {
        to = Math.Min(to, Stride);
        if (bias is not null)
        {
            for (var r = 0; r < rows; r++)
                for (var o = from; o < to; o++) y[r * yStride + o] = (accumulate ? y[r * yStride + o] : 0) + bias[o];
            accumulate = true;
        }

        if (rounded is not null)
        {
            for (var r = 0; !accumulate && r < rows; r++) new Span<float>(y + (long)r * yStride + from, to - from).Clear();
            rounded.AddProduct(x, xStride, y, yStride, rows, from, to, Int8Kernels.Best);
            return;
        }

        var first = (long)from * Inputs;
        switch (type)
        {
            case ScalarType.Float32:
                Products.Multiply(x, xStride, rows, (float*)panels + first, Inputs, to - from, y + from, yStride, accumulate);
                break;
            case ScalarType.BFloat16:
                Products.Multiply(x, xStride, rows, (ushort*)panels + first, Inputs, to - from, y + from, yStride, accumulate);
                break;
            default:
                Products.Multiply(x, xStride, rows, (Half*)panels + first, Inputs, to - from, y + from, yStride, accumulate);
                break;
        }
    }

    /// <summary>The 16 outputs of one panel for each row.</summary>
    internal static void Rows<T>(float* x, int xStride, T* panel, int inputs, float* y, int yStride, int rows, bool accumulate) where T
        : unmanaged
    {
        for (; rows >= 6; rows -= 6, x += 6L * xStride, y += 6L * yStride) Six(x, xStride, panel, inputs, y, yStride, accumulate);
        for (; rows >= 2; rows -= 2, x += 2L * xStride, y += 2L * yStride) Two(x, xStride, panel, inputs, y, yStride, accumulate);
        if (rows > 0) One(x, panel, inputs, y, accumulate);
    }

    /// <summary>Weights of outputs 0 … 7 of a panel for one input. T: float, ushort for bfloat16, Half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Low<T>(T* w) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return Vector256.Load((float*)w);
        var upper = Vector256.Load((uint*)w) << 16;
        return typeof(T) == typeof(ushort) ? upper.AsSingle() : FromHalves(upper);
    }

    /// <summary>Weights of outputs 8 … 15.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> High<T>(T* w) where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return Vector256.Load((float*)w + 8);
        var upper = Vector256.Load((uint*)w) & Vector256.Create(0xFFFF0000u);
        return typeof(T) == typeof(ushort) ? upper.AsSingle() : FromHalves(upper);
    }

    /// <summary>Finite float16 in the upper halves: the bits moved to their places in a float32, whose exponent is then 112 too
    /// small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FromHalves(Vector256<uint> upper)
    {
        var magnitude = (upper & Vector256.Create(0x7FFF0000u)) >>> 3;
        return ((magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f)).AsUInt32() | (upper & Vector256.Create(0x80000000u)))
            .AsSingle();
    }

    /// <summary>In half types outputs o and o + 8 share a word.</summary>
    private static int Interleaved(int o) => o < 8 ? 2 * o : 2 * (o - 8) + 1;

    private void PackWide(StoredMatrix? weight, int from, int row)
    {
        var panel = (float*)panels + (long)(row / Panel) * Panel * Inputs + row % Panel;
        for (var i = 0; i < Inputs; i++) panel[i * Panel] = weight?[from, i] ?? 0;
    }

    private void PackHalf(StoredMatrix? weight, int from, int row)
    {
        var panel = (ushort*)panels + (long)(row / Panel) * Panel * Inputs + Interleaved(row % Panel);
        var bits = weight is null ? null : (ushort*)weight.Data + (long)from * Inputs;
        for (var i = 0; i < Inputs; i++) panel[i * Panel] = bits == null ? (ushort)0 : bits[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six<T>(float* x, int xStride, T* w, int inputs, float* y, int yStride, bool accumulate) where T : unmanaged
    {
        float* x0 = x, x1 = x0 + xStride, x2 = x1 + xStride, x3 = x2 + xStride, x4 = x3 + xStride, x5 = x4 + xStride;
        float* y0 = y, y1 = y0 + yStride, y2 = y1 + yStride, y3 = y2 + yStride, y4 = y3 + yStride, y5 = y4 + yStride;
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
        Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
        if (accumulate)
        {
            (a0, a1, a2, a3, a4, a5) = (Vector256.Load(y0), Vector256.Load(y1), Vector256.Load(y2), Vector256.Load(y3), Vector256.Load(y4),
                Vector256.Load(y5));
            (b0, b1, b2, b3, b4, b5) = (Vector256.Load(y0 + 8), Vector256.Load(y1 + 8), Vector256.Load(y2 + 8), Vector256.Load(y3 + 8),
                Vector256.Load(y4 + 8), Vector256.Load(y5 + 8));
        }

        for (nint i = 0; i < inputs; i++, w += Panel)
        {
            var low = Low(w);
            var high = High(w);
            var v = Vector256.Create(x0[i]);
            a0 = Vector256.FusedMultiplyAdd(v, low, a0);
            b0 = Vector256.FusedMultiplyAdd(v, high, b0);
            v = Vector256.Create(x1[i]);
            a1 = Vector256.FusedMultiplyAdd(v, low, a1);
            b1 = Vector256.FusedMultiplyAdd(v, high, b1);
            v = Vector256.Create(x2[i]);
            a2 = Vector256.FusedMultiplyAdd(v, low, a2);
            b2 = Vector256.FusedMultiplyAdd(v, high, b2);
            v = Vector256.Create(x3[i]);
            a3 = Vector256.FusedMultiplyAdd(v, low, a3);
            b3 = Vector256.FusedMultiplyAdd(v, high, b3);
            v = Vector256.Create(x4[i]);
            a4 = Vector256.FusedMultiplyAdd(v, low, a4);
            b4 = Vector256.FusedMultiplyAdd(v, high, b4);
            v = Vector256.Create(x5[i]);
            a5 = Vector256.FusedMultiplyAdd(v, low, a5);
            b5 = Vector256.FusedMultiplyAdd(v, high, b5);
        }

        a0.Store(y0);
        b0.Store(y0 + 8);
        a1.Store(y1);
        b1.Store(y1 + 8);
        a2.Store(y2);
        b2.Store(y2 + 8);
        a3.Store(y3);
        b3.Store(y3 + 8);
        a4.Store(y4);
        b4.Store(y4 + 8);
        a5.Store(y5);
        b5.Store(y5 + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two<T>(float* x, int xStride, T* w, int inputs, float* y, int yStride, bool accumulate) where T : unmanaged
    {
        float* x1 = x + xStride, y1 = y + yStride;
        Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default;
        if (accumulate) (a0, a1, b0, b1) = (Vector256.Load(y), Vector256.Load(y1), Vector256.Load(y + 8), Vector256.Load(y1 + 8));
        for (nint i = 0; i < inputs; i++, w += Panel)
        {
            var low = Low(w);
            var high = High(w);
            var v = Vector256.Create(x[i]);
            a0 = Vector256.FusedMultiplyAdd(v, low, a0);
            b0 = Vector256.FusedMultiplyAdd(v, high, b0);
            v = Vector256.Create(x1[i]);
            a1 = Vector256.FusedMultiplyAdd(v, low, a1);
            b1 = Vector256.FusedMultiplyAdd(v, high, b1);
        }

        a0.Store(y);
        b0.Store(y + 8);
        a1.Store(y1);
        b1.Store(y1 + 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One<T>(float* x, T* w, int inputs, float* y, bool accumulate) where T : unmanaged
    {
        Vector256<float> a = default, b = default;
        if (accumulate) (a, b) = (Vector256.Load(y), Vector256.Load(y + 8));
        for (nint i = 0; i < inputs; i++, w += Panel)
        {
            var v = Vector256.Create(x[i]);
            a = Vector256.FusedMultiplyAdd(v, Low(w), a);
            b = Vector256.FusedMultiplyAdd(v, High(w), b);
        }

        a.Store(y);
        b.Store(y + 8);
    }

    public void Dispose()
    {
        rounded?.Dispose();
        NativeMemory.AlignedFree(panels);
        panels = null;
    }
}
