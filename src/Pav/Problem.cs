namespace Pav;

/// <summary>A problem x with its reference answer y*. <c>Level</c> is a difficulty (0 = unknown).</summary>
public sealed record Problem(string Id, string Text, string Answer, int Level = 0)
{
    /// <summary>
    /// What the policy is to continue where its template does not put the problem: a conversation that ends with the problem, or a text
    /// that is already begun. Verifiers read <see cref="Text"/> all the same. Null: the template puts it.
    /// </summary>
    public WrittenPrompt? Written { get; init; }
}

/// <summary>A prompt as the policy reads it.</summary>
/// <param name="Text">All of it.</param>
/// <param name="Ids">The same in ids of the policy's tokenizer, which are read as they are; null: the text is encoded.</param>
public sealed record WrittenPrompt(string Text, IReadOnlyList<int>? Ids = null);

internal static class ProblemsById
{
    /// <summary>The problem that labels name.</summary>
    public static Problem Find(this IReadOnlyDictionary<string, Problem> problems, string id) =>
        problems.TryGetValue(id, out var problem)
            ? problem
            : throw new UserError(
                $"the labels name a problem \"{id}\" that is not among the problems given; give the file that was labelled");
}
