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

/// <summary>
/// A step of a search tree: its place, Q^π, Q^μ, A^μ, effective reward (null where a search gave it no score) and fate; <c>Rex</c> for
/// finished traces only; visits and the mean of what was found below where the search counts them; the number of its tree where there are
/// several; the step's token ids (none where it is known only as text), by which it can be taken up again as it was drawn; whether it
/// stands for a draw that got no usable answer; whether the step was rejected half written.
/// </summary>
public sealed record TreeNode(
    [property: JsonPropertyName("id")] int Id,
    [property: JsonPropertyName("parent")] int Parent,
    [property: JsonPropertyName("step")] string Step,
    [property: JsonPropertyName("q")] double? Q,
    [property: JsonPropertyName("q_mu")] double? QMu,
    [property: JsonPropertyName("a")] double? A,
    [property: JsonPropertyName("score")] double? Score,
    [property: JsonPropertyName("fate")] Fate Fate,
    [property: JsonPropertyName("rex"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Rex,
    [property: JsonPropertyName("visits"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Visits = null,
    [property: JsonPropertyName("value"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Value = null,
    [property: JsonPropertyName("tree"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Tree = null,
    [property: JsonPropertyName("tokens"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<int>? Tokens = null,
    [property: JsonPropertyName("lost"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Lost = false,
    [property: JsonPropertyName("half"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Half = false);

/// <summary>
/// One line of <c>trees.jsonl</c> (docs/run-folder.md). A parent's id is smaller than its children's; the root's parent is −1. A forest's
/// trees stand one after the other below one root.
/// </summary>
public sealed record SearchTree(
    [property: JsonPropertyName("problem")] string Problem,
    [property: JsonPropertyName("text")] string Text,
    [property: JsonPropertyName("answer")] string Answer,
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("alpha"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Alpha,
    [property: JsonPropertyName("prover"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Prover,
    [property: JsonPropertyName("correct")] int Correct,
    [property: JsonPropertyName("nodes")] IReadOnlyList<TreeNode> Nodes)
{
    /// <summary>The trees of a search as one, with the chosen trace marked.</summary>
    public static SearchTree Draw(Problem problem, SearchRow row, IReadOnlyList<StepTree> trees, StepNode? chosen, Grader grader)
    {
        var nodes = new List<TreeNode>();
        foreach (var (number, tree) in trees.Index())
        {
            // Node 0 is the problem itself, which all trees share.
            var shift = Math.Max(0, nodes.Count - 1);
            foreach (var node in tree.Nodes.Skip(nodes.Count == 0 ? 0 : 1))
            {
                var parent = node.Parent is null ? -1 : node.Parent.Id == 0 ? 0 : node.Parent.Id + shift;
                var drawn = From(node, node.Id == 0 ? 0 : node.Id + shift, parent, node == chosen ? Fate.Chosen : node.Fate, grader);
                nodes.Add(trees.Count > 1 && node.Id != 0 ? drawn with { Tree = number + 1 } : drawn);
            }
        }

        return new(problem.Id, problem.Text, problem.Answer, row.Method, row.N, row.Alpha, row.Prover, row.Correct, nodes);
    }

    /// <summary>A duplicate shows what its twin scored.</summary>
    private static TreeNode From(StepNode node, int id, int parent, Fate fate, Grader grader)
    {
        var scored = node.Twin ?? node;
        double? Known(double value) => double.IsNaN(scored.Reward) ? null : value;
        return new(
            id, parent, node.Prefix.Step, Known(scored.Q), Known(scored.QMu), Known(scored.A), Known(scored.Reward), fate, node.Ended
                ? grader.Rex(node.Prefix) : null,
            node.Visits == 0 ? null : node.Visits, node.Visits == 0 ? null : node.Total / node.Visits,
            Tokens: node.Prefix.Tokens, Lost: node.Prefix.Lost, Half: node.Prefix.Half);
    }
}
