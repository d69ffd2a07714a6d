using System.Text;

namespace Pav.Gguf;

/// <summary>The metadata at the beginning of a GGUF file: texts, numbers, flags, and lists of numbers.</summary>
internal sealed class GgufHeader
{
    private const int OldestVersion = 2, NewestVersion = 3, MostTextBytes = 64 << 20;

    private readonly Dictionary<string, object> values = [];
    private readonly string path;

    private GgufHeader(string path, BinaryReader reader)
    {
        this.path = path;
        if (!reader.ReadBytes(4).AsSpan().SequenceEqual("GGUF"u8)) throw Wrong("this is not a GGUF file");
        var version = reader.ReadUInt32();
        if (version is < OldestVersion or > NewestVersion)
            throw Wrong($"its GGUF version is {version}, and {OldestVersion} and {NewestVersion} are read; convert it again");
        reader.ReadUInt64(); // tensors
        for (var left = reader.ReadUInt64(); left > 0; left--)
        {
            var key = Text(reader);
            if (Value(reader, reader.ReadUInt32()) is { } value) values[key] = value;
        }

        Architecture = Text("general.architecture") ?? throw Wrong("it does not say its general.architecture");
    }

    /// <summary>Reads the file's first part; the tensors are llama.cpp's to check.</summary>
    public static GgufHeader Read(string path)
    {
        try
        {
            using var reader = new BinaryReader(File.OpenRead(path));
            return new(path, reader);
        }
        catch (EndOfStreamException e)
        {
            throw new UserError($"{path}: the file ends in the middle of its metadata; copy or download it again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>"llama", "qwen2", "gemma3"; the prefix of the keys that describe the model.</summary>
    public string Architecture { get; }

    public string? Text(string key) => values.GetValueOrDefault(key) as string;

    /// <summary>A number of the model ("context_length"), the largest where layers differ.</summary>
    public long? Number(string key) => values.GetValueOrDefault($"{Architecture}.{key}") switch
    {
        long number => number,
        long[] { Length: > 0 } numbers => numbers.Max(),
        _ => null,
    };

    public long Required(string key) =>
        Number(key) is > 0 and var number ? number : throw Wrong($"it does not say its {Architecture}.{key}");

    private UserError Wrong(string what) => new($"{path}: {what}");

    private string Text(BinaryReader reader)
    {
        var length = reader.ReadUInt64();
        if (length > MostTextBytes) throw Wrong($"a text of {length:N0} bytes in its metadata: the file is damaged");
        var bytes = reader.ReadBytes((int)length);
        return bytes.Length == (int)length ? Encoding.UTF8.GetString(bytes) : throw new EndOfStreamException();
    }

    private object? Value(BinaryReader reader, uint type) => type switch
    {
        0 => (long)reader.ReadByte(),
        1 => (long)reader.ReadSByte(),
        2 => (long)reader.ReadUInt16(),
        3 => (long)reader.ReadInt16(),
        4 => (long)reader.ReadUInt32(),
        5 => (long)reader.ReadInt32(),
        6 => (double)reader.ReadSingle(),
        7 => reader.ReadByte() != 0,
        8 => Text(reader),
        9 => List(reader),
        10 => (long)reader.ReadUInt64(),
        11 => reader.ReadInt64(),
        12 => reader.ReadDouble(),
        _ => throw Wrong($"a value of type {type} in its metadata: the file is damaged, or newer than this reader"),
    };

    private object? List(BinaryReader reader)
    {
        var type = reader.ReadUInt32();
        if (type == 9) throw Wrong("a list of lists in its metadata is not supported");
        List<long> numbers = [];
        for (var left = reader.ReadUInt64(); left > 0; left--)
            if (Value(reader, type) is long number) numbers.Add(number);
        return numbers.Count > 0 ? numbers.ToArray() : null;
    }
}
