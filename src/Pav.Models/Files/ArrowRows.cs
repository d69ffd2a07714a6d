using System.Text.Json;
using Apache.Arrow;
using Apache.Arrow.Compression;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;

namespace Pav.Models.Files;

/// <summary>The rows of an Arrow file or stream as JSON objects; one batch stands in memory at a time.</summary>
internal static class ArrowRows
{
    private static ReadOnlySpan<byte> StreamEnd => [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

    public static IEnumerable<JsonElement> Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = Table.Guard(path, "Arrow", () => Open(path, stream));
        while (Table.Guard(path, "Arrow", reader.ReadNextRecordBatch) is { } batch)
        {
            using (batch)
            {
                for (var i = 0; i < batch.Length; i++)
                    yield return Table.Guard(path, "Arrow", () => Table.Row(writer => Write(batch, i, writer)));
            }
        }
    }

    /// <summary>A file knows its batches; a stream has a mark at its end, without which the last batches may be missing.</summary>
    private static ArrowStreamReader Open(string path, FileStream stream)
    {
        var head = new byte[8];
        stream.ReadExactly(head);
        var end = new byte[8];
        stream.Seek(-8, SeekOrigin.End);
        stream.ReadExactly(end);
        stream.Position = 0;
        if (head.AsSpan().StartsWith("ARROW1"u8)) return new ArrowFileReader(stream, new CompressionCodecFactory());
        if (!end.AsSpan().SequenceEqual(StreamEnd))
            throw new UserError($"{path}: the Arrow stream has no end; was the file cut short? Copy or download it again");
        return new(stream, new CompressionCodecFactory());
    }

    private static void Write(RecordBatch batch, int row, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        for (var i = 0; i < batch.ColumnCount; i++)
        {
            writer.WritePropertyName(batch.Schema.GetFieldByIndex(i).Name);
            Write(batch.Column(i), row, writer);
        }

        writer.WriteEndObject();
    }

    private static void Write(IArrowArray array, int i, Utf8JsonWriter writer)
    {
        if (array is NullArray || array.IsNull(i))
        {
            writer.WriteNullValue();
            return;
        }

        switch (array)
        {
            case StringArray texts: writer.WriteStringValue(texts.GetString(i)); break;
            case LargeStringArray texts: writer.WriteStringValue(texts.GetString(i)); break;
            case StringViewArray texts: writer.WriteStringValue(texts.GetString(i)); break;
            case BooleanArray flags: writer.WriteBooleanValue(flags.GetValue(i)!.Value); break;
            case Int8Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case Int16Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case Int32Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case Int64Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case UInt8Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case UInt16Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case UInt32Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case UInt64Array numbers: writer.WriteNumberValue(numbers.GetValue(i)!.Value); break;
            case HalfFloatArray numbers: Table.Write(writer, (float)numbers.GetValue(i)!.Value); break;
            case FloatArray numbers: Table.Write(writer, numbers.GetValue(i)!.Value); break;
            case DoubleArray numbers: Table.Write(writer, numbers.GetValue(i)!.Value); break;
            case Decimal128Array numbers: writer.WriteRawValue(numbers.GetString(i)!); break;
            case Date32Array times: writer.WriteStringValue(times.GetDateTime(i)!.Value); break;
            case Date64Array times: writer.WriteStringValue(times.GetDateTime(i)!.Value); break;
            case TimestampArray times: writer.WriteStringValue(times.GetTimestamp(i)!.Value); break;
            case BinaryArray bytes: writer.WriteBase64StringValue(bytes.GetBytes(i)); break;
            case ListArray lists: WriteList(lists.GetSlicedValues(i), writer); break;
            case LargeListArray lists: WriteList(lists.GetSlicedValues(i), writer); break;
            case FixedSizeListArray lists: WriteList(lists.GetSlicedValues(i), writer); break;
            case DictionaryArray coded: Write(coded.Dictionary, Index(coded.Indices, i), writer); break;
            case StructArray fields:
                writer.WriteStartObject();
                var type = (StructType)fields.Data.DataType;
                for (var f = 0; f < fields.Fields.Count; f++)
                {
                    writer.WritePropertyName(type.Fields[f].Name);
                    Write(fields.Fields[f], i, writer);
                }

                writer.WriteEndObject();
                break;
            default: writer.WriteStringValue($"({array.Data.DataType.Name})"); break;
        }
    }

    private static void WriteList(IArrowArray items, Utf8JsonWriter writer)
    {
        writer.WriteStartArray();
        for (var i = 0; i < items.Length; i++) Write(items, i, writer);
        writer.WriteEndArray();
    }

    private static int Index(IArrowArray indices, int i) => indices switch
    {
        Int8Array numbers => numbers.GetValue(i)!.Value,
        UInt8Array numbers => numbers.GetValue(i)!.Value,
        Int16Array numbers => numbers.GetValue(i)!.Value,
        UInt16Array numbers => numbers.GetValue(i)!.Value,
        Int64Array numbers => checked((int)numbers.GetValue(i)!.Value),
        _ => ((Int32Array)indices).GetValue(i)!.Value,
    };
}
