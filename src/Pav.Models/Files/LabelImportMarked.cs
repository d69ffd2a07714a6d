using System.Text.Json;
using System.Text.RegularExpressions;

namespace Pav.Models.Files;

/// <summary>Formats whose steps are written into one text: Math-Shepherd, RLHFlow, MATH-APS.</summary>
public sealed partial record LabelImport
{
    private const string Mark = "ки";

    private Trace MathShepherd(InputRow row)
    {
        var pieces = row.Text("input").Split(Mark);
        if (pieces.Length < 2) throw row.Wrong($"\"input\" must be a problem and its steps, \"Step 1: …\", with {Mark} after each");
        return Marked(row, pieces[..^1], !row.Has("label") && row.IsList("value") ? Values(row, pieces.Length - 1) : Signs(row, pieces));
    }

    /// <summary>OpenRLHF's copy has the labels in a list.</summary>
    private static List<bool> Values(InputRow row, int marks)
    {
        var values = row.Texts("value");
        if (values.Count != marks) throw row.Wrong($"\"input\" has {marks} marks, and \"value\" {values.Count} labels");
        return [.. values.Select(v => v is "+" or "-" ? v == "+" : throw row.Wrong("\"value\" must be a list of + and -"))];
    }

    private static List<bool> Signs(InputRow row, string[] pieces)
    {
        var label = row.Text("label");
        var right = new List<bool>();
        var place = 0;
        for (var h = 0; h < pieces.Length - 1; h++)
        {
            place += pieces[h].Length;
            if (place >= label.Length || label[place] is not ('+' or '-'))
                throw row.Wrong($"\"label\" must have + or - where \"input\" has its mark {h + 1}");
            right.Add(label[place++] == '+');
        }

        return right;
    }

    /// <summary>The first message of the user is the problem and the first step, each later one a step; what follows is the
    /// label.</summary>
    private Trace Rlhflow(InputRow row)
    {
        var messages = row.List("conversations").Select(row.With).Select(m => (Role: m.Text("role"), Text: m.Text("content")))
            .Where(m => m.Role != "system").ToList();
        if (messages.Count == 0 || messages.Count % 2 != 0 || messages.Where((m, i) => m.Role != (i % 2 == 0 ? "user" : "assistant")).Any())
            throw row.Wrong("\"conversations\" must be a step of the user and a label of the assistant, in turn");
        var labels = messages.Where(m => m.Role == "assistant").Select(m => m.Text.Trim() switch
        {
            "+" => true,
            "-" => false,
            var other => throw row.Wrong($"a label must be + or -, it is \"{(other.Length <= 20 ? other : other[..20] + "…")}\""),
        });
        return Marked(row, [.. messages.Where(m => m.Role == "user").Select(m => m.Text)], [.. labels]);
    }

    /// <summary>
    /// A problem and its steps, of which the first begins at "Step 1:" (and at a heading's signs before it). A mark before it stands in the
    /// problem, where it labels nothing. The last step's
    /// mark is the outcome, where it names an answer.
    /// </summary>
    private Trace Marked(InputRow row, IReadOnlyList<string> pieces, IReadOnlyList<bool> right)
    {
        var firstPiece = Enumerable.Range(0, pieces.Count).FirstOrDefault(i => FirstStep().IsMatch(pieces[i]), -1);
        if (firstPiece < 0) throw row.Wrong("no \"Step 1:\", so that the problem and its first step cannot be told apart");
        var begins = FirstStep().Matches(pieces[firstPiece]);
        if (begins.Count > 1)
            throw row.Wrong("\"Step 1:\" stands twice before the first step's mark, so that it cannot be told where the problem ends");
        var cut = begins[0].Index;
        var problem = string.Concat(pieces.Take(firstPiece).Append(pieces[firstPiece][..cut])).Trim();
        Step[] steps =
            [.. pieces.Skip(firstPiece)
            .Select((text, h) => new Step(Line(h == 0 ? text[cut..] : text), new(1, right[firstPiece + h] ? 1 : 0)))];

        const string lead = "The answer is:";
        var last = steps[^1];
        var answer = last.Text.LastIndexOf(lead, StringComparison.Ordinal) is var found and >= 0
            ? last.Text[(found + lead.Length)..].Trim() : null;
        var solved = last.Label.C == 1 && answer is not null;
        return new(problem, solved ? answer : null, default, steps, answer, solved ? 1 : 0, answer is null);
    }

    [GeneratedRegex(@"([#*]+\s*)?\bstep 1:", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex FirstStep();

    private IEnumerable<Trace> MathAps(InputRow row)
    {
        var problem = row.Text("question").Trim();
        var reference = row.Text("final_answer");
        var steps = row.Inside("reasoning_steps");
        return steps.Json.ValueKind == JsonValueKind.Array ? Prefixes(row, problem, reference) : Tree(steps, problem, reference);
    }

    /// <summary>The prefixes stand in no order: each that no other continues is a trace, whose steps end where the prefixes do that it
    /// continues.</summary>
    private IEnumerable<Trace> Prefixes(InputRow row, string problem, string reference)
    {
        var prefixes = row.List("reasoning_steps").Select(row.With).Select(p => (Text: p.Text("solution_prefix"), Value: Value(p)))
            .DistinctBy(p => p.Text).OrderBy(p => p.Text, StringComparer.Ordinal).ToList();
        var path = new List<(string Text, QEstimate Value)>();
        for (var i = 0; i < prefixes.Count; i++)
        {
            while (path.Count > 0 && !prefixes[i].Text.StartsWith(path[^1].Text, StringComparison.Ordinal)) path.RemoveAt(path.Count - 1);
            path.Add(prefixes[i]);
            if (i + 1 < prefixes.Count && prefixes[i + 1].Text.StartsWith(path[^1].Text, StringComparison.Ordinal)) continue;
            var begun = path[0].Text.Trim() == problem;
            if (!begun && !path[0].Text.TrimStart().StartsWith(problem, StringComparison.Ordinal))
                throw row.Wrong("each \"solution_prefix\" must begin with the question");
            var steps = path.Select((p, h) =>
                new Step(Line(h > 0 ? p.Text[path[h - 1].Text.Length..] : p.Text.TrimStart()[problem.Length..]), p.Value)).Skip(begun ? 1
                : 0).Where(s => s.Text != Line("")).ToList();
            if (steps.Count == 0) continue;
            yield return Ended(problem, reference, steps) with { Start = begun ? path[0].Value : default };
            for (var h = 0; h < path.Count; h++) path[h] = path[h] with { Value = default };
        }
    }

    /// <summary>Each way from the root to a leaf; a node's value stands in the first.</summary>
    private IEnumerable<Trace> Tree(InputRow root, string problem, string reference)
    {
        var start = Value(root);
        var first = true;
        foreach (var path in Paths(root, []))
        {
            if (path.Count == 0) continue;
            yield return Ended(problem, reference, path) with { Start = first ? start : default };
            first = false;
        }
    }

    private IEnumerable<IReadOnlyList<Step>> Paths(InputRow node, IReadOnlyList<Step> above)
    {
        if (above.Count > 200) throw node.Wrong("the tree is more than 200 nodes deep");
        var children = node.Has("children") ? node.List("children") : [];
        if (children.Count == 0) yield return above;
        var path = above;
        foreach (var child in children.Select(node.With))
        {
            foreach (var way in Paths(child, [.. path, new Step(Line(child.Text("text")), Value(child))]))
            {
                yield return way;
                path = [.. above.Select(s => s with { Label = default })];
            }
        }
    }

    private QEstimate Value(InputRow node) => node.Has("mc_value")
        ? Counts(node, node.Share("mc_value", node.Json.GetProperty("mc_value"))) : default;
}
