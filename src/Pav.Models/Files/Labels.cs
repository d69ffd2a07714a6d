namespace Pav.Models.Files;

/// <summary>Reads <c>labels.jsonl</c> (docs/run-folder.md). A torn last line is left out; a row whose counts cannot be is an error that
/// names it.</summary>
public static class Labels
{
    /// <param name="path">The file.</param>
    /// <param name="unfit">What the reader has to say against a row that is whole, if anything.</param>
    public static IEnumerable<LabelledTrace> Read(string path, Func<LabelledTrace, string?>? unfit = null) =>
        File.Exists(path)
            ? JsonLines.Read<LabelledTrace>(path, trace => Wrong(trace) ?? unfit?.Invoke(trace))
            : throw new UserError($"{path}: no such file; `pav label` writes one");

    /// <summary>What makes a row unusable; null for a good one. Whoever writes labels of others asks here too.</summary>
    internal static string? Wrong(LabelledTrace trace)
    {
        if (Nulls.In(("problem", trace.Problem), ("policy", trace.Policy), ("strategy", trace.Strategy), ("steps", trace.Steps),
            ("tokens", trace.Tokens), ("grader", trace.Grader), ("n", trace.N), ("c", trace.C)) is { } none) return none;
        var steps = trace.Steps.Count;
        if (steps == 0) return "the trace has no step";
        if (trace.N.Count != steps + 1 || trace.C.Count != steps + 1)
            return $"{steps} steps need {steps + 1} counts n and c, there are {trace.N.Count} and {trace.C.Count}";
        if (trace.Tokens.Count != steps) return $"{steps} steps need as many lists of tokens, there are {trace.Tokens.Count}";
        if (trace.Rex is not (0 or 1)) return $"rex must be 0 or 1, it is {trace.Rex}";
        var h = Enumerable.Range(0, steps + 1).FirstOrDefault(i => trace.N[i] < 0 || trace.C[i] < 0 || trace.C[i] > trace.N[i], -1);
        return h >= 0 ? $"c[{h}] = {trace.C[h]} of n[{h}] = {trace.N[h]} completions cannot be right" : null;
    }
}
