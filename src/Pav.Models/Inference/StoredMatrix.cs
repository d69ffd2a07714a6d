using System.Runtime.CompilerServices;
using Pav.Torch;

namespace Pav.Models.Inference;

/// <summary>A matrix (or vector: one row) of weights, row-major, where and as it is stored.</summary>
internal sealed unsafe class StoredMatrix(ScalarType type, long[] shape, void* data, Action<long, long>? forget, IDisposable? owner)
    : IDisposable
{
    /// <summary>Bytes that are read before their pages are let go.</summary>
    private const long Stretch = 1 << 22;

    private long forgotten;

    public ScalarType Type { get; } = type;

    public int Rows { get; } = shape.Length == 1 ? 1 : (int)shape[0];

    public int Columns { get; } = (int)shape[^1];

    public void* Data { get; } = data;

    public float this[int row, int column] => Type switch
    {
        ScalarType.Float32 => ((float*)Data)[(long)row * Columns + column],
        _ => Widen(((ushort*)Data)[(long)row * Columns + column], Type),
    };

    /// <summary>Rows up to this one will not be read again.</summary>
    public void Done(int row)
    {
        var bytes = (row + 1L) * Columns * Type.Size();
        if (forget is null || (bytes - forgotten < Stretch && row + 1 < Rows)) return;
        forget(forgotten, bytes);
        forgotten = bytes;
    }

    /// <summary>All of it in float32.</summary>
    public float[] ToArray()
    {
        var values = new float[(long)Rows * Columns];
        for (var r = 0; r < Rows; r++)
            for (var c = 0; c < Columns; c++) values[(long)r * Columns + c] = this[r, c];
        return values;
    }

    /// <summary>Some of its rows, as long as it lives.</summary>
    public StoredMatrix Part(int from, int count) =>
        new(Type, [count, Columns], (byte*)Data + (long)from * Columns * Type.Size(), null, null);

    public void Dispose() => owner?.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Widen(ushort bits, ScalarType type) => type == ScalarType.BFloat16
        ? BitConverter.UInt32BitsToSingle((uint)bits << 16) : (float)BitConverter.UInt16BitsToHalf(bits);
}
