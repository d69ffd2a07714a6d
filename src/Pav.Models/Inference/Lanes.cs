using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>A vector as wide as the CPU's: what is written over it exists for each width, and each lane computes the same.</summary>
internal unsafe interface ILanes<T> where T : struct, ILanes<T>
{
    static abstract int Count { get; }

    /// <summary>From float, or from Half, whose finite values are widened.</summary>
    static abstract T Load<TStored>(TStored* from) where TStored : unmanaged;

    static abstract T Spread(float value);

    /// <summary>sum + a·b, rounded once.</summary>
    static abstract T Fused(T a, T b, T sum);

    static abstract T operator +(T a, T b);

    static abstract T operator *(T a, T b);

    void Store(float* to);
}

internal readonly unsafe struct Lanes8(Vector256<float> value) : ILanes<Lanes8>
{
    private readonly Vector256<float> value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Load<TStored>(TStored* from) where TStored : unmanaged =>
        new(typeof(TStored) == typeof(Half) ? Halves.Load8((Half*)from) : Vector256.Load((float*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Spread(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 Fused(Lanes8 a, Lanes8 b, Lanes8 sum) => new(Vector256.FusedMultiplyAdd(a.value, b.value, sum.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator +(Lanes8 a, Lanes8 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes8 operator *(Lanes8 a, Lanes8 b) => new(a.value * b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => value.Store(to);
}

internal readonly unsafe struct Lanes16(Vector512<float> value) : ILanes<Lanes16>
{
    private readonly Vector512<float> value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Load<TStored>(TStored* from) where TStored : unmanaged =>
        new(typeof(TStored) == typeof(Half) ? Halves.Load16((Half*)from) : Vector512.Load((float*)from));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Spread(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 Fused(Lanes16 a, Lanes16 b, Lanes16 sum) => new(Vector512.FusedMultiplyAdd(a.value, b.value, sum.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator +(Lanes16 a, Lanes16 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes16 operator *(Lanes16 a, Lanes16 b) => new(a.value * b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* to) => value.Store(to);
}
