namespace Pav;

/// <summary>
/// Texts that end a trace, of models that run on: "\nQuestion:" after the answer. The first one that is whole ends it, like an
/// end-of-sequence: what was drawn for it counts, but it is no part of the trace's text. A stop may begin in earlier steps; these had ended
/// before it was whole and stay as they are.
/// </summary>
public sealed class TraceStops
{
    private TraceStops(IReadOnlyList<string> texts) => Texts = texts;

    public static TraceStops None { get; } = new([]);

    public IReadOnlyList<string> Texts { get; }

    /// <summary>A stop that is whole in a step may have begun so many characters before it.</summary>
    public int Reach => Texts.Count == 0 ? 0 : Texts.Max(t => t.Length) - 1;

    /// <summary>The texts, each once.</summary>
    public static TraceStops From(IEnumerable<string> texts)
    {
        List<string> distinct = [.. texts.Distinct()];
        if (distinct.Contains("")) throw new UserError("a text that ends a trace is empty; every trace would end at once");
        return distinct.Count == 0 ? None : new(distinct);
    }

    /// <summary>
    /// The first stop that becomes whole in a step: where in the step the trace's text ends, and where the stop does; null: none.
    /// </summary>
    /// <param name="before">The text before the step; its last <see cref="Reach"/> characters are enough.</param>
    /// <param name="step">Its text so far.</param>
    /// <param name="seen">In so many characters of the step none is whole.</param>
    public (int Cut, int End)? In(ReadOnlySpan<char> before, ReadOnlySpan<char> step, int seen = 0)
    {
        (int Start, int End)? first = null;
        foreach (var text in Texts)
        {
            var from = Math.Max(-Math.Min(before.Length, text.Length - 1), seen - text.Length + 1);
            var start = Find(before, step, text, from);
            if (start is { } s && (first is null || (s + text.Length, s).CompareTo((first.Value.End, first.Value.Start)) < 0))
                first = (s, s + text.Length);
        }

        return first is { } stop ? (Math.Max(0, stop.Start), stop.End) : null;
    }

    /// <summary>The last characters of a text that a stop may have begun in.</summary>
    public string Tail(string text) => text.Length <= Reach ? text : text[^Reach..];

    /// <summary>The same of a prefix.</summary>
    public string Tail(Prefix prefix)
    {
        var tail = "";
        for (var node = prefix; node.Parent is not null && tail.Length < Reach; node = node.Parent) tail = node.Step + tail;
        return Tail(tail);
    }

    /// <summary>Where a text is first found, from a place that may be before the step, so that it ends in the step.</summary>
    private static int? Find(ReadOnlySpan<char> before, ReadOnlySpan<char> step, string text, int from)
    {
        for (var start = from; start < 0; start++)
        {
            var inside = text.Length + start;
            if (inside > 0 && inside <= step.Length && before[^-start..].SequenceEqual(text.AsSpan(0, -start))
                && step[..inside].SequenceEqual(text.AsSpan(-start))) return start;
        }

        var rest = Math.Max(0, from);
        return rest > step.Length ? null : step[rest..].IndexOf(text, StringComparison.Ordinal) is var found and >= 0 ? rest + found : null;
    }
}
