using System.Runtime.InteropServices;

namespace Pav.Torch;

/// <summary>A tensor's bytes, row-major, in the memory map of an open <see cref="SafetensorsFile"/>.</summary>
internal readonly unsafe partial struct MappedTensor
{
    private const int DontNeed = 4;

    internal MappedTensor(SafetensorsEntry entry, byte* data)
    {
        Entry = entry;
        Data = data;
    }

    public SafetensorsEntry Entry { get; }

    public byte* Data { get; }

    /// <summary>Some rows, which lie one after another in the file.</summary>
    public MappedTensor Rows(long from, long count)
    {
        var bytes = (Entry.End - Entry.Begin) / Entry.Shape[0];
        long[] shape = [count, .. Entry.Shape.Skip(1)];
        var begin = Entry.Begin + (from * bytes);
        return new(Entry with { Shape = shape, Begin = begin, End = begin + (count * bytes) }, Data + (from * bytes));
    }

    /// <summary>Lets go of the pages that lie wholly within the bytes [from, to); read again, they come from the file. The process never
    /// holds more of a checkpoint than it asks for.</summary>
    public void Forget(long from = 0, long to = long.MaxValue)
    {
        if (!OperatingSystem.IsLinux()) return;
        var page = Environment.SystemPageSize;
        var first = ((nint)Data + (nint)from + page - 1) / page * page;
        var last = ((nint)Data + (nint)Math.Min(to, Entry.End - Entry.Begin)) / page * page;
        if (last > first) _ = madvise(first, last - first, DontNeed);
    }

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nint length, int advice);
}
