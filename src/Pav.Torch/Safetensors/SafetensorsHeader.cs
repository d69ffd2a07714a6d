using System.Text.Json;

namespace Pav.Torch;

/// <summary>A safetensors file is not what it should be: names the file, and the tensor where there is one.</summary>
public sealed class SafetensorsException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Where a tensor lies: [Begin, End) counts bytes from the end of the header.</summary>
internal sealed record SafetensorsEntry(string Name, ScalarType Dtype, long[] Shape, long Begin, long End);

/// <summary>The JSON at the front of a safetensors file. It is untrusted: whatever it holds, parsing gives a sound table or
/// throws.</summary>
internal static class SafetensorsHeader
{
    internal const int MaxBytes = 100_000_000;
    private const int MaxRank = 64;

    private static readonly Dictionary<string, ScalarType> Dtypes = new()
    {
        ["F64"] = ScalarType.Float64, ["F32"] = ScalarType.Float32, ["F16"] = ScalarType.Float16, ["BF16"] = ScalarType.BFloat16,
        ["I64"] = ScalarType.Int64, ["I32"] = ScalarType.Int32, ["I16"] = ScalarType.Int16, ["I8"] = ScalarType.Int8,
        ["U8"] = ScalarType.UInt8, ["BOOL"] = ScalarType.Bool,
    };

    internal static string NameOf(ScalarType type) => Dtypes.First(d => d.Value == type).Key;

    /// <param name="dataLength">Bytes after the header: the entries must tile them.</param>
    internal static (Dictionary<string, SafetensorsEntry> Entries, Dictionary<string, string> Metadata) Parse(
        ReadOnlyMemory<byte> json, long dataLength, string file)
    {
        var entries = new Dictionary<string, SafetensorsEntry>();
        var metadata = new Dictionary<string, string>();
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new SafetensorsException($"{file}: the header is not a JSON object");
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Name == "__metadata__")
                {
                    if (metadata.Count > 0) throw new SafetensorsException($"{file}: __metadata__ occurs twice");
                    metadata = Metadata(property.Value, file);
                }
                else if (!entries.TryAdd(property.Name, Entry(property.Name, property.Value, file)))
                {
                    throw new SafetensorsException($"{file}: the tensor '{property.Name}' occurs twice");
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SafetensorsException($"{file}: the header is not valid JSON ({e.Message.Split('\n')[0]})", e);
        }
        CheckTiling(entries.Values, dataLength, file);
        return (entries, metadata);
    }

    private static Dictionary<string, string> Metadata(JsonElement value, string file)
    {
        if (value.ValueKind != JsonValueKind.Object) throw new SafetensorsException($"{file}: __metadata__ is not an object of strings");
        var metadata = new Dictionary<string, string>();
        foreach (var item in value.EnumerateObject())
        {
            if (item.Value.ValueKind != JsonValueKind.String)
                throw new SafetensorsException($"{file}: __metadata__.{item.Name} is not a string");
            if (!metadata.TryAdd(item.Name, item.Value.GetString()!))
                throw new SafetensorsException($"{file}: __metadata__.{item.Name} occurs twice");
        }
        return metadata;
    }

    private static SafetensorsEntry Entry(string name, JsonElement value, string file)
    {
        SafetensorsException Bad(string what) => new($"{file}: tensor '{name}': {what}");

        if (value.ValueKind != JsonValueKind.Object) throw Bad("its entry is not an object");
        var fields = new Dictionary<string, JsonElement>();
        foreach (var field in value.EnumerateObject())
            if (field.Name is not ("dtype" or "shape" or "data_offsets")) throw Bad($"unknown key '{field.Name}'");
            else if (!fields.TryAdd(field.Name, field.Value)) throw Bad($"'{field.Name}' occurs twice");
        if (fields.Count != 3) throw Bad("wants dtype, shape and data_offsets");

        if (fields["dtype"].ValueKind != JsonValueKind.String || !Dtypes.TryGetValue(fields["dtype"].GetString()!, out var dtype))
            throw Bad($"dtype {fields["dtype"].GetRawText()} is not one of {string.Join(", ", Dtypes.Keys)}");
        var shape = Naturals(fields["shape"]) ?? throw Bad("shape is not a list of natural numbers");
        if (shape.Length > MaxRank) throw Bad($"{shape.Length} dimensions are too many");
        if (Naturals(fields["data_offsets"]) is not [var begin, var end] || begin > end) throw Bad("data_offsets is not [begin, end]");

        Int128 bytes = dtype.Size();
        foreach (var size in shape)
            if ((bytes *= size) > long.MaxValue) throw Bad($"the shape [{string.Join(", ", shape)}] is too large");
        if (end - begin != bytes)
            throw Bad($"[{string.Join(", ", shape)}] {dtype.Name()} takes {bytes} bytes, data_offsets give {end - begin}");
        return new SafetensorsEntry(name, dtype, shape, begin, end);
    }

    private static long[]? Naturals(JsonElement list)
    {
        if (list.ValueKind != JsonValueKind.Array) return null;
        var numbers = new long[list.GetArrayLength()];
        var i = 0;
        foreach (var item in list.EnumerateArray())
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out numbers[i]) || numbers[i++] < 0) return null;
        return numbers;
    }

    private static void CheckTiling(IEnumerable<SafetensorsEntry> entries, long dataLength, string file)
    {
        var offset = 0L;
        foreach (var entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin != offset) throw new SafetensorsException($"{file}: tensor '{entry.Name}': begins at byte {entry.Begin}, the "
                + $"one before it ends at {offset}");
            if (entry.End > dataLength) throw new SafetensorsException($"{file}: tensor '{entry.Name}': ends at byte {entry.End}, the "
                + $"data at {dataLength}: the file is cut short");
            offset = entry.End;
        }
        if (offset != dataLength)
            throw new SafetensorsException($"{file}: {dataLength - offset} bytes after the last tensor belong to none");
    }
}
