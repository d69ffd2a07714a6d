using System.Text.RegularExpressions;

namespace Pav;

/// <summary>
/// Where a step ends: at a newline, a blank line, or a pattern of one's own. Sampling, labels, scoring, search and RL all ask here. A step
/// ends with the first token after which its text holds the end and no character is half written, whatever follows the end inside that
/// token.
/// </summary>
public sealed class StepEnd
{
    private readonly Regex? pattern;

    private StepEnd(string name, string? literal, Regex? pattern = null) => (Name, Literal, this.pattern) = (name, literal, pattern);

    public static StepEnd Newline { get; } = new("newline", "\n");

    public static StepEnd BlankLine { get; } = new("blank-line", "\n\n");

    /// <summary>newline, blank-line, or the pattern.</summary>
    public string Name { get; }

    /// <summary>The end's only text; null for a pattern with several.</summary>
    public string? Literal { get; }

    /// <summary>The name as files keep it: none stands for newline.</summary>
    public string? Recorded => this == Newline ? null : Name;

    /// <summary>
    /// newline (also null), blank-line, or a regular expression. Whether the text so far holds an end must not depend on what follows, so
    /// the expression may not look ahead: no
    /// <c>$ \z \Z \b \B (?=…) (?!…)</c>.
    /// </summary>
    public static StepEnd Parse(string? name)
    {
        if (name is null || name == Newline.Name || name == @"\n") return Newline;
        if (name == BlankLine.Name || name == @"\n\n") return BlankLine;
        Regex pattern;
        try
        {
            pattern = new(name, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw Wrong(name, e is NotSupportedException
                ? "looks around or back, which a step that is still being written does not allow"
                : $"is not a regular expression ({e.Message.Split('\n')[0].TrimEnd('.')})");
        }

        if (pattern.IsMatch("")) throw Wrong(name, "matches an empty text");
        if (LooksAhead(name) is { } part)
            throw Wrong(name, $"has {part}, which depends on what follows, and a step that is still being written does not know that");
        return new(name, Plain(name), pattern);
    }

    /// <summary>True once the text of a step under construction holds its end.</summary>
    /// <param name="step">Its text so far.</param>
    /// <param name="seen">So many characters are known to hold none.</param>
    public bool In(ReadOnlySpan<char> step, int seen = 0) => Literal is { } end
        ? step[Math.Max(0, seen - end.Length + 1)..].Contains(end, StringComparison.Ordinal) : pattern!.IsMatch(step);

    /// <summary>
    /// The steps of drawn ids: each goes to the first id that ends a step, and the last to the end. So an end-of-sequence id belongs to the
    /// text before it, and right after a step's end it is a last step without text, the choice to stop: alike for a policy that was asked
    /// for one step and for a whole trace.
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

    /// <summary>The steps of a text, each with its end; only the last may lack it. Joined together they are the text.</summary>
    public IReadOnlyList<string> Split(string text)
    {
        var steps = new List<string>();
        for (var start = 0; start < text.Length;)
        {
            var next = start + FirstEnd(text.AsSpan(start));
            steps.Add(text[start..next]);
            start = next;
        }

        return steps;
    }

    /// <summary>A step that came without its end.</summary>
    public string Close(string step) => step.Trim() + (Literal ?? throw new UserError($"the step end '{Name}' is a pattern with several "
        + "texts, so steps that come one by one cannot be given theirs; take newline, blank-line or a plain text"));

    public override string ToString() => Name;

    /// <summary>The length of the shortest beginning that holds an end, else of all.</summary>
    private int FirstEnd(ReadOnlySpan<char> text)
    {
        if (Literal is { } end) return text.IndexOf(end, StringComparison.Ordinal) is var found and >= 0 ? found + end.Length : text.Length;
        if (!pattern!.IsMatch(text)) return text.Length;
        var (none, some) = (0, text.Length);
        while (some - none > 1)
        {
            var middle = (none + some) / 2;
            if (pattern.IsMatch(text[..middle])) some = middle;
            else none = middle;
        }

        return some < text.Length && char.IsHighSurrogate(text[some - 1]) ? some + 1 : some;
    }

    /// <summary>What of a pattern asks for the text after a match.</summary>
    private static string? LooksAhead(string pattern)
    {
        var inClass = false;
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == '\\')
            {
                i++;
                if (!inClass && pattern[i] is 'z' or 'Z' or 'b' or 'B') return pattern[(i - 1)..(i + 1)];
            }
            else if (pattern[i] is '[' or ']') inClass = pattern[i] == '[';
            else if (pattern[i] == '$' && !inClass) return "$";
        }

        return null;
    }

    /// <summary>The one text that a pattern without operators matches.</summary>
    private static string? Plain(string pattern)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            if (pattern[i] == '\\' && ++i < pattern.Length && (pattern[i] is 'n' or 'r' or 't' || !char.IsLetterOrDigit(pattern[i])))
                continue;
            if (pattern[i] is '\\' or '*' or '+' or '?' or '|' or '{' or '[' or '(' or ')' or '^' or '$' or '.'
                || (i > 0 && pattern[i - 1] == '\\')) return null;
        }

        return Regex.Unescape(pattern);
    }

    private static UserError Wrong(string pattern, string what) =>
        new($"the step end '{pattern}' {what}; give newline, blank-line or another pattern");
}
