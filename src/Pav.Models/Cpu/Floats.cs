using System.Runtime.InteropServices;

namespace Pav.Models.Cpu;

/// <summary>Float32 outside the managed heap, aligned for vectors. Whole vectors may be read and written past its end.</summary>
internal sealed unsafe class Floats : IDisposable
{
    private const int Slack = 64;

    public Floats(long length = 0) => Grow(length);

    public float* Data { get; private set; }

    public long Length { get; private set; }

    /// <summary>Makes room for so many values. What was there is lost where it grows, and zeros are in their place.</summary>
    public float* Grow(long length)
    {
        if (Data != null && length <= Length) return Data;
        if (Length > 0) length += length / 4;
        Dispose();
        var bytes = (nuint)((length + Slack) * sizeof(float));
        Data = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(Data, bytes);
        Length = length;
        return Data;
    }

    public void Clear() => NativeMemory.Clear(Data, (nuint)(Length * sizeof(float)));

    /// <summary>Makes these values the first.</summary>
    public void Set(ReadOnlySpan<float> values) => values.CopyTo(new(Grow(values.Length), values.Length));

    /// <summary>May be called again, and so may <see cref="Grow"/>.</summary>
    public void Dispose()
    {
        NativeMemory.AlignedFree(Data);
        Data = null;
        Length = 0;
    }

    /// <summary>
    /// Floats from one row to the next: whole vectors, and an odd number of cache lines, so that the rows of a column do not share a few
    /// cache sets.
    /// </summary>
    public static int Stride(int columns)
    {
        var lines = (columns + 15) / 16;
        return 16 * (lines % 2 == 0 ? lines + 1 : lines);
    }
}
