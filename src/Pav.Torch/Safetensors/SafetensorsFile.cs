using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text;
using System.Text.Json;

namespace Pav.Torch;

/// <summary>One safetensors file, memory-mapped: opening reads the header only, a tensor's bytes are read when it is asked for.</summary>
internal sealed unsafe class SafetensorsFile : IDisposable
{
    private const int LengthBytes = 8;

    private readonly string path;
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* data;
    private readonly Dictionary<string, SafetensorsEntry> entries;
    private bool closed;

    public SafetensorsFile(string path)
    {
        this.path = path;
        var length = new FileInfo(path).Length;
        if (length < LengthBytes) throw new SafetensorsException($"{path}: {length} bytes are too few for a safetensors file");
        map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            var header = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(start, LengthBytes));
            if (header > SafetensorsHeader.MaxBytes || (long)header > length - LengthBytes)
                throw new SafetensorsException($"{path}: a header of {header} bytes does not fit in a file of {length}");
            var json = new ReadOnlySpan<byte>(start + LengthBytes, (int)header).ToArray();
            (entries, Metadata) = SafetensorsHeader.Parse(json, length - LengthBytes - (long)header, path);
            data = start + LengthBytes + header;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The tensors' names, types and shapes, in no certain order.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries => entries;

    public IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>A CPU tensor with a copy of the bytes, of which the map then keeps no page in memory.</summary>
    public Tensor Read(string name)
    {
        var mapped = Map(name);
        var tensor = torch.FromMemory(mapped.Data, mapped.Entry.Dtype, mapped.Entry.Shape);
        mapped.Forget();
        return tensor;
    }

    /// <summary>The bytes where they are mapped.</summary>
    public MappedTensor Map(string name)
    {
        ObjectDisposedException.ThrowIf(closed, this);
        var entry = entries.TryGetValue(name, out var found)
            ? found : throw new SafetensorsException($"{path}: no tensor is called '{name}'");
        return new(entry, data + entry.Begin);
    }

    public void Dispose()
    {
        if (closed) return;
        closed = true;
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
    }

    /// <summary>
    /// Writes all or nothing: to a temporary name, which is renamed when the bytes are on the disk. The same tensors always give the
    /// same bytes.
    /// </summary>
    public static void Write(string path, IEnumerable<(string name, Tensor tensor)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        // Wide types first, so that every tensor is aligned.
        var ordered = tensors.OrderByDescending(t => t.tensor.dtype.Size()).ThenBy(t => t.name, StringComparer.Ordinal).ToArray();
        for (var i = 1; i < ordered.Length; i++)
            if (ordered[i].name == ordered[i - 1].name)
                throw new SafetensorsException($"{path}: two tensors are called '{ordered[i].name}'");
        var header = Header(ordered, metadata);
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                Span<byte> length = stackalloc byte[LengthBytes];
                BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
                stream.Write(length);
                stream.Write(header);
                foreach (var (_, tensor) in ordered) WriteData(stream, tensor);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void WriteData(Stream stream, Tensor tensor)
    {
        using var bare = tensor.detach();
        using var here = bare.cpu();
        using var flat = here.contiguous();
        var left = flat.numel * flat.dtype.Size();
        for (var cursor = (byte*)flat.data_ptr; left > 0;)
        {
            var piece = (int)Math.Min(left, 1 << 30);
            stream.Write(new ReadOnlySpan<byte>(cursor, piece));
            cursor += piece;
            left -= piece;
        }
    }

    private static byte[] Header((string name, Tensor tensor)[] tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            foreach (var (key, value) in (metadata ?? new Dictionary<string, string>()).OrderBy(m => m.Key, StringComparer.Ordinal))
                if (key != "format") json.WriteString(key, value);
            json.WriteEndObject();
            var offset = 0L;
            foreach (var (name, tensor) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", SafetensorsHeader.NameOf(tensor.dtype));
                json.WriteStartArray("shape");
                foreach (var size in tensor.shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.numel * tensor.dtype.Size());
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % LengthBytes != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}
