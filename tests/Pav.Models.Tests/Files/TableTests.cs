using System.Text.Json.Nodes;
using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;
using DuckDB.NET.Data;
using Pav.Models.Files;

namespace Pav.Models.Tests.Files;

/// <summary>Parquet as DuckDB, another implementation, writes and reads it; Arrow as its own library writes it.</summary>
public sealed class TableTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Null at every level, empty lists, lists of lists and of structs, over several row groups.</summary>
    [Theory]
    [InlineData("zstd")]
    [InlineData("snappy")]
    [InlineData("gzip")]
    [InlineData("uncompressed")]
    public void Every_row_is_what_DuckDB_wrote(string compression)
    {
        using var duck = new Duck();
        duck.Run("""
            create table t as select 'question ' || i || ' é' as question, case when i % 3 > 0 then i::bigint * 10000000000 end as id,
              i / 8.0::double as half, i % 2 = 0 as flag,
              case when i % 5 = 0 then null when i % 5 = 1 then [] else ['x' || i, null, 'z'] end as list,
              case i % 4 when 0 then null when 1 then [] when 2 then [[1, i], [], null, [null, 3]] else [[i]] end as lists,
              case when i % 7 = 0 then null else {'a': case when i % 2 = 0 then i end, 'b': ['u', 'v'][1:i % 3]} end as struct,
              case when i % 6 = 0 then [] else [{'k': i, 't': 'w'}, null, {'k': null, 't': null}] end as structs
            from range(5000) r(i)
            """);
        duck.Run($"copy t to '{folder["t"]}' (format parquet, compression {compression}, row_group_size 2048)");
        var expected = duck.Rows("select to_json(t) from t").Select(row => JsonNode.Parse((string)row[0]!)!).ToList();
        var read = InputRow.Read(folder["t"]).ToList();
        Assert.Equal(5000, read.Count);
        for (var i = 0; i < read.Count; i++)
            Assert.True(JsonNode.DeepEquals(expected[i], JsonNode.Parse(read[i].Json.GetRawText())), $"{expected[i]}\n{read[i].Json}");
        Assert.Equal($"{folder["t"]}:row 4321", read[4320].Where);
    }

    [Fact]
    public void Exported_labels_are_list_columns_for_DuckDB()
    {
        var labels = Enumerable.Range(0, 2500)
            .Select(i => new LabelledTrace("p", "policy", "strategy", i, [.. Enumerable.Range(0, 1 + i % 3)
            .Select(h => $"step {h}\n")], [.. Enumerable.Range(0, 1 + i % 3).Select(_ => (int[])[1])], i % 2, i % 4 == 0
            ? null : "7", "math-1",
            [.. Enumerable.Range(0, 2 + i % 3).Select(h => h % 2 * 4)], [.. Enumerable.Range(0, 2 + i % 3).Select(h => h % 2 * (i % 5))]))
                .ToList();
        var problems = new Dictionary<string, Problem> { ["p"] = new("p", "1+1?", "2") };
        void Export(ExportFormat format, string name) =>
            new LabelExport(format, 0.5, new PromptTemplate("{problem}\n").Fill, "").Write(folder[name], labels, problems);

        Export(ExportFormat.Parquet, "l.parquet");
        Export(ExportFormat.Jsonl, "l.jsonl");
        using var duck = new Duck();
        var types = duck.Rows($"describe select * from '{folder["l.parquet"]}'")
            .ToDictionary(row => (string)row[0]!, row => (string)row[1]!);
        Assert.Equal(("VARCHAR[]", "INTEGER[]", "INTEGER[]", "DOUBLE[]"), (types["completions"], types["n"], types["c"], types["q"]));
        Assert.Equal(("VARCHAR", "BOOLEAN", "INTEGER"), (types["answer"], types["unfinished"], types["rex"]));
        var rows = duck.Rows($"select to_json(t) from '{folder["l.parquet"]}' t").Select(row => JsonNode.Parse((string)row[0]!)!).ToList();
        var lines = File.ReadLines(folder["l.jsonl"]).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(lines.Count, rows.Count);
        for (var i = 0; i < rows.Count; i++)
            foreach (var (name, value) in lines[i].AsObject())
                Assert.True(JsonNode.DeepEquals(value, rows[i][name]), $"{lines[i]}\n{rows[i]}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Arrow_files_and_streams_are_read(bool file)
    {
        WriteArrow(folder["a"], file, 3);
        var problems = Problems.Read(folder["a"], new("stem", "key"));
        Assert.Equal([new("a:1", "q0", "10"), new("a:2", "q1", "11"), new("a:3", "q2", "12"), new("a:4", "q3", "13"),
            new("a:5", "q4", "14"),
            new("a:6", "q5", "15")], problems);
        Assert.Equal("""{"stem":"q1","key":11,"steps":["s",null],"coded":"b","none":null}""",
            InputRow.Read(folder["a"]).ElementAt(1).Json.GetRawText());
    }

    [Fact]
    public void Broken_tables_are_told_in_a_sentence()
    {
        using var duck = new Duck();
        duck.Run($"copy (select 'q' || i as problem, i as answer, [i, i] as l from range(300) r(i)) to '{folder["t"]}' (format parquet)");
        WriteArrow(folder["s"], file: false, 50);
        WriteArrow(folder["f"], file: true, 50);
        foreach (var name in new[] { "t", "s", "f" })
        {
            var whole = File.ReadAllBytes(folder[name]);
            for (var part = 1; part < 40; part++)
            {
                File.WriteAllBytes(folder["cut"], whole[..(8 + ((whole.Length - 9) * part / 40))]);
                var error = Assert.Throws<UserError>(() => Problems.Read(folder["cut"], new("stem", "key"))).Message;
                Assert.Matches("(data is broken, or of a kind that is not read|the Arrow stream has no end).*opy or download", error);
            }
        }
    }

    [Fact]
    public void A_missing_field_and_a_double_id_are_told_with_the_row()
    {
        using var duck = new Duck();
        duck.Run($"copy (select 'q' || i as problem, i as answer, i % 4 as id from range(9) r(i)) to '{folder["t"]}' (format parquet)");
        Assert.Equal(
            $"{folder["t"]}:row 5: the id \"0\" stands in row 1 already; ids must differ; to leave out and count what cannot be used: "
            + $"pav problems import --input {folder["t"]} --out FILE", Assert.Throws<UserError>(() => Problems.Read(folder["t"])).Message);
        Assert.StartsWith($"{folder["t"]}:row 1: no \"stem\"",
            Assert.Throws<UserError>(() => Problems.Read(folder["t"], new("stem"))).Message);
    }

    /// <summary>Two batches of so many rows.</summary>
    internal static void WriteArrow(string path, bool file, int rows)
    {
        var schema = new Schema([new("stem", StringType.Default, true), new("key", Int64Type.Default, true),
            new("steps", new ListType(new Field("item", StringType.Default, true)), true),
            new("coded", new DictionaryType(Int32Type.Default, StringType.Default, false), true), new("none", NullType.Default, true)],
                null);
        using var stream = File.Create(path);
        using var writer = file ? new ArrowFileWriter(stream, schema) : new ArrowStreamWriter(stream, schema);
        writer.WriteStart();
        for (var batch = 0; batch < 2; batch++)
        {
            var numbers = Enumerable.Range(batch * rows, rows).ToList();
            var steps = new ListArray.Builder(StringType.Default);
            foreach (var _ in numbers)
            {
                steps.Append();
                ((StringArray.Builder)steps.ValueBuilder).Append("s").AppendNull();
            }

            writer.WriteRecordBatch(new(schema,
            [
                new StringArray.Builder().AppendRange(numbers.Select(i => $"q{i}")).Build(),
                new Int64Array.Builder().AppendRange(numbers.Select(i => i + 10L)).Build(), steps.Build(),
                new DictionaryArray((DictionaryType)schema.GetFieldByName("coded").DataType,
                    new Int32Array.Builder().AppendRange(numbers.Select(i => i % 2)).Build(), new StringArray.Builder().Append("a")
                        .Append("b").Build()),
                new NullArray(rows),
            ], rows));
        }

        writer.WriteEnd();
    }
}

/// <summary>A DuckDB in memory.</summary>
internal sealed class Duck : IDisposable
{
    private readonly DuckDBConnection connection = new("DataSource=:memory:");

    public Duck() => connection.Open();

    public void Run(string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public List<object?[]> Rows(string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<object?[]>();
        while (reader.Read())
            rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? null : reader.GetValue(i))]);
        return rows;
    }

    public void Dispose() => connection.Dispose();
}
