using System.Globalization;

namespace Pav.Cli.Terminal;

/// <summary>One search as a person reads it: the steps that were chosen, each with its progress A^μ, and beside them the worst that was
/// dropped.</summary>
internal static class TraceExample
{
    /// <summary>Progress smaller than this is shown as none.</summary>
    public const double Noticeable = 0.02;

    private const string Green = "\x1b[32m", Red = "\x1b[31m", Grey = "\x1b[90m", Plain = "\x1b[0m";

    /// <summary>The tree that shows most: a right answer, by progress if there is one, where the worst step that was avoided was
    /// worst.</summary>
    public static SearchTree? Choose(IReadOnlyList<SearchTree> trees) => trees
        .Where(t => t.Correct == 1)
        .OrderByDescending(t => t.Prover is not null)
        .ThenBy(t => Chosen(t).Min(n => Dropped(t, n)?.A ?? 0))
        .FirstOrDefault();

    public static IEnumerable<string> Lines(SearchTree tree, bool colours)
    {
        yield return $"{Printable.From(tree.Text)}\n(right answer: {Printable.From(tree.Answer)}; found by "
            + $"{tree.Method}{(tree.Prover is null ? "" : " " + Printable.From(tree.Prover))}, beam of {tree.N})";
        yield return "  progress  Q^pi  step";
        foreach (var node in Chosen(tree))
        {
            yield return Line(node, "", colours);
            if (Dropped(tree, node) is { } dropped && dropped.A < node.A - Noticeable)
                yield return Line(dropped, "   (dropped instead)", colours);
        }
    }

    private static IReadOnlyList<TreeNode> Chosen(SearchTree tree)
    {
        var byId = tree.Nodes.ToDictionary(n => n.Id);
        var path = new List<TreeNode>();
        for (var chosen = tree.Nodes.FirstOrDefault(n => n.Fate == Fate.Chosen); chosen is { Parent: >= 0 }; chosen = byId[chosen.Parent])
            path.Add(chosen);
        path.Reverse();
        return path;
    }

    /// <summary>The worst step that was sampled from the same state and not kept.</summary>
    private static TreeNode? Dropped(SearchTree tree, TreeNode node) =>
        tree.Nodes.Where(n => n.Parent == node.Parent && n.Fate == Fate.Pruned).MinBy(n => n.A);

    private static string Line(TreeNode node, string note, bool colours)
    {
        var text = string.Create(CultureInfo.InvariantCulture,
            $"    {node.A,6:+0.00;-0.00;0.00}  {node.Q:0.00}  {(node.Step == "" ? "(stops)" : Printable.From(node.Step.TrimEnd()))}{note}");
        if (!colours) return text;
        return (node.A > Noticeable ? Green : node.A < -Noticeable ? Red : Grey) + text + Plain;
    }
}
