using System.Text.Json.Serialization;

namespace Pav;

/// <summary>A step that was drawn at a state, and the counts after it; n = 1 and c = Rex where it ends its trace.</summary>
/// <param name="Drawn">How many of the state's draws gave this step.</param>
public sealed record LabelledStep(
    [property: JsonPropertyName("step")] string Step,
    [property: JsonPropertyName("tokens")] IReadOnlyList<int> Tokens,
    [property: JsonPropertyName("ended")] bool Ended,
    [property: JsonPropertyName("drawn")] int Drawn,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("c")] int C)
{
    [JsonIgnore]
    public QEstimate Q => new(N, C);
}

/// <summary>One line of <c>states.jsonl</c>: a state that seed traces pass through, several steps drawn there, and counts of completions
/// after each (docs/run-folder.md).</summary>
/// <param name="Policy">Whose completions were counted.</param>
/// <param name="StepsBy">The policy that wrote the state and drew its steps: π.</param>
/// <param name="Steps">The state: the steps before it.</param>
/// <param name="Drawn">How many seed traces pass through it.</param>
/// <param name="N">Completions from the state itself.</param>
/// <param name="Next">The distinct steps drawn at it.</param>
/// <param name="StepEnd">Where its steps end (<see cref="Pav.StepEnd.Parse"/>); null: at newlines.</param>
public sealed record LabelledState(
    [property: JsonPropertyName("problem")] string Problem,
    [property: JsonPropertyName("policy")] string Policy,
    [property: JsonPropertyName("steps_by")] string StepsBy,
    [property: JsonPropertyName("steps")] IReadOnlyList<string> Steps,
    [property: JsonPropertyName("tokens")] IReadOnlyList<IReadOnlyList<int>> Tokens,
    [property: JsonPropertyName("drawn")] int Drawn,
    [property: JsonPropertyName("grader")] string Grader,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("c")] int C,
    [property: JsonPropertyName("next")] IReadOnlyList<LabelledStep> Next,
    [property: JsonPropertyName("step_end"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? StepEnd = null)
{
    [JsonIgnore]
    public QEstimate V => new(N, C);

    /// <summary>Problem and text: what tells states apart.</summary>
    [JsonIgnore]
    public (string Problem, string Text) Key => (Problem, string.Concat(Steps));

    /// <summary>The state as a prefix of its problem.</summary>
    public Prefix ToPrefix(Problem problem)
    {
        var prefix = Prefix.Root(problem);
        for (var h = 0; h < Steps.Count; h++) prefix = prefix.Then(Steps[h], Tokens[h]);
        return prefix;
    }

    /// <summary>
    /// What labelled traces say of states: those that two or more traces of a problem pass through, with the steps that the traces take
    /// there. States that one trace alone visits say nothing of the differences between steps, and are left out.
    /// </summary>
    public static IReadOnlyList<LabelledState> FromTraces(IEnumerable<LabelledTrace> traces) =>
        [.. from problem in traces.GroupBy(t => t.Problem)
            from state in problem.SelectMany(t => Enumerable.Range(0, t.Steps.Count)
                .Select(h => (Trace: t, H: h, Text: string.Concat(t.Steps.Take(h))))).GroupBy(x => (x.H, x.Text))
            where state.Count() > 1 && state.All(x => x.Trace.N[x.H] > 0 && x.Trace.N[x.H + 1] > 0)
            select From(state.Count(), state.Key.H, [.. state.Select(x => x.Trace)])];

    private static LabelledState From(int drawn, int h, IReadOnlyList<LabelledTrace> traces)
    {
        var first = traces[0];
        var next = traces.GroupBy(t => (Step: t.Steps[h], Ended: !t.Unfinished && h == t.Steps.Count - 1))
            .Select(g => new LabelledStep(g.Key.Step, g.First().Tokens[h], g.Key.Ended, g.Count(), g.First().N[h + 1], g.First().C[h + 1]));
        return new(first.Problem, first.Policy, first.Policy, [.. first.Steps.Take(h)], [.. first.Tokens.Take(h)], drawn, first.Grader,
            first.N[h], first.C[h], [.. next], first.StepEnd);
    }
}
