using Pav.Grading;

namespace Pav;

/// <summary>
/// The outcome reward Rex(y, y*) ∈ {0, 1}: how an answer is pulled out of a trace and compared with the reference. Name and version are
/// recorded in every label, since a changed rule makes other labels.
/// </summary>
/// <param name="Find">The answer as it stands in a text; null if there is none.</param>
/// <param name="Key">A form of an answer that equal ones share as far as a text can tell; votes count it.</param>
/// <param name="Same">Is the answer found (first) the reference (second)?</param>
public sealed record Grader(string Name, int Version, Func<string, string?> Find, Func<string, string> Key, Func<string, string, bool> Same)
{
    /// <summary>The last line of the form <c>Answer: 42</c> or <c>#### 42</c>: numbers compared as numbers, anything else as
    /// text.</summary>
    public static Grader Numeric { get; } = new("numeric", 3, FoundAnswer.LastAnswerLine, NumberOrText, (answer, reference) =>
        NumberOrText(answer) == NumberOrText(reference))
    {
        Looks = "a last line 'Answer: 42' or '#### 42'",
    };

    /// <summary>GSM8K: the number after the last <c>####</c> (openai/grade-school-math).</summary>
    public static Grader Gsm8k { get; } = new("gsm8k", 1, FoundAnswer.AfterHashes, NumberOrText, SameNumber)
    {
        Looks = "a number after '####'",
    };

    /// <summary>GSM8K as lm-eval's flexible extraction reads it: without <c>####</c>, the last number of the text.</summary>
    public static Grader Gsm8kFlexible { get; } = new("gsm8k-flexible", 1, text => FoundAnswer.AfterHashes(text) ?? NumberText.Last(text),
        NumberOrText, SameNumber)
    {
        Looks = "a number",
    };

    /// <summary>MATH as its authors grade it: the last <c>\boxed</c> or <c>\fbox</c>, equal as a text after <see
    /// cref="Hendrycks.Normalise"/>.</summary>
    public static Grader HendrycksMath { get; } = new("hendrycks", 2, FoundAnswer.Boxed, Hendrycks.Normalise, Hendrycks.Same)
    {
        Looks = "\\boxed{…}",
    };

    /// <summary>
    /// MATH as PRM800K grades it: the last box, or what stands under <c># Answer</c>; equal by <see cref="Prm800kAnswer"/>.
    /// </summary>
    public static Grader Prm800k { get; } = new("prm800k", 2, FoundAnswer.BoxedOrUnderHeading, MathAnswer.Key, Prm800kAnswer.Same)
    {
        Looks = "\\boxed{…} or an answer under '# Answer'",
    };

    /// <summary>
    /// MATH in the manner of Qwen2.5-Math: also takes what follows "answer is", else the last number; numbers within 1e-4 of the reference,
    /// of its hundredfold or its hundredth are right (<see cref="MathRules.Tolerant"/>).
    /// </summary>
    public static Grader Qwen { get; } = new(
        "qwen", 2, text => FoundAnswer.BoxedOrUnderHeading(text) ?? FoundAnswer.AnswerIs(text) ?? NumberText.Last(text), MathAnswer.Key,
        (answer, reference) => MathAnswer.Same(answer, reference, MathRules.Tolerant))
    {
        Looks = "\\boxed{…}, 'answer is' or a number",
    };

    /// <summary>
    /// Right rather than faithful to another grader, and safe as a reward: the last boxes side by side, or what is said to be the
    /// answer; equal in meaning (<see cref="MathRules.Right"/>).
    /// </summary>
    public static Grader Math { get; } = new("math", 1, SaidAnswer.Find, MathAnswer.WholeKey, (answer, reference) =>
        MathAnswer.Same(answer, reference, MathRules.Right))
    {
        Looks = "\\boxed{…}, a line 'Answer: …' or 'the answer is …'",
    };

    /// <summary>All graders, by name.</summary>
    public static IReadOnlyDictionary<string, Grader> All { get; } =
        new[] { Numeric, Gsm8k, Gsm8kFlexible, Math, HendrycksMath, Prm800k, Qwen }.ToDictionary(g => g.Name);

    /// <summary>The grader of that name.</summary>
    public static Grader Named(string name) =>
        All.TryGetValue(name, out var grader)
            ? grader : throw new UserError($"grader '{name}' is not known; choose one of: {string.Join(", ", All.Keys)}");

    /// <summary>Where it looks for an answer, in words.</summary>
    public string Looks { get; private init; } = "an answer";

    /// <summary>For messages, with what the number in <see cref="Id"/> is.</summary>
    public string Described => $"grader {Name} (version {Version} of its rules)";

    /// <summary>Name and version of the rules, as labels record them: labels of two versions are of two graders.</summary>
    public string Id => $"{Name}-{Version}";

    /// <summary>The answer written in a text, in the form that equal answers share; null if there is none.</summary>
    public string? Extract(string text) => Find(text) is { } answer ? Key(answer) : null;

    /// <summary>1 if the trace's answer equals the problem's reference, else 0.</summary>
    public int Rex(string trace, Problem problem) => Find(trace) is { } answer && Same(answer, problem.Answer) ? 1 : 0;

    /// <inheritdoc cref="Rex(string, Problem)"/>
    public int Rex(Prefix trace) => trace.Lost ? 0 : Rex(trace.Text, trace.Problem);

    private static string NumberOrText(string text) => NumberText.Whole(text) ?? text.Trim();

    private static bool SameNumber(string answer, string reference) =>
        NumberOrText(answer) == NumberOrText(FoundAnswer.AfterHashes(reference) ?? reference);
}
