using System.Text.Json.Serialization;

namespace Pav;

/// <summary>One line of <c>search.jsonl</c>: a problem, a method, a size, and what came of it at what cost (docs/run-folder.md).</summary>
public sealed record SearchRow
{
    [JsonPropertyName("problem")]
    public required string Problem { get; init; }

    [JsonPropertyName("level")]
    public required int Level { get; init; }

    [JsonPropertyName("method")]
    public required string Method { get; init; }

    [JsonPropertyName("n")]
    public required int N { get; init; }

    [JsonPropertyName("alpha"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Alpha { get; init; }

    [JsonPropertyName("prover"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Prover { get; init; }

    [JsonPropertyName("seed")]
    public required ulong Seed { get; init; }

    [JsonPropertyName("correct")]
    public required int Correct { get; init; }

    [JsonPropertyName("pass")]
    public required int Pass { get; init; }

    [JsonPropertyName("candidates")]
    public required int Candidates { get; init; }

    [JsonPropertyName("distinct")]
    public required int Distinct { get; init; }

    [JsonPropertyName("answer")]
    public string? Answer { get; init; }

    [JsonPropertyName("generated_tokens")]
    public required long GeneratedTokens { get; init; }

    [JsonPropertyName("scored_tokens")]
    public required long ScoredTokens { get; init; }

    [JsonPropertyName("seconds")]
    public required double Seconds { get; init; }

    [JsonPropertyName("q"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Q { get; init; }
}
