using Parquet;
using Parquet.Schema;

namespace Pav.Models.Files;

/// <summary>Writes exported traces as Parquet: the columns of the export's JSON lines, with lists as list columns.</summary>
internal static class LabelParquet
{
    private const int RowsInAGroup = 1000;

    private static readonly (DataField Field, Func<ExportedTrace, string?> Text)[] Texts =
    [
        (new DataField<string>("problem"), t => t.Problem), (new DataField<string>("question"), t => t.Question),
        (new DataField<string>("prompt"), t => t.Prompt), (new DataField<string>("reference"), t => t.Reference),
        (new DataField<string>("policy"), t => t.Policy), (new DataField<string>("strategy"), t => t.Strategy),
        (new DataField<string>("grader"), t => t.Grader), (new DataField<string>("plan"), t => t.Plan),
        (new DataField<string>("answer"), t => t.Answer),
    ];

    private static readonly DataField<int> Trace = new("trace"), Rex = new("rex"), N = new("element"), C = new("element");
    private static readonly DataField<bool> Unfinished = new("unfinished");
    private static readonly DataField<string> Completions = new("element");
    private static readonly DataField<double?> Q = new("element");

    private static readonly ParquetSchema Schema = new(
        [.. Texts.Select(t => t.Field), Trace, Rex, Unfinished, new ListField("completions", Completions), new ListField("n", N),
            new ListField("c", C), new ListField("q", Q)]);

    /// <param name="stream">Written from where it stands.</param>
    /// <param name="traces">Each has at least one step. Gone through once; a thousand stand in memory at a time.</param>
    public static void Write(Stream stream, IEnumerable<ExportedTrace> traces) => WriteAsync(stream, traces).GetAwaiter().GetResult();

    private static async Task WriteAsync(Stream stream, IEnumerable<ExportedTrace> traces)
    {
        await using var writer = await ParquetWriter.CreateAsync(Schema, stream);
        foreach (var rows in traces.Chunk(RowsInAGroup))
        {
            using var group = writer.CreateRowGroup();
            foreach (var (field, text) in Texts) await group.WriteAsync(field, [.. rows.Select(text)!]);
            await group.WriteAsync<int>(Trace, rows.Select(t => t.Trace).ToArray());
            await group.WriteAsync<int>(Rex, rows.Select(t => t.Rex).ToArray());
            await group.WriteAsync<bool>(Unfinished, rows.Select(t => t.Unfinished).ToArray());
            await group.WriteAsync(Completions, [.. rows.SelectMany(t => t.Completions)], Repetitions(rows, t => t.Completions.Count));
            await Lists(group, N, rows, t => t.N);
            await Lists(group, C, rows, t => t.C);
            await group.WriteAsync<double>(Q, rows.SelectMany(t => t.Q).ToArray(), Repetitions(rows, t => t.Q.Count));
            group.CompleteValidate();
        }
    }

    /// <summary>Lists of numbers without gaps, in lists that could be null: each number is there.</summary>
    private static Task Lists(ParquetRowGroupWriter group, DataField field, ExportedTrace[] rows,
        Func<ExportedTrace, IReadOnlyList<int>> list)
    {
        var values = rows.SelectMany(list).ToArray();
        var definitions = Enumerable.Repeat(field.MaxDefinitionLevel, values.Length).ToArray();
        return group.WriteAllPartsAsync<int>(field, values, definitions, Repetitions(rows, t => list(t).Count), default);
    }

    /// <summary>0 at a list's first item, 1 at those that follow.</summary>
    private static ReadOnlyMemory<int> Repetitions(ExportedTrace[] rows, Func<ExportedTrace, int> count) =>
        rows.SelectMany(t => Enumerable.Range(0, count(t)).Select(i => Math.Min(i, 1))).ToArray();
}
