namespace Pav.Models.Files;

/// <summary>Reads <c>states.jsonl</c> (docs/run-folder.md). A torn last line is left out; a row whose counts cannot be, or whose state was
/// there before, is an error that names it.</summary>
public static class States
{
    public static IEnumerable<LabelledState> Read(string path)
    {
        var seen = new HashSet<(string, string)>();
        foreach (var state in JsonLines.Read<LabelledState>(path, s => Wrong(s)
            ?? (seen.Add(s.Key) ? null : $"this state of problem {s.Problem} is in the file already"))) yield return state;
    }

    private static string? Wrong(LabelledState state)
    {
        if (Nulls.In(("problem", state.Problem), ("policy", state.Policy), ("steps_by", state.StepsBy), ("steps", state.Steps),
            ("tokens", state.Tokens), ("grader", state.Grader), ("next", state.Next)) is { } none) return none;
        foreach (var next in state.Next)
            if (Nulls.In(("step", next.Step), ("tokens", next.Tokens)) is { } inside) return $"{inside} in next";
        if (state.Next.Count == 0) return "next holds no step";
        if (state.Tokens.Count != state.Steps.Count)
            return $"{state.Steps.Count} steps need as many lists of tokens, there are {state.Tokens.Count}";
        if (state.Drawn < 1 || state.Next.Any(n => n.Drawn < 1)) return "drawn must be at least 1";
        if (state.N < 1 || state.C < 0 || state.C > state.N) return $"c = {state.C} of n = {state.N} completions cannot be right";
        if (state.Next.GroupBy(n => (n.Step, n.Ended)).FirstOrDefault(g => g.Count() > 1) is { } twice)
            return $"the step \"{twice.Key.Step.TrimEnd()}\" is in next twice";
        return state.Next.FirstOrDefault(n => n.N < 1 || n.C < 0 || n.C > n.N) is { } step
            ? $"c = {step.C} of n = {step.N} completions cannot be right after \"{step.Step.TrimEnd()}\"" : null;
    }
}
