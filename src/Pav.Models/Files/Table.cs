using System.Buffers;
using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>Files of tables, which are told by their first bytes, and what their readers share.</summary>
internal static class Table
{
    private enum Kind
    {
        None,
        Parquet,
        Arrow,
    }

    /// <summary>A table's rows; null for a file that is none.</summary>
    public static IEnumerable<JsonElement>? Rows(string path) => KindOf(path) switch
    {
        Kind.Parquet => ParquetRows.Read(path),
        Kind.Arrow => ArrowRows.Read(path),
        _ => null,
    };

    /// <summary>Libraries throw whatever they meet in broken data.</summary>
    public static T Guard<T>(string path, string kind, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (UserError or OutOfMemoryException or OperationCanceledException))
        {
            var why = e.Message.ReplaceLineEndings(" ").TrimEnd('.');
            throw new UserError(
                $"{path}: the {kind} data is broken, or of a kind that is not read ({why}); copy or download the file again", e);
        }
    }

    /// <summary>One row, as what <paramref name="write"/> writes.</summary>
    public static JsonElement Row(Action<Utf8JsonWriter> write)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes, new() { MaxDepth = 60 })) write(writer);
        return JsonElement.Parse(bytes.WrittenSpan);
    }

    /// <summary>JSON has no NaN and no infinity: they become null.</summary>
    public static void Write(Utf8JsonWriter writer, double value)
    {
        if (double.IsFinite(value)) writer.WriteNumberValue(value);
        else writer.WriteNullValue();
    }

    public static void Write(Utf8JsonWriter writer, float value)
    {
        if (float.IsFinite(value)) writer.WriteNumberValue(value);
        else writer.WriteNullValue();
    }

    private static Kind KindOf(string path)
    {
        // What is no plain file, or cannot be read, is told by whoever reads it as text.
        if (!File.Exists(path) || new FileInfo(path).Length < 8) return Kind.None;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 16);
            Span<byte> head = stackalloc byte[6];
            stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            return head.StartsWith("PAR1"u8) ? Kind.Parquet
                : head.StartsWith("ARROW1"u8) || head.StartsWith<byte>([0xFF, 0xFF, 0xFF, 0xFF]) ? Kind.Arrow : Kind.None;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Kind.None;
        }
    }
}
