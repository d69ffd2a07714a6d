namespace Pav.Models.Files;

/// <summary>Reads <c>states.jsonl</c> (docs/run-folder.md). A torn last line is left out; a row whose counts cannot be is an error that names it.</summary>
public static class States
{
    public static IEnumerable<LabelledState> Read(string path) => JsonLines.Read<LabelledState>(path, Wrong);

    private static string? Wrong(LabelledState state)
    {
        if (state.Tokens.Count != state.Steps.Count) return $"{state.Steps.Count} steps need as many lists of tokens, there are {state.Tokens.Count}";
        if (state.Drawn < 1 || state.Next.Any(n => n.Drawn < 1)) return "drawn must be at least 1";
        if (state.N < 1 || state.C < 0 || state.C > state.N) return $"c = {state.C} of n = {state.N} completions cannot be right";
        return state.Next.FirstOrDefault(n => n.N < 1 || n.C < 0 || n.C > n.N) is { } step ? $"c = {step.C} of n = {step.N} completions cannot be right after \"{step.Step.TrimEnd()}\"" : null;
    }
}
