using System.Text.Json.Serialization;

namespace Pav;

/// <summary>What became of a step in a search.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Fate>))]
public enum Fate
{
    [JsonStringEnumMemberName("root")] Root,
    [JsonStringEnumMemberName("kept")] Kept,
    [JsonStringEnumMemberName("pruned")] Pruned,
    [JsonStringEnumMemberName("duplicate")] Duplicate,
    [JsonStringEnumMemberName("finished")] Finished,
    [JsonStringEnumMemberName("chosen")] Chosen,
}

/// <summary>A step of a search tree: its place, Q^π, Q^μ, A^μ, effective reward and fate; <c>Rex</c> for finished traces only.</summary>
public sealed record TreeNode(
    [property: JsonPropertyName("id")] int Id,
    [property: JsonPropertyName("parent")] int Parent,
    [property: JsonPropertyName("step")] string Step,
    [property: JsonPropertyName("q")] double Q,
    [property: JsonPropertyName("q_mu")] double QMu,
    [property: JsonPropertyName("a")] double A,
    [property: JsonPropertyName("score")] double Score,
    [property: JsonPropertyName("fate")] Fate Fate,
    [property: JsonPropertyName("rex"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Rex);

/// <summary>One line of <c>trees.jsonl</c> (docs/run-folder.md). A parent's id is smaller than its children's; the root's parent is −1.</summary>
public sealed record SearchTree(
    [property: JsonPropertyName("problem")] string Problem,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("answer")] string Answer,
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("alpha"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Alpha,
    [property: JsonPropertyName("prover"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Prover,
    [property: JsonPropertyName("correct")] int Correct,
    [property: JsonPropertyName("nodes")] IReadOnlyList<TreeNode> Nodes);
