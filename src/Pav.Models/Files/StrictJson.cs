using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Models.Files;

/// <summary>
/// JSON that other programs wrote about a model: a key that stands twice, and half a character, are told by file and line.
/// </summary>
internal static class StrictJson
{
    public static JsonObject Read(string file)
    {
        var bytes = InputFile.Bytes(file);
        Check(bytes, file);
        return JsonNode.Parse(WithoutMark(bytes)) as JsonObject ?? throw new UserError($"{file}: expected one JSON object");
    }

    /// <param name="json">UTF-8.</param>
    /// <param name="file">Named in errors.</param>
    /// <param name="keysOnce">Refuse a key that an object has twice.</param>
    public static void Check(ReadOnlySpan<byte> json, string file, bool keysOnce = true)
    {
        json = WithoutMark(json);
        var reader = new Utf8JsonReader(json);
        var open = new Stack<HashSet<string>>();
        try
        {
            while (reader.Read())
                switch (reader.TokenType)
                {
                    case JsonTokenType.StartObject:
                        open.Push([]);
                        break;
                    case JsonTokenType.EndObject:
                        open.Pop();
                        break;
                    case JsonTokenType.PropertyName:
                        if (reader.GetString() is { } key && !open.Peek().Add(key) && keysOnce)
                            throw new UserError($"{file}:{Line(json, reader)}: the key \"{key}\" stands twice in one object; keep one");
                        break;
                    case JsonTokenType.String when reader.ValueIsEscaped:
                        reader.GetString();
                        break;
                }
        }
        catch (JsonException e)
        {
            throw new UserError($"{file}:{(e.LineNumber ?? 0) + 1}: not valid JSON ({e.Message.Split(" LineNumber")[0]})", e);
        }
        catch (InvalidOperationException e)
        {
            throw new UserError($"{file}:{Line(json, reader)}: a text holds half a character (\"\\ud800\" without its other half) or "
                + "bytes that are no UTF-8; correct it", e);
        }
    }

    private static int Line(ReadOnlySpan<byte> json, Utf8JsonReader reader) => 1 + json[..(int)reader.TokenStartIndex].Count((byte)'\n');

    private static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> json) => json.StartsWith("\uFEFF"u8) ? json[3..] : json;
}
