namespace Pav;

/// <summary>A problem x with its reference answer y*. <c>Level</c> is a difficulty (0 = unknown).</summary>
public sealed record Problem(string Id, string Text, string Answer, int Level = 0);

public static class ProblemsById
{
    /// <summary>The problem that labels name.</summary>
    public static Problem Find(this IReadOnlyDictionary<string, Problem> problems, string id) =>
        problems.TryGetValue(id, out var problem)
            ? problem
            : throw new UserError(
                $"the labels name a problem \"{id}\" that is not among the problems given; give the file that was labelled");
}
