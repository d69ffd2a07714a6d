using System.Runtime.Intrinsics.X86;
using Pav.Models.Cpu;
using Pav.Models.Inference;
using Pav.Torch;

namespace Pav.Models.Tests.Cpu;

/// <summary>Products of weights in int8: their value, their error, and that it is the same everywhere.</summary>
public sealed unsafe class Int8Tests
{
    private static IEnumerable<Int8Path> Paths =>
        Enum.GetValues<Int8Path>().Where(p => p switch
        {
            Int8Path.Bytes => AvxVnni.IsSupported,
            Int8Path.Words => Avx2.IsSupported,
            _ => true,
        });

    private static Floats Placed(ReadOnlySpan<float> values)
    {
        var made = new Floats(values.Length);
        made.Set(values);
        return made;
    }

    /// <summary>y [rows, outputs] = x·wᵀ, of rows [from, to) in one call.</summary>
    private static float[] Product(float[] x, float[] w, int inputs, int outputs, Int8Path path, int from, int to)
    {
        var stride = (outputs + 15) / 16 * 16;
        using Floats px = Placed(x), pw = Placed(w), y = new((long)(to - from) * stride);
        using StoredMatrix stored = new(ScalarType.Float32, [outputs, inputs], pw.Data, null, null);
        using Int8Panels panels = new(inputs, stride);
        for (var o = 0; o < outputs; o++) panels.Pack(stored, o, o);
        panels.AddProduct(px.Data + (long)from * inputs, inputs, y.Data, stride, to - from, 0, stride, path);
        return [.. Enumerable.Range(0, to - from).SelectMany(r => new ReadOnlySpan<float>(y.Data + (long)r * stride, outputs).ToArray())];
    }

    /// <summary>
    /// Weights 1.27 and −0.64 are 127 and −64 hundredths; 2 and 1 are 127 and 64 (63.5, to even) times 2/127: 127·127 − 64·64 = 12,033.
    /// </summary>
    [Fact]
    public void A_worked_product()
    {
        foreach (var path in Paths)
            Assert.Equal(12_033 * 0.01 * 2 / 127, Product([2, 1], [1.27f, -0.64f], 2, 1, path, 0, 1).Single(), 1e-6);
    }

    /// <summary>The same bits whatever instructions, rows beside it and outputs; the largest values among them, which must not
    /// overflow.</summary>
    [Theory]
    [InlineData(1, 1, 2)]
    [InlineData(13, 40, 16)]
    [InlineData(9, 64, 50)]
    [InlineData(21, 200, 90)]
    [InlineData(130, 384, 160)]
    public void Bits_are_the_same_on_every_path_and_in_every_company(int rows, int inputs, int outputs)
    {
        var (x, w) = (Numbers.Random(rows * inputs, 1), Numbers.Random(outputs * inputs, 2));
        Array.Fill(x, 3, 0, inputs);
        Array.Fill(w, -2, 0, inputs);
        Array.Clear(w, w.Length - 1, 1);
        var expected = Product(x, w, inputs, outputs, Int8Path.Plain, 0, rows);
        foreach (var path in Paths)
        {
            Assert.Equal(expected, Product(x, w, inputs, outputs, path, 0, rows));
            for (var r = 0; r < rows; r += r < 9 ? 1 : 17)
                Assert.Equal(expected[(r * outputs)..((r + 1) * outputs)], Product(x, w, inputs, outputs, path, r, r + 1));
        }

        Assert.Equal(-6f * inputs, expected[0], 1e-3f * inputs);
    }

    /// <summary>
    /// Rounding moves a value by at most half a step, s/2, with s a block's largest value / 127. So a block's part of a product moves by at
    /// most sₓ/2·Σ|w| + s_w/2·Σ|x| + n·sₓ·s_w/4; what float32 adds is a millionth of Σ|x·w|.
    /// </summary>
    [Fact]
    public void The_error_is_within_its_bound()
    {
        const int rows = 7, inputs = 200, outputs = 30;
        var (x, w) = (Numbers.Random(rows * inputs, 1), Numbers.Random(outputs * inputs, 2));
        var found = Product(x, w, inputs, outputs, Int8Kernels.Best, 0, rows);
        var largest = 0.0;
        for (var r = 0; r < rows; r++)
            for (var o = 0; o < outputs; o++)
            {
                var (sum, bound) = (0.0, 0.0);
                for (var b = 0; b < inputs; b += Int8Panels.Block)
                {
                    var n = Math.Min(Int8Panels.Block, inputs - b);
                    var (u, v) = (x.AsSpan(r * inputs + b, n).ToArray(), w.AsSpan(o * inputs + b, n).ToArray());
                    double sx = u.Max(MathF.Abs) / 127, sw = v.Max(MathF.Abs) / 127;
                    bound += sx / 2 * v.Sum(MathF.Abs) + sw / 2 * u.Sum(MathF.Abs) + n * sx * sw / 4;
                    for (var i = 0; i < n; i++)
                    {
                        sum += (double)u[i] * v[i];
                        bound += 1e-6 * Math.Abs(u[i] * v[i]);
                    }
                }

                var error = Math.Abs(found[r * outputs + o] - sum);
                Assert.InRange(error, 0, bound);
                largest = Math.Max(largest, error / bound);
            }

        Assert.InRange(largest, 0.05, 1);
    }

    /// <summary>Zeros give zeros, the tiniest values too, and what is no number stays none, in its row alone.</summary>
    [Fact]
    public void Values_at_the_edges()
    {
        foreach (var path in Paths)
        {
            Assert.Equal([0, 0, 0, 0], Product([0, 0, 1e-40f, 0], [1, 2, 0, 0], 2, 2, path, 0, 2));
            var odd = Product([1, 1, float.NaN, 1, float.PositiveInfinity, 1], [1, 1], 2, 1, path, 0, 3);
            Assert.Equal(2, odd[0], 1e-5);
            Assert.All(odd[1..], v => Assert.False(float.IsFinite(v)));
        }
    }

    /// <summary>With a bias, added to what is there or not, of all outputs or some.</summary>
    [Fact]
    public void A_bias_and_what_is_there_are_added()
    {
        const int inputs = 19, outputs = 40, rows = 3;
        var (values, bias) = (Numbers.Random(outputs * inputs, 2), Numbers.Random(outputs, 3));
        using Floats w = Placed(values), x = Placed(Numbers.Random(rows * inputs, 1)), y = new(rows * 48), plain = new(rows * 48);
        using StoredMatrix stored = new(ScalarType.Float32, [outputs, inputs], w.Data, null, null);
        using PackedLinear packed = new([stored], [bias], WeightType.Int8), without = new([stored], null, WeightType.Int8);
        without.Apply(x.Data, inputs, plain.Data, 48, rows);
        packed.Apply(x.Data, inputs, y.Data, 48, rows, from: 16);
        packed.Apply(x.Data, inputs, y.Data, 48, rows, to: 16);
        packed.Apply(x.Data, inputs, y.Data, 48, rows, accumulate: true);
        for (var r = 0; r < rows; r++)
            for (var o = 0; o < outputs; o++) Assert.Equal(2 * (plain.Data[r * 48 + o] + bias[o]), y.Data[r * 48 + o], 1e-5);
    }
}
