using System.Runtime.Intrinsics;
using Pav.Models.Inference;

namespace Pav.Models.Tests.Cpu;

public unsafe class HalvesTests
{
    [Fact]
    public void Every_finite_float16_is_widened_exactly_and_narrowed_back()
    {
        var all = Enumerable.Range(0, 1 << 16).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits)).Where(Half.IsFinite).ToArray();
        var found = new float[all.Length];
        fixed (Half* from = all)
        fixed (float* to = found)
            foreach (var lanes in (int[])[4, 8, 16])
            {
                for (var i = 0; i < all.Length; i += lanes)
                    if (lanes == 4) Halves.Load4(from + i).Store(to + i);
                    else if (lanes == 8) Halves.Load8(from + i).Store(to + i);
                    else Halves.Load16(from + i).Store(to + i);
                Assert.Equal(all.Select(h => BitConverter.SingleToInt32Bits((float)h)), found.Select(BitConverter.SingleToInt32Bits));
            }

        Assert.Equal(all.Select(BitConverter.HalfToUInt16Bits), Narrowed(found).Select(BitConverter.HalfToUInt16Bits));
    }

    /// <summary>2049 lies between 2048 and 2050, 2051 between 2050 and 2052; the even ones are 2048 and 2052.</summary>
    [Theory]
    [InlineData(2049f, 2048f)]
    [InlineData(2051f, 2052f)]
    [InlineData(-2051f, -2052f)]
    [InlineData(0.1f, 0.0999755859375f)]
    [InlineData(3e-8f, 5.9604644775390625e-08f)]
    [InlineData(2.98e-8f, 0f)]
    [InlineData(65519f, 65504f)]
    [InlineData(1e9f, 65504f)]
    [InlineData(float.NegativeInfinity, -65504f)]
    public void Values_are_rounded_to_the_nearest(float value, float expected) =>
        Assert.All(Narrowed([.. Enumerable.Repeat(value, 13)]), half => Assert.Equal(expected, (float)half));

    [Fact]
    public void Whatever_is_narrowed_is_rounded_as_by_dotnet()
    {
        var random = new Random(1);
        float[] values = [.. Enumerable.Range(0, 80_000).Select(i => (float)((random.NextDouble() * 2 - 1) * Math.Pow(2, i % 44 - 28)))];
        Assert.Equal(values.Select(v => (Half)v), Narrowed(values));
    }

    private static Half[] Narrowed(float[] values)
    {
        var made = new Half[values.Length];
        fixed (float* from = values)
        fixed (Half* to = made) Halves.Narrow(from, to, values.Length);
        return made;
    }
}
