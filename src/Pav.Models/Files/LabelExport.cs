using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pav.Models.Files;

/// <summary>The files that other programs read step labels from (docs/formats.md).</summary>
public enum ExportFormat
{
    /// <summary>TRL stepwise supervision: prompt, completions, hard labels.</summary>
    Trl,

    /// <summary>Math-Shepherd: a text with a mark after each step, and the same with + and −.</summary>
    MathShepherd,

    /// <summary>Everything a label holds, under columns of one type each, so that Hugging Face <c>datasets</c> loads it.</summary>
    Jsonl,

    /// <summary>The same as Parquet, with list columns.</summary>
    Parquet,
}

/// <summary>What an export wrote, and what its format cannot hold.</summary>
/// <param name="Rows">Traces written.</param>
/// <param name="Left">Traces left out: no label at their first step.</param>
/// <param name="Cut">Traces that end early: a step without a label stands before others.</param>
/// <param name="Lost">Labels that are not in the file.</param>
public sealed record Exported(int Rows, int Left, int Cut, int Lost);

/// <summary>Writes labelled traces for other programs. Beside what those ask for stands everything of the label, so that <see
/// cref="LabelImport"/> reads it back whole.</summary>
/// <param name="Threshold">A step's hard label is true if Q̂ is at least this; any value up to 1/n is Math-Shepherd's hard
/// estimation.</param>
/// <param name="Prompt">How a problem is put before its steps.</param>
/// <param name="Task">Math-Shepherd's column of that name.</param>
public sealed record LabelExport(ExportFormat Format, double Threshold, Func<Problem, string> Prompt, string Task)
{
    private const string StepMark = "ки";

    private static readonly JsonSerializerOptions OneTypePerColumn = new(Json.Line) { DefaultIgnoreCondition = JsonIgnoreCondition.Never,
        Converters = { new Fraction() } };

    /// <summary>
    /// Writes the file, whole or not at all. Formats of hard labels allow no gap: a step that is labelled in another trace of the same
    /// beginning gets that label, and a trace ends before
    /// its first step that has none anywhere. The labels are read twice.
    /// </summary>
    public Exported Write(string path, IEnumerable<LabelledTrace> traces, IReadOnlyDictionary<string, Problem> problems,
        bool overwrite = true)
    {
        var whole = Format is ExportFormat.Jsonl or ExportFormat.Parquet;
        var shared = whole ? [] : Shared(traces);
        var done = new Exported(0, 0, 0, 0);
        AtomicFile.Write(path, overwrite, stream =>
        {
            if (Format == ExportFormat.Parquet) LabelParquet.Write(stream, Rows());
            else JsonLines.WriteAll(stream, Rows(), OneTypePerColumn);
        });
        return done;

        IEnumerable<ExportedTrace> Rows()
        {
            foreach (var trace in traces)
            {
                var problem = problems.Find(trace.Problem);
                var q = whole ? [] : Labelled(trace, shared);
                done = whole ? done with { Rows = done.Rows + 1 } : Counted(done, trace, q.Count);
                if (whole) yield return Row(trace, problem, trace.Steps.Count);
                else if (q.Count > 0) yield return Row(trace, problem, q);
            }
        }
    }

    private static Exported Counted(Exported done, LabelledTrace trace, int steps) => steps == 0
        ? done with { Left = done.Left + 1, Lost = done.Lost + trace.N.Count(n => n > 0) }
        : done with { Rows = done.Rows + 1, Cut = done.Cut + (steps < trace.Steps.Count ? 1 : 0),
            Lost = done.Lost + trace.N.Skip(steps + 1).Count(n => n > 0) };

    /// <summary>Q̂ of the steps up to the first that is labelled nowhere.</summary>
    private static List<double> Labelled(LabelledTrace trace, Dictionary<UInt128, double> shared) =>
        [.. trace.Q.Skip(1).Zip(Keys(trace), (q, key) => q.Known ? q.Value : shared.TryGetValue(key, out var other) ? other : double.NaN)
            .TakeWhile(q => !double.IsNaN(q))];

    private static Dictionary<UInt128, double> Shared(IEnumerable<LabelledTrace> traces)
    {
        var shared = new Dictionary<UInt128, double>();
        foreach (var trace in traces)
            foreach (var (q, key) in trace.Q.Skip(1).Zip(Keys(trace)))
                if (q.Known) shared.TryAdd(key, q.Value);
        return shared;
    }

    /// <summary>What tells a beginning of a trace from others, after each of its steps. The end of a trace is another place than the same
    /// text before more steps.</summary>
    private static IEnumerable<UInt128> Keys(LabelledTrace trace)
    {
        var key = SHA256.HashData(Encoding.UTF8.GetBytes(trace.Problem));
        for (var h = 0; h < trace.Steps.Count; h++)
        {
            var ended = h == trace.Steps.Count - 1 && !trace.Unfinished;
            key = SHA256.HashData([.. key, ended ? (byte)1 : (byte)0, .. Encoding.UTF8.GetBytes(trace.Steps[h])]);
            yield return BitConverter.ToUInt128(key);
        }
    }

    private ExportedTrace Row(LabelledTrace trace, Problem problem, int steps) => new(
        trace.Problem, problem.Text, Prompt(problem), [.. trace.Steps.Take(steps).Select(s => s.TrimEnd('\n'))], problem.Answer,
            trace.Trace, trace.Policy, trace.Strategy, trace.Grader,
        trace.Plan, trace.Answer, trace.Rex, trace.Unfinished || steps < trace.Steps.Count, [.. trace.N.Take(steps + 1)],
            [.. trace.C.Take(steps + 1)],
        [.. trace.Q.Take(steps + 1).Select(q => q.Known ? q.Value : (double?)null)]);

    private ExportedTrace Row(LabelledTrace trace, Problem problem, IReadOnlyList<double> q)
    {
        var row = Row(trace, problem, q.Count) with { Q = [.. q.Select(value => (double?)value)] };
        bool[] holds = [.. q.Select(Holds)];
        if (Format == ExportFormat.Trl) return row with { Labels = holds };
        string Marked(Func<int, string> mark) =>
            $"{problem.Text} {string.Join('\n', row.Completions.Select((step, h) => $"{Numbered(step, h)} {mark(h)}"))}";
        return row with { Input = Marked(_ => StepMark), Label = Marked(h => holds[h] ? "+" : "-"), Task = Task };
    }

    private bool Holds(double q) => q >= Threshold;

    private static string Numbered(string step, int h) => step.StartsWith($"Step {h + 1}:", StringComparison.Ordinal)
        ? step : $"Step {h + 1}: {step}";

    /// <summary>1 as 1.0: a reader that infers types from the first rows must not take Q̂ for whole numbers.</summary>
    private sealed class Fraction : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) =>
            writer.WriteRawValue(value.ToString("0.0################", CultureInfo.InvariantCulture));
    }
}

/// <summary>One line of a file. <c>n</c> and <c>c</c> hold what this trace's label holds, 0 where another trace has it.</summary>
internal sealed record ExportedTrace(
    string Problem, string Question, string Prompt, IReadOnlyList<string> Completions, string Reference, int Trace, string Policy,
        string Strategy, string Grader, string? Plan, string? Answer,
    int Rex, bool Unfinished, IReadOnlyList<int> N, IReadOnlyList<int> C, IReadOnlyList<double?> Q)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<bool>? Labels { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Input { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Label { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Task { get; init; }
}
