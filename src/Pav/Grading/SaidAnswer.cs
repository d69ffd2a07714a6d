using System.Text.RegularExpressions;

namespace Pav.Grading;

/// <summary>
/// The answer that a text says is one, for the grader `math`: boxes first, then a line such as "**Final Answer:** 30", then "the
/// answer is 30". A number that merely stands last is none.
/// </summary>
internal static partial class SaidAnswer
{
    private const int FurthestBoxes = 60;
    private const int MostBoxes = 50;

    public static string? Find(string text) => Boxes(text) ?? Labelled(text) ?? FoundAnswer.AnswerIs(text) ?? FoundAnswer.AfterHashes(text);

    /// <summary>
    /// The content of the last box with something in it. Boxes side by side, with no more than "and" or a comma between them, are one
    /// answer of several parts: whoever boxes two answers gave both.
    /// </summary>
    private static string? Boxes(string text)
    {
        var parts = new List<string>();
        var end = text.Length;
        for (var tries = 0; tries < MostBoxes && Start(text, end) is var start and >= 0; tries++)
        {
            var (content, after) = Read(text, start);
            if (content is not null)
            {
                if (parts.Count > 0 && (after > end || !Joins(text.AsSpan(after, end - after)))) break;
                parts.Insert(0, content);
                end = start;
            }
            else if (parts.Count > 0) break;
            else end = start;
        }

        return parts.Count == 0 ? null : string.Join(", ", parts.Distinct());
    }

    private static int Start(string text, int end)
    {
        var before = text.AsSpan(0, end);
        return Math.Max(before.LastIndexOf("\\boxed"), before.LastIndexOf("\\fbox"));
    }

    /// <summary>The content of the box that begins there and where it ends; no content if it is empty or never closes.</summary>
    private static (string? Content, int After) Read(string text, int start)
    {
        var position = start + (text.AsSpan(start).StartsWith("\\boxed") ? 6 : 5);
        while (position < text.Length && text[position] == ' ') position++;
        if (position >= text.Length) return (null, position);
        if (text[position] != '{') return char.IsAsciiDigit(text[position]) ? ($"{text[position]}", position + 1) : (null, position);
        var depth = 0;
        for (var i = position; i < text.Length; i++)
        {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth == 0) return (text[(position + 1)..i].Trim() is { Length: > 0 } content ? content : null, i + 1);
        }

        return (null, text.Length);
    }

    private static bool Joins(ReadOnlySpan<char> between) => between.Length <= FurthestBoxes
        && !between.Contains("\n\n", StringComparison.Ordinal) && 
        (Connector.IsMatch(between.ToString())
            || (between.Length <= FurthestBoxes / 2 && Conjunction.IsMatch(between.ToString()) && !Conclusion.IsMatch(between.ToString())));

    [GeneratedRegex(@"^[^.\n]*\b(and|or)\b[^.\n]*$")]
    private static partial Regex Conjunction { get; }

    [GeneratedRegex(@"\b(so|hence|thus|therefore|then|is|are|not|since|because|but)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Conclusion { get; }

    [GeneratedRegex(@"^(\s|[$,;&]|\\[()\[\],;! ]|\\q?quad|\\text|\\mbox|[{}]|and|or|\\cup)*$", RegexOptions.IgnoreCase)]
    private static partial Regex Connector { get; }

    /// <summary>
    /// What follows the last line that begins with "Answer:", "**Final Answer**", "# Answer" …, on it or on the next one with
    /// something on it.
    /// </summary>
    private static string? Labelled(string text)
    {
        for (var end = text.Length; end > 0;)
        {
            var start = text.LastIndexOf('\n', end - 1) + 1;
            if (Label.Match(text, start, end - start) is { Success: true } label)
            {
                var rest = text.AsSpan(label.Index + label.Length).TrimStart();
                var line = rest.IndexOf('\n') is var stop and >= 0 ? rest[..stop] : rest;
                if (line.Trim().Trim("*_`").Trim() is { Length: > 0 } answer) return answer.ToString();
            }

            end = start - 1;
        }

        return null;
    }

    [GeneratedRegex(@"\G[ \t>]*(#+[ \t]*)?[*_]*(the )?(final )?answer[*_]*(:[*_]*|(?=[ \t]*\r?$))", RegexOptions.IgnoreCase)]
    private static partial Regex Label { get; }
}
