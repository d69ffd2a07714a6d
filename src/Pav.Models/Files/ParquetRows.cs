using System.Text.Json;
using Parquet;
using Parquet.Data;
using Parquet.Meta;
using Parquet.Schema;

namespace Pav.Models.Files;

/// <summary>The rows of a Parquet file as JSON objects; one row group stands in memory at a time. A map is a list of keys and
/// values.</summary>
internal static class ParquetRows
{
    public static IEnumerable<JsonElement> Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var reader = Table.Guard(path, "Parquet", () => ParquetReader.CreateAsync(stream, leaveStreamOpen: true).GetAwaiter().GetResult());
        try
        {
            var root = Table.Guard(path, "Parquet", () => ParquetNode.Root(reader.Metadata!.Schema));
            for (var g = 0; g < reader.RowGroupCount; g++)
            {
                using var group = reader.OpenRowGroupReader(g);
                Column[] columns = Table.Guard(path, "Parquet", () => reader.Schema.GetDataFields().Select(f => Column.Read(group, f))
                    .ToArray());
                try
                {
                    for (var i = 0L; i < group.RowCount; i++)
                        yield return Table.Guard(path, "Parquet", () => Table.Row(writer => Write(root, columns, writer)));
                }
                finally
                {
                    foreach (var column in columns) column.Dispose();
                }
            }
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Puts one value together from the entries of its columns, which stand at its first.</summary>
    private static void Write(ParquetNode node, Column[] columns, Utf8JsonWriter writer)
    {
        var first = columns[node.FirstLeaf];
        if (first.Definition < node.Definition)
        {
            Skip(node, columns);
            writer.WriteNullValue();
            return;
        }

        switch (node.Kind)
        {
            case ParquetKind.Leaf:
                first.WriteValue(writer);
                break;
            case ParquetKind.List:
                writer.WriteStartArray();
                if (first.Definition == node.Definition) Skip(node, columns);
                else
                    do Write(node.Children[0], columns, writer);
                    while (first.Repetition == node.Repetition);
                writer.WriteEndArray();
                break;
            default:
                writer.WriteStartObject();
                foreach (var child in node.Children)
                {
                    writer.WritePropertyName(child.Name);
                    Write(child, columns, writer);
                }

                writer.WriteEndObject();
                break;
        }
    }

    /// <summary>Passes the one entry that says "nothing here" in each column.</summary>
    private static void Skip(ParquetNode node, Column[] columns)
    {
        if (node.Kind == ParquetKind.Leaf) columns[node.FirstLeaf].Skip();
        foreach (var child in node.Children) Skip(child, columns);
    }

    /// <summary>A column's entries, and how far they are read.</summary>
    /// <param name="raw">Levels, and the values of those entries that have one.</param>
    /// <param name="definitions">How much of its path an entry has; empty: all of it.</param>
    /// <param name="repetitions">Which list an entry goes on; empty: none.</param>
    /// <param name="most">Definition of an entry that has a value.</param>
    private sealed class Column(RawColumnData raw, int[] definitions, int[] repetitions, int most) : IDisposable
    {
        private readonly Action<Utf8JsonWriter, int> write = Writer(raw);
        private int entry, value;

        public int Definition => definitions.Length == 0 ? most : definitions[entry];

        /// <summary>0 at the end, as at a row's first entry.</summary>
        public int Repetition => entry < repetitions.Length ? repetitions[entry] : 0;

        public static Column Read(ParquetRowGroupReader group, DataField field)
        {
            var raw = group.ReadRawColumnDataBaseAsync(field).AsTask().GetAwaiter().GetResult();
            return new(raw, field.MaxDefinitionLevel > 0 ? raw.DefinitionLevels.ToArray() : [],
                field.MaxRepetitionLevel > 0 ? raw.RepetitionLevels.ToArray() : [], field.MaxDefinitionLevel);
        }

        public void Skip() => entry++;

        public void WriteValue(Utf8JsonWriter writer)
        {
            write(writer, value++);
            entry++;
        }

        public void Dispose() => raw.Dispose();

        private static Action<Utf8JsonWriter, int> Writer(RawColumnData raw) => raw switch
        {
            RawColumnData<ReadOnlyMemory<char>> texts => (w, i) => w.WriteStringValue(texts.Values[i].Span),
            RawColumnData<bool> flags => (w, i) => w.WriteBooleanValue(flags.Values[i]),
            RawColumnData<sbyte> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<byte> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<short> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<ushort> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<int> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<uint> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<long> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<ulong> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<float> numbers => (w, i) => Table.Write(w, numbers.Values[i]),
            RawColumnData<double> numbers => (w, i) => Table.Write(w, numbers.Values[i]),
            RawColumnData<decimal> numbers => (w, i) => w.WriteNumberValue(numbers.Values[i]),
            RawColumnData<DateTime> times => (w, i) => w.WriteStringValue(times.Values[i]),
            RawColumnData<TimeSpan> times => (w, i) => w.WriteStringValue(times.Values[i].ToString()),
            RawColumnData<Guid> ids => (w, i) => w.WriteStringValue(ids.Values[i]),
            RawColumnData<ReadOnlyMemory<byte>> bytes => (w, i) => w.WriteBase64StringValue(bytes.Values[i].Span),
            _ => (w, _) => w.WriteStringValue($"({raw.GetType().GenericTypeArguments.FirstOrDefault()?.Name})"),
        };
    }
}

internal enum ParquetKind
{
    Leaf,
    Struct,
    List,
}

/// <summary>A field of a Parquet schema, lists of three and of two levels seen as lists.</summary>
/// <param name="Definition">Level from which on there is a value, not null.</param>
/// <param name="Repetition">A list's: level at which an entry goes on with it.</param>
/// <param name="FirstLeaf">Number of its first column.</param>
internal sealed record ParquetNode(string Name, ParquetKind Kind, int Definition, int Repetition, int FirstLeaf, ParquetNode[] Children)
{
    public static ParquetNode Root(IReadOnlyList<SchemaElement> schema) => new Builder(schema).Body(0, 0);

    private sealed class Builder(IReadOnlyList<SchemaElement> schema)
    {
        private int next, leaves;

        private ParquetNode Field(int definition, int repetition)
        {
            var kind = schema[next].RepetitionType;
            if (kind != FieldRepetitionType.REPEATED) return Body(definition + (kind == FieldRepetitionType.OPTIONAL ? 1 : 0), repetition);
            var (name, first) = (schema[next].Name, leaves);
            return new(name, ParquetKind.List, definition, repetition + 1, first, [Body(definition + 1, repetition + 1)]);
        }

        /// <summary>The element that comes next, whose own repetition is counted already.</summary>
        public ParquetNode Body(int definition, int repetition)
        {
            var element = schema[next++];
            var (count, first) = (element.NumChildren ?? 0, leaves);
            if (count == 0) return new(element.Name, ParquetKind.Leaf, definition, 0, leaves++, []);
            var list = element.ConvertedType is ConvertedType.LIST or ConvertedType.MAP or ConvertedType.MAP_KEY_VALUE
                || element.LogicalType is { LIST: not null } or { MAP: not null };
            if (!list || count != 1 || schema[next].RepetitionType != FieldRepetitionType.REPEATED)
            {
                var children = new ParquetNode[count];
                for (var i = 0; i < count; i++) children[i] = Field(definition, repetition);
                return new(element.Name, ParquetKind.Struct, definition, 0, first, children);
            }

            // A repeated group of one field only wraps the item, unless its name says that it is the item.
            var repeated = schema[next];
            var wraps = repeated.NumChildren == 1 && repeated.Name != "array" && repeated.Name != $"{element.Name}_tuple";
            if (wraps) next++;
            var item = wraps ? Field(definition + 1, repetition + 1) : Body(definition + 1, repetition + 1);
            return new(element.Name, ParquetKind.List, definition, repetition + 1, first, [item]);
        }
    }
}
