namespace Pav.Models.Files;

/// <summary>Reads <c>labels.jsonl</c> (docs/run-folder.md). A torn last line is left out; a row whose counts cannot be is an error that names it.</summary>
public static class Labels
{
    public static IEnumerable<LabelledTrace> Read(string path) =>
        File.Exists(path) ? JsonLines.Read<LabelledTrace>(path, Wrong) : throw new UserError($"{path}: no such file; `pav label` writes one");

    private static string? Wrong(LabelledTrace trace)
    {
        var steps = trace.Steps.Count;
        if (steps == 0) return "the trace has no step";
        if (trace.N.Count != steps + 1 || trace.C.Count != steps + 1) return $"{steps} steps need {steps + 1} counts n and c, there are {trace.N.Count} and {trace.C.Count}";
        if (trace.Tokens.Count != steps) return $"{steps} steps need as many lists of tokens, there are {trace.Tokens.Count}";
        if (trace.Rex is not (0 or 1)) return $"rex must be 0 or 1, it is {trace.Rex}";
        var h = Enumerable.Range(0, steps + 1).FirstOrDefault(i => trace.N[i] < 0 || trace.C[i] < 0 || trace.C[i] > trace.N[i], -1);
        return h >= 0 ? $"c[{h}] = {trace.C[h]} of n[{h}] = {trace.N[h]} completions cannot be right" : null;
    }
}
