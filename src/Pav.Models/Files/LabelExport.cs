using System.Globalization;
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
}

/// <summary>Writes labelled traces for other programs.</summary>
/// <param name="Threshold">A step's hard label is true if Q̂ is at least this; any value up to 1/n is Math-Shepherd's hard estimation.</param>
/// <param name="Template">How a problem is put before its steps.</param>
/// <param name="Task">Math-Shepherd's column of that name.</param>
public sealed record LabelExport(ExportFormat Format, double Threshold, PromptTemplate Template, string Task)
{
    private const string StepMark = "ки";

    private static readonly JsonSerializerOptions OneTypePerColumn = new(Json.Line) { DefaultIgnoreCondition = JsonIgnoreCondition.Never, Converters = { new Fraction() } };

    /// <summary>
    /// Writes the file, whole or not at all; answers the number of rows. Hard labels allow no gap: there a trace ends before its first step without completions,
    /// and one without any labelled step is left out.
    /// </summary>
    public int Write(string path, IEnumerable<LabelledTrace> traces, IReadOnlyDictionary<string, Problem> problems)
    {
        var rows = 0;
        AtomicFile.Write(path, stream =>
        {
            foreach (var trace in traces)
            {
                var problem = problems.TryGetValue(trace.Problem, out var found) ? found : throw new UserError($"the labels name a problem \"{trace.Problem}\" that is not among the problems given; give the file that was labelled");
                if (Row(trace, problem) is not { } row) continue;
                JsonLines.WriteAll(stream, [row], OneTypePerColumn);
                rows++;
            }
        });
        return rows;
    }

    private object? Row(LabelledTrace trace, Problem problem)
    {
        string[] steps = [.. trace.Steps.Select(s => s.TrimEnd('\n'))];
        if (Format == ExportFormat.Jsonl)
        {
            return new
            {
                trace.Problem, Prompt = Template.Fill(problem), Completions = steps, Reference = problem.Answer, trace.Trace, trace.Policy, trace.Strategy, trace.Grader, trace.Answer, trace.Rex,
                trace.Unfinished, trace.N, trace.C, Q = trace.Q.Select(q => q.N > 0 ? q.Value : (double?)null),
            };
        }

        var labelled = trace.N.Skip(1).TakeWhile(n => n > 0).Count();
        if (labelled == 0) return null;
        double[] q = [.. trace.Q.Skip(1).Take(labelled).Select(e => e.Value)];
        var (n, c, unfinished) = (trace.N.Take(labelled + 1), trace.C.Take(labelled + 1), trace.Unfinished || labelled < steps.Length);
        if (Format == ExportFormat.Trl)
        {
            return new
            {
                Prompt = Template.Fill(problem), Completions = steps[..labelled], Labels = q.Select(Holds), Q = q, N = n, C = c, trace.Problem, trace.Trace, trace.Policy, trace.Grader,
                Reference = problem.Answer, trace.Answer, trace.Rex, Unfinished = unfinished,
            };
        }

        string Marked(Func<int, string> mark) => $"{problem.Text} {string.Join('\n', Enumerable.Range(0, labelled).Select(h => $"{Numbered(steps[h], h)} {mark(h)}"))}";
        return new { Input = Marked(_ => StepMark), Label = Marked(h => Holds(q[h]) ? "+" : "-"), Task, Q = q, N = n, C = c, trace.Problem, trace.Trace, trace.Policy, trace.Grader };
    }

    private bool Holds(double q) => q >= Threshold;

    private static string Numbered(string step, int h) => step.StartsWith($"Step {h + 1}:", StringComparison.Ordinal) ? step : $"Step {h + 1}: {step}";

    /// <summary>1 as 1.0: a reader that infers types from the first rows must not take Q̂ for whole numbers.</summary>
    private sealed class Fraction : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) => writer.WriteRawValue(value.ToString("0.0################", CultureInfo.InvariantCulture));
    }
}
