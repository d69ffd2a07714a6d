namespace Pav.Grading;

/// <summary>Where answers stand in a text. Each is one pass over it.</summary>
internal static class FoundAnswer
{
    private const string Heading = "# Answer";
    private const int MostBoxes = 50;

    /// <summary>What follows <c>Answer:</c> or <c>####</c> on the last line that begins so and goes on.</summary>
    public static string? LastAnswerLine(string text)
    {
        for (var rest = text.AsSpan(); ;)
        {
            var start = rest.LastIndexOf('\n') + 1;
            var line = rest[start..].TrimStart(" \t");
            if ((line.StartsWith("####") ? Filled(line[4..]) : AfterLabel(line)) is { } answer) return answer;
            if (start == 0) return null;
            rest = rest[..(start - 1)];
        }
    }

    /// <summary>
    /// What follows <c>Answer:</c> at the start of a line, which emphasis may surround: <c>**Answer:** 42</c>; null for any other
    /// line.
    /// </summary>
    private static string? AfterLabel(ReadOnlySpan<char> line)
    {
        const string label = "Answer";
        line = line.TrimStart(" \t");
        var bold = line.StartsWith("*") || line.StartsWith("_");
        line = line.TrimStart("*_");
        if (!line.StartsWith(label)) return null;
        var rest = line[label.Length..].TrimStart("*_");
        if (rest is not [':', ..]) return null;
        return Filled(bold ? rest[1..].Trim().Trim("*_") : rest[1..]);
    }

    /// <summary>The content of the last <c>\boxed{…}</c> or <c>\fbox{…}</c>, braces matched; of <c>\boxed 5</c>, what stands up to the next
    /// <c>$</c>. Null also where its brace never closes.</summary>
    public static string? Boxed(string text)
    {
        var box = text.LastIndexOf("\\boxed", StringComparison.Ordinal);
        var position = box >= 0 ? box + 6 : text.LastIndexOf("\\fbox", StringComparison.Ordinal) is var frame and >= 0 ? frame + 5 : -1;
        if (position < 0 || position >= text.Length) return null;
        if (text[position] == ' ')
        {
            var rest = text.AsSpan(position).Trim();
            if (rest.Length > 0 && rest[0] != '{') return Filled(rest[..(rest.IndexOf('$') is var dollar and >= 0 ? dollar : rest.Length)]);
            position = text.IndexOf('{', position);
        }

        if (position < 0 || text[position] != '{') return null;
        var depth = 0;
        for (var i = position; i < text.Length; i++)
        {
            depth += text[i] == '{' ? 1 : text[i] == '}' ? -1 : 0;
            if (depth == 0) return Filled(text.AsSpan(position + 1, i - position - 1));
        }

        return null;
    }

    /// <summary>The content of the last box with something in it.</summary>
    public static string? LastFilledBox(string text)
    {
        var end = text.Length;
        for (var tries = 0; tries < MostBoxes && end > 0; tries++)
        {
            if (Boxed(text[..end]) is { } boxed) return boxed;
            var before = text.AsSpan(0, end);
            var (box, frame) = (before.LastIndexOf("\\boxed"), before.LastIndexOf("\\fbox"));
            end = box >= 0 ? box : frame;
        }

        return null;
    }

    /// <summary>The last box, or else the first line with something on it after the last <c># Answer</c>, or after <c>Answer:</c> at a
    /// line's start.</summary>
    public static string? BoxedOrUnderHeading(string text)
    {
        if (LastFilledBox(text) is { } boxed) return boxed;
        if (text.LastIndexOf(Heading, StringComparison.Ordinal) is var heading and >= 0)
            return FirstLine(text.AsSpan(heading + Heading.Length).TrimStart(':'));
        var line = ("\n" + text).LastIndexOf("\nAnswer:", StringComparison.Ordinal);
        return line >= 0 ? FirstLine(text.AsSpan(line + "Answer:".Length)) : LastBoldAnswer(text) ?? AfterHashes(text);
    }

    private static string? LastBoldAnswer(string text)
    {
        for (var rest = text.AsSpan(); ;)
        {
            var start = rest.LastIndexOf('\n') + 1;
            if (AfterLabel(rest[start..]) is { } answer) return answer;
            if (start == 0) return null;
            rest = rest[..(start - 1)];
        }
    }

    /// <summary>What follows the last "answer is" on its line, up to the end of the sentence.</summary>
    public static string? AnswerIs(string text)
    {
        const string lead = "answer is";
        var position = text.LastIndexOf(lead, StringComparison.OrdinalIgnoreCase);
        if (position < 0 || FirstLine(text.AsSpan(position + lead.Length).TrimStart(':')) is not { } rest) return null;
        var end = rest.IndexOf(". ", StringComparison.Ordinal);
        return Filled((end >= 0 ? rest.AsSpan(0, end) : rest).TrimEnd('.'));
    }

    /// <summary>The first number on the line of the last <c>####</c>.</summary>
    public static string? AfterHashes(string text)
    {
        var position = text.LastIndexOf("####", StringComparison.Ordinal);
        if (position < 0) return null;
        var line = text.AsSpan(position + 4);
        var end = line.IndexOf('\n');
        return NumberText.First(end < 0 ? line : line[..end]);
    }

    private static string? FirstLine(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        var end = text.IndexOf('\n');
        return Filled(end < 0 ? text : text[..end]);
    }

    private static string? Filled(ReadOnlySpan<char> answer) => answer.Trim() is { Length: > 0 } filled ? filled.ToString() : null;
}
