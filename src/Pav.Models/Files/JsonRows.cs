using System.Text;
using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>The objects of a user's file: one on each line, or the elements of a JSON list. One stands in memory at a time.</summary>
internal static class JsonRows
{
    /// <param name="path">The file, plain or gzip.</param>
    /// <param name="bad">What becomes of a line that holds no object.</param>
    public static IEnumerable<InputRow> Read(string path, BadRows bad)
    {
        var list = First(path) == '[';
        var elements = 0;
        foreach (var (line, json) in list ? Elements(path, bad) : Lines(path))
        {
            var number = list ? ++elements : line;
            bad.Seen++;
            if (bad.Try(() => Row($"{path}:{line}", number, json.Span)) is { } row) yield return row;
        }
    }

    private static InputRow Row(string where, int number, ReadOnlySpan<byte> json)
    {
        var value = JsonText.Parse<JsonElement>(where, json);
        return value.ValueKind == JsonValueKind.Object ? new(where, number, value)
            : throw new UserError($"{where}: expected a JSON object, found {InputRow.Kind(value)}");
    }

    /// <summary>The first byte that is no space; 0 in an empty file.</summary>
    private static int First(string path)
    {
        using var reader = new LineReader(InputFile.Open(path), path);
        while (reader.Next() is { } line)
            if (line.Span.TrimStart(" \t\r"u8) is [var first, ..]) return first;
        return 0;
    }

    private static IEnumerable<(int Line, ReadOnlyMemory<byte> Json)> Lines(string path)
    {
        using var reader = new LineReader(InputFile.Open(path), path);
        while (reader.Next() is { } line)
        {
            if (line.Span.Trim(" \t\r"u8) is not [var first, .. var rest]) continue;
            if (reader.Number == 1 && first == '{' && rest.IsEmpty)
                throw new UserError($"{path}: an object is written over several lines; write each on one line: jq -c . FILE > NEW");
            yield return (reader.Number, line);
        }
    }

    /// <summary>The elements of one list, or of several after another, with the line on which each begins.</summary>
    private static IEnumerable<(int Line, ReadOnlyMemory<byte> Json)> Elements(string path, BadRows bad)
    {
        using var stream = new BufferedStream(InputFile.Open(path), 1 << 16);
        var element = new MemoryStream();
        var (line, begun, depth, opened) = (1, 0, 0, 0);
        var (inText, escaped) = (false, false);
        for (var b = stream.ReadByte(); b >= 0; b = stream.ReadByte())
        {
            if (b == '\n') line++;
            var ends = depth == 1 && !inText && b is ',' or ']';
            if (ends && depth == 1 && element.Length > 0)
            {
                yield return (begun, element.ToArray());
                element.SetLength(0);
            }

            if (depth == 0)
            {
                if (b is ' ' or '\t' or '\r' or '\n' or 0xEF or 0xBB or 0xBF) continue;
                if (b != '[') throw new UserError($"{path}:{line}: expected the end of the file after the list, found {(char)b}");
                (depth, opened) = (1, line);
                continue;
            }

            if (depth == 1 && !inText && b is ' ' or '\t' or '\r' or '\n' or ',' && element.Length == 0) continue;
            if (depth == 1 && !inText && b == ']')
            {
                depth = 0;
                continue;
            }

            if (element.Length == 0) begun = line;
            if (element.Length >= LineReader.Longest)
                throw new UserError($"{path}:{begun}: an element of the list is longer than {LineReader.Longest >> 20} MiB");
            element.WriteByte((byte)b);
            if (inText) (inText, escaped) = (escaped || b != '"', !escaped && b == '\\');
            else if (b == '"') inText = true;
            else if (b is '{' or '[') depth++;
            else if (b is '}' or ']') depth--;
        }

        if (depth > 0)
            bad.Add(new($"{path}:{(element.Length > 0 ? begun : line)}: the list of line {opened} does not end; was the file cut short?"));
    }
}
