using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>One JSON object of a user's file; what is wrong with a field is told with file and line.</summary>
/// <param name="Where">File and line.</param>
/// <param name="Number">The number of its line; in a list, of the element.</param>
/// <param name="Json">The object, or a part of it.</param>
internal sealed record InputRow(string Where, int Number, JsonElement Json)
{
    /// <param name="path">What <see cref="DataSource.Find"/> takes: a file of JSON lines, of a JSON list, Parquet or Arrow, or a data
    /// set's folder.</param>
    /// <param name="bad">What becomes of a row that is no object; null: it ends the reading.</param>
    public static IEnumerable<InputRow> Read(string path, BadRows? bad = null) => Read(DataSource.Find(path), bad);

    /// <summary>The rows of all files of a source, numbered through.</summary>
    internal static IEnumerable<InputRow> Read(DataSource source, BadRows? bad = null)
    {
        bad ??= new(stop: true);
        var before = 0;
        foreach (var file in source.Files)
        {
            var last = 0;
            foreach (var row in Table.Rows(file) is { } rows ? Numbered(file, rows, bad) : JsonRows.Read(file, bad))
            {
                last = row.Number;
                yield return before == 0 ? row : row with { Number = before + last };
            }

            before += last;
        }
    }

    private static IEnumerable<InputRow> Numbered(string file, IEnumerable<JsonElement> rows, BadRows bad)
    {
        var number = 0;
        foreach (var row in rows)
        {
            bad.Seen++;
            number++;
            yield return new($"{file}:row {number}", number, row);
        }
    }

    public bool Has(string name) => Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty(name, out var value)
        && value.ValueKind != JsonValueKind.Null;

    /// <summary>The first of these fields that is there; null if none is.</summary>
    public string? FirstOf(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (Has(name)) return name;
        return null;
    }

    /// <summary>A text, or a number as it is written.</summary>
    public string Text(string name)
    {
        var value = Needed(name);
        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            _ => throw Wrong(name, "a text or a number", value),
        };
    }

    public IReadOnlyList<string> Texts(string name) =>
        [.. List(name).Select(e => e.ValueKind == JsonValueKind.String ? e.GetString()! : throw Wrong(name, "a list of texts", e))];

    public IReadOnlyList<JsonElement> List(string name)
    {
        var value = Needed(name);
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw Wrong(name, "a list", value);
    }

    public bool IsList(string name) => Has(name) && Json.GetProperty(name).ValueKind == JsonValueKind.Array;

    public bool IsTrue(string name) => Has(name) && Json.GetProperty(name).ValueKind == JsonValueKind.True;

    public int[] Wholes(string name) => [.. List(name).Select(e => Whole(name, e))];

    public InputRow Inside(string name) => this with { Json = Needed(name) };

    public InputRow With(JsonElement part) => this with { Json = part };

    public int Whole(string name) => Whole(name, Needed(name));

    private int Whole(string name, JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
        ? number : throw Wrong(name, "a whole number", value);

    /// <summary>A share from 0 to 1; true and false are 1 and 0.</summary>
    public double Share(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => 1,
        JsonValueKind.False => 0,
        JsonValueKind.Number when value.GetDouble() is >= 0 and <= 1 and var share => share,
        _ => throw Wrong(name, "true, false or a number from 0 to 1", value),
    };

    public UserError Wrong(string complaint) => new($"{Where}: {complaint}");

    private UserError Wrong(string name, string expected, JsonElement found) =>
        Wrong($"\"{name}\" must be {expected}, it is {Kind(found)}");

    /// <summary>A value as a complaint names it.</summary>
    internal static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => Short(value.GetRawText()),
        JsonValueKind.String => $"the text \"{Short(value.GetString()!)}\"",
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "…";

    private JsonElement Needed(string name) => Json.ValueKind == JsonValueKind.Object && Json.TryGetProperty(name, out var value)
        ? value : throw Wrong($"no \"{name}\"");
}
