using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>Finite float16, widened exactly and narrowed to the nearest; .NET has no vector instruction for either.</summary>
internal static unsafe class Halves
{
    /// <summary>The largest finite float16: what is beyond is kept as this.</summary>
    public const float Largest = 65504;

    // A float16's bits, moved to their places in a float32, are a number whose exponent is 112 too small.
    private const float ExponentGap = 5.192296858534828e33f;
    private const int SignAndMagnitude = unchecked((int)0x8FFFE000);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load16(Half* from) =>
        ((Vector512.WidenLower(Vector256.Load((short*)from).ToVector512Unsafe()) << 13) & Vector512.Create(SignAndMagnitude)).AsSingle()
        * ExponentGap;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load8(Half* from) =>
        ((Vector256.WidenLower(Vector128.Load((short*)from).ToVector256Unsafe()) << 13) & Vector256.Create(SignAndMagnitude)).AsSingle()
        * ExponentGap;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load4(Half* from) =>
        ((Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(long*)from).AsInt16()) << 13) & Vector128.Create(SignAndMagnitude)).AsSingle()
        * ExponentGap;

    /// <summary>To the nearest; ties go to the even neighbour. The two may begin at the same place.</summary>
    public static void Narrow(float* from, Half* to, int count)
    {
        var i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var x = Vector256.Load(from + i);
            var magnitude = Vector256.Min(Vector256.Abs(x), Vector256.Create(Largest));
            var bits = magnitude.AsInt32();
            var usual = (bits + Vector256.Create(0xFFF - (112 << 23)) + ((bits >>> 13) & Vector256<int>.One)) >>> 13;
            // Below 2^-14 a float16 counts in units of 2^-24, as a float32 from 1/2 on does.
            var small = (magnitude + Vector256.Create(0.5f)).AsInt32() - Vector256.Create(0.5f).AsInt32();
            var isSmall = Vector256.LessThan(magnitude, Vector256.Create(6.103515625e-05f)).AsInt32();
            var kept = Vector256.ConditionalSelect(isSmall, small, usual) | ((x.AsInt32() >>> 16) & Vector256.Create(0x8000));
            Vector256.Narrow(kept.AsUInt32(), kept.AsUInt32()).GetLower().Store((ushort*)to + i);
        }

        for (; i < count; i++) to[i] = (Half)Math.Clamp(from[i], -Largest, Largest);
    }
}
