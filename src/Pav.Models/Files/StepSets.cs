using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>A trace whose first wrong step is known, from 0; −1 for none.</summary>
public sealed record MarkedTrace(string Id, string Problem, IReadOnlyList<string> Steps, int First)
{
    /// <summary>As a prefix of its problem, one node for each step, each with its end.</summary>
    public Prefix ToPrefix(StepEnd end) => Steps.Select((text, h) => (text, h))
        .Aggregate(Prefix.Root(new(Id, Problem, "")), (p, s) => p.Then(end.Close(s.text), ended: s.h == Steps.Count - 1));
}

/// <summary>
/// Reads traces with marked errors: ProcessBench (<c>steps</c>, <c>label</c>), PRMBench (<c>original_process</c>, all right, and
/// <c>modified_process</c> with <c>error_steps</c>: two traces a
/// line, one where the error is said to be after the last step) and MR-MATH (<c>model_output_step_format</c>,
/// <c>model_output_solution_first_error_step</c>).
/// </summary>
public static class StepSets
{
    /// <param name="path">The file.</param>
    /// <param name="bad">What becomes of a row that holds no usable trace; null: it ends the reading.</param>
    public static IReadOnlyList<MarkedTrace> Read(string path, BadRows? bad = null)
    {
        bad ??= new(stop: true);
        var traces = InputRow.Read(path, bad).SelectMany(row => bad.Try(() => Row(row).ToList()) ?? []).ToList();
        if (traces.Count > 0) return traces;
        throw new UserError(bad.Count > 0 ? $"{path}: none of its {bad.Count} rows can be used; the first: {bad.First[0]}"
            : $"{path}: holds no trace");
    }

    private static IEnumerable<MarkedTrace> Row(InputRow row)
    {
        if (row.Has("modified_process")) return PrmBench(row);
        if (row.Has("model_output_step_format")) return [MrMath(row)];
        if (!row.Has("steps") || !row.Has("label")) throw row.Wrong("neither ProcessBench (\"steps\", \"label\"), nor PRMBench "
            + "(\"modified_process\", \"error_steps\"), nor MR-MATH (\"model_output_step_format\")");
        return [Checked(row, Id(row), row.Text("problem"), row.Texts("steps"), row.Whole("label"))];
    }

    private static IEnumerable<MarkedTrace> PrmBench(InputRow row)
    {
        var errors = row.List("error_steps").Select(e => e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out var step)
            ? step : throw row.Wrong("\"error_steps\" must be whole numbers from 1")).ToList();
        yield return Checked(row, $"{Id(row)} original", row.Text(row.Has("original_question") ? "original_question" : "question"),
            row.Texts("original_process"), -1);
        var modified = row.Texts("modified_process");
        var first = errors.Count == 0 ? -1 : errors.Min() - 1;
        if (first < modified.Count)
            yield return Checked(row, $"{Id(row)} modified", row.Text(row.Has("modified_question") ? "modified_question" : "question"),
                modified, first);
    }

    private static MarkedTrace MrMath(InputRow row)
    {
        var steps = row.List("model_output_step_format").Select(s => s.ValueKind == JsonValueKind.Array
            ? string.Join("\n", s.EnumerateArray().Select(Line)) : Line(s)).ToList();
        var first = row.Text("model_output_solution_first_error_step");
        if (first == "N/A" && row.FirstOf("model_output_solution_correctness") is { } verdict && row.Text(verdict) == "wrong")
            throw row.Wrong("\"model_output_solution_correctness\" is wrong, but no first wrong step is named");
        return Checked(row, Id(row), row.Text("question"), steps, first == "N/A" ? -1 : int.TryParse(first, out var step)
            ? step - 1 : throw row.Wrong($"\"model_output_solution_first_error_step\" must be a step's number or N/A, it is \"{first}\""));

        string Line(JsonElement text) => text.ValueKind == JsonValueKind.String
            ? text.GetString()! : throw row.Wrong("\"model_output_step_format\" must be a list of lists of texts");
    }

    private static string Id(InputRow row) => row.FirstOf("id", "idx") is { } name ? row.Text(name) : row.Where;

    private static MarkedTrace Checked(InputRow row, string id, string problem, IReadOnlyList<string> steps, int first)
    {
        if (steps.Count == 0) throw row.Wrong("the trace has no step");
        if (first < -1 || first >= steps.Count) throw row.Wrong($"the first wrong step is number {first} of {steps.Count}, counted from 0");
        return new(id, problem, steps, first);
    }
}
