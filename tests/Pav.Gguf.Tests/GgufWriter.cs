using System.Text;

namespace Pav.Gguf.Tests;

/// <summary>Writes GGUF v3: metadata of texts, numbers, flags and lists of them, and tensors whose rows are float32 or Q8_0.</summary>
internal sealed class GgufWriter
{
    private const int Alignment = 32, Block = 32;

    private readonly List<(string Key, object Value)> metadata = [];
    private readonly List<(string Name, long[] Shape, bool Quantised, byte[] Data)> tensors = [];

    public GgufWriter Set(string key, object value)
    {
        metadata.RemoveAll(m => m.Key == key);
        metadata.Add((key, value));
        return this;
    }

    public GgufWriter Without(string key)
    {
        metadata.RemoveAll(m => m.Key == key);
        return this;
    }

    /// <param name="shape">Rows first, as in a checkpoint; the file has it the other way round.</param>
    public void Add(string name, long[] shape, float[] values, bool quantised = false) =>
        tensors.Add((name, shape, quantised, quantised ? Q8(values) : Bytes(values)));

    public void Save(string path)
    {
        using var writer = new BinaryWriter(File.Create(path));
        writer.Write("GGUF"u8);
        writer.Write(3u);
        writer.Write((ulong)tensors.Count);
        writer.Write((ulong)metadata.Count);
        foreach (var (key, value) in metadata)
        {
            Text(writer, key);
            writer.Write(TypeOf(value));
            Value(writer, value);
        }

        long offset = 0;
        foreach (var (name, shape, quantised, data) in tensors)
        {
            Text(writer, name);
            writer.Write((uint)shape.Length);
            foreach (var size in shape.Reverse()) writer.Write((ulong)size);
            writer.Write(quantised ? 8u : 0u);
            writer.Write((ulong)offset);
            offset += Padded(data.Length);
        }

        writer.Write(new byte[Padded(writer.BaseStream.Position) - writer.BaseStream.Position]);
        foreach (var tensor in tensors)
        {
            writer.Write(tensor.Data);
            writer.Write(new byte[Padded(tensor.Data.Length) - tensor.Data.Length]);
        }
    }

    private static long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private static byte[] Bytes(float[] values)
    {
        var bytes = new byte[values.Length * sizeof(float)];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);
        return bytes;
    }

    /// <summary>32 values are one half-precision scale, the largest magnitude / 127, and a signed byte each.</summary>
    private static byte[] Q8(float[] values)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        foreach (var block in values.Chunk(Block))
        {
            var scale = block.Max(MathF.Abs) / 127;
            writer.Write((Half)scale);
            foreach (var value in block) writer.Write((sbyte)MathF.Round(scale == 0 ? 0 : value / scale));
        }

        return bytes.ToArray();
    }

    private static uint TypeOf(object value) => value switch
    {
        uint => 4,
        int => 5,
        float => 6,
        bool => 7,
        string => 8,
        string[] or int[] or float[] => 9,
        _ => throw new ArgumentException($"{value.GetType()} is not written"),
    };

    private static void Value(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case uint number: writer.Write(number); break;
            case int number: writer.Write(number); break;
            case float number: writer.Write(number); break;
            case bool flag: writer.Write(flag); break;
            case string text: Text(writer, text); break;
            case Array list:
                writer.Write(list is string[] ? 8u : list is int[] ? 5u : 6u);
                writer.Write((ulong)list.Length);
                foreach (var item in list) Value(writer, item);
                break;
        }
    }

    private static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }
}
