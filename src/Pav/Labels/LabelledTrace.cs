using System.Text.Json.Serialization;

namespace Pav;

/// <summary>One line of <c>labels.jsonl</c>: a seed trace of H steps with the counts of its H + 1 prefixes (docs/run-folder.md).</summary>
/// <param name="Unfinished">The trace breaks off before an answer, as imported and visited ones may: it has no outcome, and its <paramref
/// name="Rex"/> of 0 says nothing.</param>
/// <param name="Plan">The sequential rule by which n was found (<see cref="SequentialPlan"/>); null where it was fixed.</param>
/// <param name="StepEnd">Where its steps end (<see cref="Pav.StepEnd.Parse"/>); null: at newlines.</param>
/// <param name="Visited">Where searches came to it; null for a trace that the policy wrote by itself.</param>
public sealed record LabelledTrace(
    [property: JsonPropertyName("problem")] string Problem,
    [property: JsonPropertyName("policy")] string Policy,
    [property: JsonPropertyName("strategy")] string Strategy,
    [property: JsonPropertyName("trace")] int Trace,
    [property: JsonPropertyName("steps")] IReadOnlyList<string> Steps,
    [property: JsonPropertyName("tokens")] IReadOnlyList<IReadOnlyList<int>> Tokens,
    [property: JsonPropertyName("rex")] int Rex,
    [property: JsonPropertyName("answer")] string? Answer,
    [property: JsonPropertyName("grader")] string Grader,
    [property: JsonPropertyName("n")] IReadOnlyList<int> N,
    [property: JsonPropertyName("c")] IReadOnlyList<int> C,
    [property: JsonPropertyName("unfinished"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Unfinished = false,
    [property: JsonPropertyName("plan"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Plan = null,
    [property: JsonPropertyName("step_end"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? StepEnd = null,
    [property: JsonPropertyName("visited"),
        JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<VisitedPlace>? Visited = null)
{
    /// <summary>H + 1 estimates: of the problem itself and after each step.</summary>
    [JsonIgnore]
    public IReadOnlyList<QEstimate> Q =>
        [.. N.Zip(C, (n, c) => new QEstimate(n, c, n > 0 && Plan is not null ? SequentialPlan.Parse(Plan).Estimate(n, c) : null))];

    /// <summary>The trace as a prefix of its problem, ended unless it is unfinished.</summary>
    public Prefix ToPrefix(Problem problem)
    {
        var prefix = Prefix.Root(problem);
        for (var h = 0; h < Steps.Count; h++) prefix = prefix.Then(Steps[h], Tokens[h], ended: !Unfinished && h == Steps.Count - 1);
        return prefix;
    }
}
