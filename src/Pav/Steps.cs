namespace Pav;

/// <summary>
/// Where a step ends: after its newline. Sampling, labels, scoring, search and RL all ask here. A token that holds a newline ends its step,
/// whatever follows the newline inside the token.
/// </summary>
public static class Steps
{
    public const char End = '\n';

    /// <summary>True once the text of a step under construction holds its end.</summary>
    public static bool EndsStep(ReadOnlySpan<char> step) => step.Contains(End);

    /// <summary>
    /// The steps of drawn ids: each goes to the first id that ends a step, and the last to the end. So an end-of-sequence id belongs to the text before it,
    /// and right after a newline it is a last step without text, the choice to stop: alike for a policy that was asked for one step and for a whole trace.
    /// </summary>
    public static IEnumerable<Range> OfIds(IReadOnlyList<int> ids, Func<int, bool> endsStep)
    {
        var start = 0;
        for (var i = 0; i < ids.Count; i++)
        {
            if (i < ids.Count - 1 && !endsStep(ids[i])) continue;
            yield return start..(i + 1);
            start = i + 1;
        }
    }

    /// <summary>The steps of a text, each with its newline; only the last may lack it. Joined together they are the text.</summary>
    public static IReadOnlyList<string> Split(string text)
    {
        var steps = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var at = text.IndexOf(End, start);
            var next = at < 0 ? text.Length : at + 1;
            steps.Add(text[start..next]);
            start = next;
        }

        return steps;
    }
}
