using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>
/// y = x·Wᵀ + b with W packed once into panels of 16 outputs. Each output is one chain of fused multiply-adds over the inputs in
/// their order, so a row's result is the same bits whatever rows are beside it: a BLAS does not promise that, and a draw must not
/// depend on its batch. Without the packing that a BLAS repeats at each call it is also faster at the row counts of decoding.
/// </summary>
internal sealed unsafe class PackedLinear : IDisposable
{
    public const int Panel = 16;

    private float* panels;
    private readonly float[]? bias;

    /// <param name="weights">One or more matrices [outputs, inputs] with equal inputs, row-major; their outputs are joined in order.</param>
    /// <param name="inputs">Length of a row.</param>
    /// <param name="biases">As many as weights, or none.</param>
    public PackedLinear(IReadOnlyList<float[]> weights, int inputs, IReadOnlyList<float[]>? biases = null)
    {
        Inputs = inputs;
        Outputs = weights.Sum(w => w.Length) / inputs;
        Stride = Kernels.RoundUp(Outputs, Panel);
        panels = (float*)NativeMemory.AlignedAlloc((nuint)((long)Stride * inputs * sizeof(float)), 64);
        new Span<byte>(panels + (long)(Stride - Panel) * inputs, Panel * inputs * sizeof(float)).Clear();
        var row = 0;
        foreach (var weight in weights)
            for (var o = 0; o < weight.Length / inputs; o++, row++)
            {
                var panel = panels + (long)(row / Panel) * Panel * inputs + row % Panel;
                for (var i = 0; i < inputs; i++) panel[i * Panel] = weight[o * inputs + i];
            }

        if (biases is null) return;
        bias = new float[Stride];
        row = 0;
        foreach (var b in biases)
        {
            b.CopyTo(bias, row);
            row += b.Length;
        }
    }

    public int Inputs { get; }

    public int Outputs { get; }

    /// <summary>Floats that a row of the result takes: Outputs rounded up to whole panels.</summary>
    public int Stride { get; }

    /// <summary>y [rows, yStride] = (accumulate ? y : 0) + x [rows, xStride]·Wᵀ + b.</summary>
    public void Apply(float* x, int xStride, float* y, int yStride, int rows, bool accumulate = false)
    {
        if (bias is not null)
        {
            for (var r = 0; r < rows; r++)
                for (var o = 0; o < Stride; o++) y[r * yStride + o] = (accumulate ? y[r * yStride + o] : 0) + bias[o];
            accumulate = true;
        }

        for (var o = 0; o < Stride; o += Panel)
        {
            var panel = panels + (long)o * Inputs;
            var r = 0;
            for (; r + 6 <= rows; r += 6) Six(x + r * xStride, xStride, panel, Inputs, y + r * yStride + o, yStride, accumulate);
            for (; r + 2 <= rows; r += 2) Two(x + r * xStride, xStride, panel, Inputs, y + r * yStride + o, yStride, accumulate);
            if (r < rows) One(x + r * xStride, panel, Inputs, y + r * yStride + o, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six(float* x, int xStride, float* w, int inputs, float* y, int yStride, bool accumulate)
    {
        float* x0 = x, x1 = x0 + xStride, x2 = x1 + xStride, x3 = x2 + xStride, x4 = x3 + xStride, x5 = x4 + xStride;
        float* y0 = y, y1 = y0 + yStride, y2 = y1 + yStride, y3 = y2 + yStride, y4 = y3 + yStride, y5 = y4 + yStride;
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
        Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default, b4 = default, b5 = default;
        if (accumulate)
        {
            (a0, a1, a2, a3, a4, a5) = (Vector256.Load(y0), Vector256.Load(y1), Vector256.Load(y2), Vector256.Load(y3), Vector256.Load(y4), Vector256.Load(y5));
            (b0, b1, b2, b3, b4, b5) = (Vector256.Load(y0 + 8), Vector256.Load(y1 + 8), Vector256.Load(y2 + 8), Vector256.Load(y3 + 8), Vector256.Load(y4 + 8), Vector256.Load(y5 + 8));
        }

        for (nint i = 0; i < inputs; i++, w += Panel)
        {
            var low = Vector256.Load(w);
            var high = Vector256.Load(w + 8);
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
    private static void Two(float* x, int xStride, float* w, int inputs, float* y, int yStride, bool accumulate)
    {
        float* x1 = x + xStride, y1 = y + yStride;
        Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default;
        if (accumulate) (a0, a1, b0, b1) = (Vector256.Load(y), Vector256.Load(y1), Vector256.Load(y + 8), Vector256.Load(y1 + 8));
        for (nint i = 0; i < inputs; i++, w += Panel)
        {
            var low = Vector256.Load(w);
            var high = Vector256.Load(w + 8);
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
    private static void One(float* x, float* w, int inputs, float* y, bool accumulate)
    {
        Vector256<float> a = default, b = default;
        if (accumulate) (a, b) = (Vector256.Load(y), Vector256.Load(y + 8));
        for (nint i = 0; i < inputs; i++, w += Panel)
        {
            var v = Vector256.Create(x[i]);
            a = Vector256.FusedMultiplyAdd(v, Vector256.Load(w), a);
            b = Vector256.FusedMultiplyAdd(v, Vector256.Load(w + 8), b);
        }

        a.Store(y);
        b.Store(y + 8);
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(panels);
        panels = null;
    }
}
