using Pav.Models.Cpu;
using Pav.Models.Inference;
using Pav.Torch;

namespace Pav.Models.Tests.Cpu;

/// <summary>Each fused operation against a plain one in double precision, and its gradient against that one's slopes.</summary>
public sealed unsafe class KernelTests
{
    private static Floats Placed(float[] values, int rows = 1, int stride = 0)
    {
        var columns = values.Length / rows;
        var made = new Floats((long)rows * Math.Max(stride, columns));
        for (var r = 0; r < rows; r++) values.AsSpan(r * columns,
            columns).CopyTo(new(made.Data + (long)r * (stride == 0 ? columns : stride), columns));
        return made;
    }

    private static float[] Taken(Floats from, int rows, int columns, int stride)
    {
        var values = new float[rows * columns];
        for (var r = 0; r < rows; r++) new ReadOnlySpan<float>(from.Data + (long)r * stride, columns).CopyTo(values.AsSpan(r * columns));
        return values;
    }

    private static double[] Product(double[] x, double[] w, int rows, int inputs, int outputs)
    {
        var y = new double[rows * outputs];
        for (var r = 0; r < rows; r++)
            for (var o = 0; o < outputs; o++)
                for (var i = 0; i < inputs; i++) y[r * outputs + o] += x[r * inputs + i] * w[o * inputs + i];
        return y;
    }

    /// <summary>Rows and columns that do and do not fill blocks of 8, 16 and 32.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(8, 16, 32)]
    [InlineData(13, 20, 50)]
    [InlineData(23, 80, 16)]
    [InlineData(150, 37, 75)]
    public void A_product_and_its_two_gradients(int rows, int inputs, int outputs)
    {
        var (x, w, dy) = (Numbers.Random(rows * inputs, 1), Numbers.Random(outputs * inputs, 2), Numbers.Random(rows * outputs, 3));
        int xStride = Floats.Stride(inputs), yStride = Floats.Stride(outputs);
        using Floats px = Placed(x, rows, xStride), pw = Placed(w), pdy = Placed(dy, rows, yStride), y = new((long)rows * yStride),
            dx = new((long)rows * xStride), dw = new((long)outputs * inputs);
        using Floats forward = new((long)Products.Padded(outputs) * inputs), backward = new((long)Products.Padded(inputs) * outputs);
        Products.PackTransposed(pw.Data, inputs, outputs, inputs, forward.Data);
        Products.Pack(pw.Data, inputs, outputs, inputs, backward.Data);
        foreach (var times in (double[])[1, 2])
        {
            Products.Multiply(px.Data, xStride, rows, forward.Data, inputs, outputs, y.Data, yStride, accumulate: times > 1);
            Products.Multiply(pdy.Data, yStride, rows, backward.Data, outputs, inputs, dx.Data, xStride, accumulate: times > 1);
            Products.AddOuter(pdy.Data, yStride, outputs, px.Data, xStride, inputs, rows, dw.Data, inputs);
            Numbers.AreNear([.. Product(Numbers.Wide(x), Numbers.Wide(w), rows, inputs, outputs).Select(v => times * v)],
                Taken(y, rows, outputs, yStride));
            double F(double[] xs, double[] ws) => times * Product(xs, ws, rows, inputs, outputs).Zip(dy, (a, b) => a * b).Sum();
            if (rows > 100) continue;
            Numbers.AreSlopes(v => F(v, Numbers.Wide(w)), x, Taken(dx, rows, inputs, xStride));
            Numbers.AreSlopes(v => F(Numbers.Wide(x), v), w, Taken(dw, outputs, inputs, inputs));
        }
    }

    /// <summary>Wherever a row stands and whatever is beside it, its bits are the same.</summary>
    [Fact]
    public void A_products_bits_do_not_depend_on_its_blocks()
    {
        const int rows = 29, inputs = 70, outputs = 90;
        var (xStride, yStride) = (Floats.Stride(inputs), Floats.Stride(outputs));
        using Floats x = Placed(Numbers.Random(rows * inputs, 1), rows, xStride), w = Placed(Numbers.Random(outputs * inputs, 2)),
            panels = new((long)Products.Padded(outputs) * inputs);
        using Floats all = new((long)rows * yStride), one = new(yStride);
        Products.PackTransposed(w.Data, inputs, outputs, inputs, panels.Data);
        Products.Multiply(x.Data, xStride, rows, panels.Data, inputs, outputs, all.Data, yStride);
        for (var r = 0; r < rows; r++)
        {
            Products.Multiply(x.Data + (long)r * xStride, xStride, 1, panels.Data, inputs, outputs, one.Data, yStride);
            Assert.Equal(Taken(one, 1, outputs, yStride), Taken(all, rows, outputs, yStride)[(r * outputs)..((r + 1) * outputs)]);
        }
    }

    /// <summary>One chain of fused multiply-adds over the inputs, begun with the bias, in each type of weights, of all outputs or
    /// some.</summary>
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Packed_weights_give_one_chain_for_each_output(ScalarType type)
    {
        const int inputs = 19, rows = 15;
        foreach (var outputs in (int[])[5, 16, 40, 60, 150])
        {
            using Floats w = Placed(Numbers.Random(outputs * inputs, 2)), x = Placed(Numbers.Random(rows * inputs, 1)), y = new(rows * 160);
            for (var i = 0; type != ScalarType.Float32 && i < outputs * inputs; i++)
                ((ushort*)w.Data)[i] = type == ScalarType.BFloat16 ? (ushort)(BitConverter.SingleToUInt32Bits(w.Data[i]) >> 16)
                    : BitConverter.HalfToUInt16Bits((Half)w.Data[i]);
            using StoredMatrix stored = new(type, [outputs, inputs], w.Data, null, null);
            var bias = Numbers.Random(outputs, 3);
            using PackedLinear packed = new([stored], [bias]);
            for (var n = 1; n <= rows; n++)
            {
                packed.Apply(x.Data, inputs, y.Data, 160, n, from: 16);
                packed.Apply(x.Data, inputs, y.Data, 160, n, to: 16);
                for (var r = 0; r < n; r++)
                    for (var o = 0; o < outputs; o++)
                    {
                        var sum = bias[o];
                        for (var i = 0; i < inputs; i++) sum = MathF.FusedMultiplyAdd(x.Data[r * inputs + i], stored[o, i], sum);
                        Assert.Equal(sum, y.Data[r * 160 + o]);
                    }
            }
        }
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(3, 20)]
    [InlineData(4, 32)]
    public void A_norm(int rows, int n)
    {
        const double eps = 1e-3;
        var (x, w, dy) = (Numbers.Random(rows * n, 1), Numbers.Random(n, 2), Numbers.Random(rows * n, 3));
        using Floats px = Placed(x), pw = Placed(w), pdy = Placed(dy), y = new(rows * n), scales = new(rows), dx = new(rows * n),
            dw = new(n);
        RowKernels.RmsNorm(px.Data, n, rows, n, pw.Data, (float)eps, y.Data, n, scales.Data);
        RowKernels.RmsNormGradient(pdy.Data, n, px.Data, n, rows, n, pw.Data, scales.Data, dx.Data, n, false, dw.Data);
        Numbers.AreNear(Normed(Numbers.Wide(x), Numbers.Wide(w)), Taken(y, rows, n, n));
        double F(double[] xs, double[] ws) => Normed(xs, ws).Zip(dy, (a, b) => a * b).Sum();
        Numbers.AreSlopes(v => F(v, Numbers.Wide(w)), x, Taken(dx, rows, n, n));
        Numbers.AreSlopes(v => F(Numbers.Wide(x), v), w, Taken(dw, 1, n, n));
        var once = Taken(dx, rows, n, n);
        RowKernels.RmsNormGradient(pdy.Data, n, px.Data, n, rows, n, pw.Data, scales.Data, dx.Data, n, true, null);
        Numbers.AreNear([.. once.Select(v => 2.0 * v)], Taken(dx, rows, n, n));

        double[] Normed(double[] xs, double[] ws) =>
            [.. xs.Select((v, i) => v / Math.Sqrt(xs[(i / n * n)..(i / n * n + n)].Average(a => a * a) + eps) * ws[i % n])];
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(3, 20)]
    [InlineData(2, 32)]
    public void Rotary_positions(int heads, int size)
    {
        const double factor = 0.7;
        var (x, dy, angles) = (Numbers.Random(heads * size, 1), Numbers.Random(heads * size, 2), Numbers.Random(size / 2, 3, 3));
        using Floats y = Placed(x), dx = Placed(dy), cos = Placed([.. angles.Select(MathF.Cos)]),
            sin = Placed([.. angles.Select(MathF.Sin)]);
        RowKernels.Rotate(y.Data, heads, size, size, cos.Data, sin.Data, 1, (float)factor);
        RowKernels.Rotate(dx.Data, heads, size, size, cos.Data, sin.Data, -1, (float)factor);
        Numbers.AreNear(Turned(Numbers.Wide(x)), Taken(y, 1, heads * size, 0));
        Numbers.AreSlopes(v => Turned(v).Zip(dy, (a, b) => a * b).Sum(), x, Taken(dx, 1, heads * size, 0));

        double[] Turned(double[] v) => [.. v.Select((_, i) =>
        {
            var (start, k, half) = (i / size * size, i % size, size / 2);
            var (a, b, angle) = (v[start + k % half], v[start + half + k % half], (double)angles[k % half]);
            return factor * (k < half ? a * Math.Cos(angle) - b * Math.Sin(angle) : b * Math.Cos(angle) + a * Math.Sin(angle));
        })];
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gates(bool gelu)
    {
        const int n = 24;
        var (g, u, dy) = (Numbers.Random(n, 1, 4), Numbers.Random(n, 2), Numbers.Random(n, 3));
        using Floats pg = Placed(g), pu = Placed(u), y = new(n), d = Placed(dy);
        RowKernels.Gate(pg.Data, pu.Data, y.Data, n, gelu);
        RowKernels.GateGradient(pg.Data, pu.Data, d.Data, n, gelu);
        Numbers.AreNear(Gated(Numbers.Wide(g), Numbers.Wide(u)), Taken(y, 1, n, 0));
        Numbers.AreNear(Gated(Numbers.Wide(g), Numbers.Wide(u)), Taken(d, 1, n, 0));
        double F(double[] gs, double[] us) => Gated(gs, us).Zip(dy, (a, b) => a * b).Sum();
        Numbers.AreSlopes(v => F(v, Numbers.Wide(u)), g, Taken(pg, 1, n, 0));
        Numbers.AreSlopes(v => F(Numbers.Wide(g), v), u, Taken(pu, 1, n, 0));

        double[] Gated(double[] gs, double[] us) => [.. gs.Zip(us, (a, b) =>
            (gelu ? a * 0.5 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (a + 0.044715 * a * a * a))) : a / (1 + Math.Exp(-a))) * b)];
    }

    /// <summary>Several heads on one key head, windows that begin within and at a block, caps, lengths below and above a block.</summary>
    [Theory]
    [InlineData(1, 1, 1, 4, int.MaxValue, 0)]
    [InlineData(7, 4, 2, 8, int.MaxValue, 0)]
    [InlineData(21, 2, 1, 20, int.MaxValue, 0)]
    [InlineData(37, 2, 2, 4, 5, 0)]
    [InlineData(37, 2, 1, 4, 17, 1.5)]
    [InlineData(18, 2, 2, 12, int.MaxValue, 0.8)]
    public void Attention(int length, int heads, int kvHeads, int size, int window, double cap)
    {
        var shape = new AttentionShape(heads, kvHeads, size, window, (float)cap);
        int wide = heads * size, narrow = kvHeads * size, qs = Floats.Stride(wide), ks = Floats.Stride(narrow);
        var (q, k, v, dy) = (Numbers.Random(length * wide, 1), Numbers.Random(length * narrow, 2), Numbers.Random(length * narrow, 3),
            Numbers.Random(length * wide, 4));
        using Floats pq = Placed(q, length, qs), pk = Placed(k, length, ks), pv = Placed(v, length, ks), pdy = Placed(dy, length, qs),
            y = new((long)length * qs), sums = new((long)length * heads);
        using Floats dq = new((long)length * qs), dk = new((long)length * ks), dv = new((long)length * ks);
        using var kernel = new AttentionKernel();
        foreach (var _ in (bool[])[true, false]) // what a call leaves behind does not reach the next
        {
            kernel.Forward(shape, length, pq.Data, qs, pk.Data, pv.Data, ks, y.Data, sums.Data);
            kernel.Gradient(shape, length, pq.Data, qs, pk.Data, pv.Data, ks, y.Data, pdy.Data, sums.Data, dq.Data, dk.Data, dv.Data);
        }

        var (wq, wk, wv) = (Numbers.Wide(q), Numbers.Wide(k), Numbers.Wide(v));
        Numbers.AreNear(Attended(wq, wk, wv), Taken(y, length, wide, qs));
        double F(double[] a, double[] b, double[] c) => Attended(a, b, c).Zip(dy, (x, z) => x * z).Sum();
        Numbers.AreSlopes(a => F(a, wk, wv), q, Taken(dq, length, wide, qs));
        Numbers.AreSlopes(a => F(wq, a, wv), k, Taken(dk, length, narrow, ks));
        Numbers.AreSlopes(a => F(wq, wk, a), v, Taken(dv, length, narrow, ks));

        double[] Attended(double[] qs, double[] ks, double[] vs)
        {
            var result = new double[length * wide];
            for (var t = 0; t < length; t++)
                for (var h = 0; h < heads; h++)
                {
                    var (first, kv) = ((int)Math.Max(0, t + 1L - window), h / (heads / kvHeads) * size);
                    var scores = new double[t + 1 - first];
                    for (var j = first; j <= t; j++)
                    {
                        for (var i = 0; i < size; i++) scores[j - first] += qs[t * wide + h * size + i] * ks[j * narrow + kv + i];
                        if (cap != 0) scores[j - first] = cap * Math.Tanh(scores[j - first] / cap);
                    }

                    var sum = scores.Sum(Math.Exp);
                    for (var j = first; j <= t; j++)
                        for (var i = 0; i < size; i++) result[t * wide + h * size + i] += Math.Exp(scores[j - first]) / sum * vs[j * narrow
                            + kv + i];
                }

            return result;
        }
    }
}
