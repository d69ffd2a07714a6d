using System.Globalization;
using System.Text.RegularExpressions;

namespace Pav;

/// <summary>
/// The outcome reward Rex(y, y*) ∈ {0, 1}: how an answer is pulled out of a trace and compared with the reference. Name and version are
/// recorded in every label, since a changed rule makes other labels.
/// </summary>
/// <param name="Extract">The answer written in a text in a form that equal answers share; null if there is none.</param>
/// <param name="Normalise">Brings a reference answer into that form.</param>
public sealed partial record Grader(string Name, int Version, Func<string, string?> Extract, Func<string, string> Normalise)
{
    /// <summary>
    /// The last line of the form <c>Answer: 42</c> or <c>#### 42</c>; surrounding space and thousands separators dropped, numbers compared
    /// as numbers, anything else as text.
    /// </summary>
    public static Grader Numeric { get; } = new("numeric", 1, LastAnswerLine, Number);

    /// <summary>All graders, by name.</summary>
    public static IReadOnlyDictionary<string, Grader> All { get; } = new[] { Numeric }.ToDictionary(g => g.Name);

    /// <summary>The grader of that name.</summary>
    public static Grader Named(string name) =>
        All.TryGetValue(name, out var grader) ? grader : throw new UserError($"grader '{name}' is not known; choose one of: {string.Join(", ", All.Keys)}");

    /// <summary>Name and version, as labels record them.</summary>
    public string Id => $"{Name}-{Version}";

    /// <summary>1 if the trace's answer equals the problem's reference, else 0.</summary>
    public int Rex(string trace, Problem problem) => Extract(trace) is { } answer && answer == Normalise(problem.Answer) ? 1 : 0;

    /// <inheritdoc cref="Rex(string, Problem)"/>
    public int Rex(Prefix trace) => Rex(trace.Text, trace.Problem);

    private static string? LastAnswerLine(string text)
    {
        var match = AnswerLine().Match(text);
        return match.Success ? Number(match.Groups[1].Value) : null;
    }

    private static string Number(string text)
    {
        text = text.Trim();
        return decimal.TryParse(text.Replace(",", ""), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            ? number.ToString("0.############################", CultureInfo.InvariantCulture)
            : text;
    }

    [GeneratedRegex(@"^[ \t]*(?:Answer:|####)[ \t]*(\S.*?)\s*$", RegexOptions.Multiline | RegexOptions.RightToLeft)]
    private static partial Regex AnswerLine();
}
