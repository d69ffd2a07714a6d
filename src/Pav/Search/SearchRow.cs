using System.Text.Json.Serialization;

namespace Pav;

/// <summary>One line of <c>search.jsonl</c>: a problem, a method, a size, and what came of it at what cost (docs/run-folder.md).</summary>
public sealed record SearchRow(
    [property: JsonPropertyName("problem")] string Problem,
    [property: JsonPropertyName("level")] int Level,
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("alpha"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Alpha,
    [property: JsonPropertyName("prover"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Prover,
    [property: JsonPropertyName("seed")] ulong Seed,
    [property: JsonPropertyName("correct")] int Correct,
    [property: JsonPropertyName("pass")] int Pass,
    [property: JsonPropertyName("candidates")] int Candidates,
    [property: JsonPropertyName("distinct")] int Distinct,
    [property: JsonPropertyName("answer")] string? Answer,
    [property: JsonPropertyName("generated_tokens")] long GeneratedTokens,
    [property: JsonPropertyName("scored_tokens")] long ScoredTokens,
    [property: JsonPropertyName("seconds")] double Seconds,
    [property: JsonPropertyName("q"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Q = null);
