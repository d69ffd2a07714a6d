namespace Pav;

/// <summary>
/// How well a step end fits a model's traces: steps without text teach nothing and cost completions, and the end of a step inside a formula
/// is no state to judge.
/// </summary>
/// <param name="End">Where steps end.</param>
/// <param name="Traces">Traces looked at.</param>
/// <param name="Steps">All their steps.</param>
/// <param name="Empty">Steps of white space alone.</param>
/// <param name="Split">Steps that end inside <c>\begin … \end</c>, <c>\[ … \]</c> or <c>$$ … $$</c>.</param>
internal sealed record StepFit(StepEnd End, int Traces, int Steps, int Empty, int Split)
{
    public double EmptyShare => Steps == 0 ? 0 : (double)Empty / Steps;

    public double SplitShare => Steps == 0 ? 0 : (double)Split / Steps;

    /// <summary>Whole traces cut anew, without the white space at their end.</summary>
    public static StepFit From(StepEnd end, IReadOnlyCollection<string> traces)
    {
        var (steps, empty, split) = (0, 0, 0);
        foreach (var trace in traces)
        {
            var parts = end.Split(trace.TrimEnd());
            var upTo = 0;
            for (var i = 0; i < parts.Count; i++)
            {
                steps++;
                upTo += parts[i].Length;
                if (string.IsNullOrWhiteSpace(parts[i])) empty++;
                else if (i < parts.Count - 1 && InFormula(trace.AsSpan(0, upTo))) split++;
            }
        }

        return new(end, traces.Count, steps, empty, split);
    }

    public override string ToString() =>
        FormattableString.Invariant($"{100 * EmptyShare:0}% of the steps are empty and {100 * SplitShare:0}% end inside a LaTeX block");

    /// <summary>Whether a text breaks off inside a displayed formula or an environment.</summary>
    private static bool InFormula(ReadOnlySpan<char> text)
    {
        var (environments, brackets, dollars) = (0, 0, 0);
        for (var i = 0; i + 1 < text.Length; i++)
        {
            if (text[i] == '$' && text[i + 1] == '$') (dollars, i) = (dollars + 1, i + 1);
            else if (text[i] == '\\')
            {
                if (text[i..].StartsWith(@"\begin{")) environments++;
                else if (text[i..].StartsWith(@"\end{")) environments = Math.Max(0, environments - 1);
                else if (text[i + 1] == '[') brackets = 1;
                else if (text[i + 1] == ']') brackets = 0;
                i++;
            }
        }

        return environments > 0 || brackets > 0 || dollars % 2 == 1;
    }
}

/// <summary>Looks at a run's first traces and says when another step end would fit them better.</summary>
internal sealed class StepAdvice(StepEnd end)
{
    public const int Wanted = 50;

    private const int Fewest = 5;
    private const double TooMany = 0.1;

    private readonly List<string> traces = [];
    private bool given;

    /// <summary>Takes a trace; true once there are enough.</summary>
    public bool Add(string trace)
    {
        if (traces.Count < Wanted) traces.Add(trace);
        return traces.Count == Wanted;
    }

    /// <summary>What a user should know, once; null where the step end fits or too few traces were seen.</summary>
    public string? Tell()
    {
        if (given || traces.Count < Fewest) return null;
        given = true;
        var now = StepFit.From(end, traces);
        if (now.EmptyShare < TooMany && now.SplitShare < TooMany) return null;
        var other = new[] { StepEnd.Newline, StepEnd.BlankLine }.Where(e => e.Name != end.Name).Select(e => StepFit.From(e, traces))
            .Where(f => f.Steps >= 2 * f.Traces && Faults(f) < Faults(now) / 2).MinBy(Faults);
        return $"with steps that end at {end}, {now} (of the first {now.Traces} traces). "
            + (other is null
                ? "A pattern for --step-end may fit this model's output better"
                : $"With --step-end {other.End} {other}: it fits this model's output better")
            + "; a verifier and the labels it learns from need the same step end";

        static double Faults(StepFit fit) => fit.EmptyShare + fit.SplitShare;
    }
}
