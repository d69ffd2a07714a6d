using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Pav.Models.Files;

/// <summary>Public step labels that can be read (docs/formats.md).</summary>
public enum ImportFormat
{
    /// <summary>OpenAI PRM800K: ratings −1, 0, 1 of people, with the alternatives to each step.</summary>
    Prm800k,

    /// <summary>Math-Shepherd: + or − after each step.</summary>
    MathShepherd,

    /// <summary>MATH-APS: Monte Carlo values of solution prefixes, or of a tree's nodes.</summary>
    MathAps,

    /// <summary>TRL stepwise supervision: prompt, completions, labels.</summary>
    Trl,
}

/// <summary>
/// Reads other people's step labels as <see cref="LabelledTrace"/>s. A hard label is one completion, right or wrong; a value is the counts of its rollouts, or, where their number is not
/// known, of the fewest that give it. A step that stands in several traces is labelled in the first of them only.
/// </summary>
/// <param name="NeutralIsRight">PRM800K: does a neutral rating count as right? OpenAI's scoring says yes, TRL's converter no.</param>
/// <param name="Rollouts">Completions behind each value; 0: unknown.</param>
/// <param name="Policy">Who wrote the traces, as the labels are to say.</param>
/// <param name="StepEnd">What each step is to end with.</param>
public sealed record LabelImport(ImportFormat Format, bool NeutralIsRight, int Rollouts, string Policy, StepEnd StepEnd)
{
    private const int MostRollouts = 1000;

    private sealed record Step(string Text, QEstimate Label);

    /// <summary>A trace before its problem has an id. Reference: null where the file has none.</summary>
    private sealed record Trace(string Problem, string? Reference, QEstimate Start, IReadOnlyList<Step> Steps, string? Answer, int Rex, bool Unfinished);

    /// <summary>All labels of a file, and the problems they are of; those among <paramref name="known"/> with the same text keep their ids.</summary>
    public (IReadOnlyList<LabelledTrace> Labels, IReadOnlyList<Problem> Problems) Read(string path, IEnumerable<Problem> known)
    {
        var problems = new Dictionary<string, Problem>();
        var ids = known.GroupBy(p => p.Text.Trim()).ToDictionary(g => g.Key, g => g.First());
        var counts = new Dictionary<string, int>();
        var labels = new List<LabelledTrace>();
        foreach (var row in InputRow.Read(path))
        {
            foreach (var trace in Traces(row))
            {
                if (!problems.TryGetValue(trace.Problem, out var problem))
                    problems[trace.Problem] = problem = ids.GetValueOrDefault(trace.Problem) ?? new(IdOf(trace.Problem), trace.Problem, trace.Reference ?? "");
                else if (problem.Answer == "" && trace.Reference is { } found) problems[trace.Problem] = problem with { Answer = found };
                var index = counts[problem.Id] = counts.GetValueOrDefault(problem.Id, -1) + 1;
                QEstimate[] estimates = [trace.Start, .. trace.Steps.Select(s => s.Label)];
                labels.Add(new(
                    problem.Id, Policy, Name, index, [.. trace.Steps.Select(s => s.Text)], [.. trace.Steps.Select(_ => (int[])[])], trace.Rex, trace.Answer, $"{Name}-labels",
                    [.. estimates.Select(q => q.N)], [.. estimates.Select(q => q.C)], trace.Unfinished, StepEnd: StepEnd.Recorded));
            }
        }

        return labels.Count > 0 ? (labels, [.. problems.Values]) : throw new UserError($"{path}: holds no labelled trace");
    }

    private string Name => Format switch { ImportFormat.Prm800k => "prm800k", ImportFormat.MathShepherd => "math-shepherd", ImportFormat.MathAps => "math-aps", _ => "trl" };

    private static string IdOf(string text) => $"text-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..16]}";

    private IEnumerable<Trace> Traces(InputRow row) => Format switch
    {
        ImportFormat.Prm800k => Prm800k(row),
        ImportFormat.MathShepherd => [MathShepherd(row)],
        ImportFormat.MathAps => MathAps(row),
        _ => [Trl(row)],
    };

    /// <summary>The path of chosen steps, and for each step that was not chosen the path up to it.</summary>
    private IEnumerable<Trace> Prm800k(InputRow row)
    {
        var question = row.Inside("question");
        var problem = question.Text("problem").Trim();
        var reference = question.FirstOf("ground_truth_answer") is { } name ? question.Text(name) : null;
        var path = new List<Step>();
        foreach (var element in row.Inside("label").List("steps"))
        {
            var step = row.With(element);
            var completions = step.Has("completions") ? step.List("completions") : [];
            var chosen = step.Has("chosen_completion") ? step.Whole("chosen_completion") : -1;
            if (chosen >= completions.Count) throw row.Wrong($"\"chosen_completion\" is {chosen}, but there are {completions.Count} completions");
            for (var i = 0; i < completions.Count; i++)
            {
                if (i == chosen || Rated(row.With(completions[i])) is not { Label.N: > 0 } other) continue;
                yield return Ended(problem, reference, [.. path.Select(s => s with { Label = default }), other]) with { Unfinished = true, Rex = 0, Answer = null };
            }

            if (chosen >= 0) path.Add(Rated(row.With(completions[chosen])));
            else if (step.Has("human_completion")) path.Add(new(Line(step.Inside("human_completion").Text("text")), new(1, 1)));
            else break;
        }

        if (path.Any(s => s.Label.N > 0)) yield return Ended(problem, reference, path);
    }

    private Step Rated(InputRow completion) => new(Line(completion.Text("text")), !completion.Has("rating") ? default : completion.Whole("rating") switch
    {
        1 => new(1, 1),
        0 => new(1, NeutralIsRight ? 1 : 0),
        -1 => new(1, 0),
        var other => throw completion.Wrong($"\"rating\" must be -1, 0 or 1, it is {other}"),
    });

    private Trace MathShepherd(InputRow row)
    {
        const string mark = "ки";
        var (input, label) = (row.Text("input"), row.Text("label"));
        var pieces = input.Split(mark);
        var first = pieces[0].LastIndexOf("Step 1:", StringComparison.Ordinal);
        if (pieces.Length < 2 || first < 0) throw row.Wrong($"\"input\" must be a problem and its steps, \"Step 1: …\", with {mark} after each");
        var steps = new List<Step>();
        var at = 0;
        for (var h = 0; h < pieces.Length - 1; h++)
        {
            at += pieces[h].Length;
            if (at >= label.Length || label[at] is not ('+' or '-')) throw row.Wrong($"\"label\" must have + or - where \"input\" has its mark {h + 1}");
            steps.Add(new(Line(h == 0 ? pieces[h][first..] : pieces[h]), new(1, label[at] == '+' ? 1 : 0)));
            at++;
        }

        const string lead = "The answer is:";
        var last = steps[^1];
        var answer = last.Text.LastIndexOf(lead, StringComparison.Ordinal) is var found and >= 0 ? last.Text[(found + lead.Length)..].Trim() : null;
        var right = last.Label.C == 1;
        return new(pieces[0][..first].Trim(), right ? answer : null, default, steps, answer, right && answer is not null ? 1 : 0, answer is null);
    }

    private IEnumerable<Trace> MathAps(InputRow row)
    {
        var problem = row.Text("question").Trim();
        var reference = row.Text("final_answer");
        var steps = row.Inside("reasoning_steps");
        return steps.Json.ValueKind == JsonValueKind.Array ? Prefixes(row, problem, reference) : Tree(steps, problem, reference);
    }

    /// <summary>The prefixes stand in no order: each that no other continues is a trace, whose steps end where the prefixes do that it continues.</summary>
    private IEnumerable<Trace> Prefixes(InputRow row, string problem, string reference)
    {
        var prefixes = row.List("reasoning_steps").Select(row.With).Select(p => (Text: p.Text("solution_prefix"), Value: Value(p))).DistinctBy(p => p.Text).OrderBy(p => p.Text, StringComparer.Ordinal).ToList();
        var path = new List<(string Text, QEstimate Value)>();
        for (var i = 0; i < prefixes.Count; i++)
        {
            while (path.Count > 0 && !prefixes[i].Text.StartsWith(path[^1].Text, StringComparison.Ordinal)) path.RemoveAt(path.Count - 1);
            path.Add(prefixes[i]);
            if (i + 1 < prefixes.Count && prefixes[i + 1].Text.StartsWith(path[^1].Text, StringComparison.Ordinal)) continue;
            var begun = path[0].Text.Trim() == problem;
            if (!begun && !path[0].Text.TrimStart().StartsWith(problem, StringComparison.Ordinal)) throw row.Wrong("each \"solution_prefix\" must begin with the question");
            var steps = path.Select((p, h) => new Step(Line(h > 0 ? p.Text[path[h - 1].Text.Length..] : p.Text.TrimStart()[problem.Length..]), p.Value)).Skip(begun ? 1 : 0).Where(s => s.Text != Line("")).ToList();
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

    private Trace Trl(InputRow row)
    {
        var (completions, labels) = (row.Texts("completions"), row.List("labels"));
        if (completions.Count == 0) throw row.Wrong("\"completions\" is empty");
        if (labels.Count != completions.Count) throw row.Wrong($"{completions.Count} completions need as many labels, there are {labels.Count}");
        var own = row.Has("n") && row.Has("c") && row.List("n").Count == completions.Count + 1 && row.List("c").Count == completions.Count + 1;
        QEstimate Count(int h) => own ? new(row.List("n")[h].GetInt32(), row.List("c")[h].GetInt32()) : h == 0 ? default : Counts(row, row.Share("labels", labels[h - 1]));
        Step[] steps = [.. completions.Select((text, h) => new Step(Line(text), Count(h + 1)))];
        var finished = row.Has("rex") && !(row.Has("unfinished") && row.Json.GetProperty("unfinished").ValueKind == JsonValueKind.True);
        return new(row.Text("prompt").Trim(), row.FirstOf("reference") is { } name ? row.Text(name) : null, Count(0), steps, row.Has("answer") ? row.Text("answer") : null, finished ? row.Whole("rex") : 0, !finished);
    }

    /// <summary>With an outcome where an answer is found in it: by the grader `math`, with the count that the end of a trace has.</summary>
    private static Trace Ended(string problem, string? reference, IReadOnlyList<Step> steps)
    {
        var text = string.Concat(steps.Select(s => s.Text));
        if (reference is null || Grader.Math.Extract(text) is not { } answer) return new(problem, reference, default, steps, null, 0, true);
        var rex = Grader.Math.Rex(text, new("", problem, reference));
        return new(problem, reference, default, [.. steps.SkipLast(1), steps[^1] with { Label = new(1, rex) }], answer, rex, false);
    }

    private QEstimate Value(InputRow node) => node.Has("mc_value") ? Counts(node, node.Share("mc_value", node.Json.GetProperty("mc_value"))) : default;

    private QEstimate Counts(InputRow row, double share)
    {
        if (Rollouts > 0)
        {
            var right = (int)Math.Round(share * Rollouts);
            return Math.Abs((double)right / Rollouts - share) < 1e-3 ? new(Rollouts, right) : throw row.Wrong($"{share} is no share of {Rollouts} completions; give another --rollouts, or none");
        }

        var n = Enumerable.Range(1, MostRollouts).FirstOrDefault(n => Math.Abs(Math.Round(share * n) / n - share) < 1e-4, MostRollouts);
        return new(n, (int)Math.Round(share * n));
    }

    /// <summary>A step as pav has it: with its end, and no space before it.</summary>
    private string Line(string text) => StepEnd.Close(text);
}
