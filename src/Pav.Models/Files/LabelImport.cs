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

    /// <summary>RLHFlow: a conversation of steps, each answered by + or −.</summary>
    Rlhflow,

    /// <summary>What pav itself exports with every field.</summary>
    Jsonl,
}

/// <summary>
/// Reads other people's step labels as <see cref="LabelledTrace"/>s. A hard label is one completion, right or wrong; a value is the counts
/// of its rollouts, or, where their number is not
/// known, of the fewest that give it. A step that stands in several traces is labelled in the first of them only.
/// </summary>
/// <param name="NeutralIsRight">PRM800K: does a neutral rating count as right? OpenAI's scoring says yes, TRL's converter no.</param>
/// <param name="Rollouts">Completions behind each value; 0: unknown.</param>
/// <param name="Policy">Who wrote the traces, as the labels are to say.</param>
/// <param name="StepEnd">What each step is to end with.</param>
public sealed partial record LabelImport(ImportFormat Format, bool NeutralIsRight, int Rollouts, string Policy, StepEnd StepEnd)
{
    private const int MostRollouts = 1000;

    private sealed record Step(string Text, QEstimate Label);

    /// <summary>A trace before its problem is known. Reference: null where the file has none. Id and Plan: as an export of pav has
    /// them.</summary>
    private sealed record Trace(
        string Problem, string? Reference, QEstimate Start, IReadOnlyList<Step> Steps, string? Answer, int Rex, bool Unfinished,
            string? Id = null, string? Plan = null);

    /// <summary>The labels of a file, one after another, and nothing of it kept but the problems.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problems">Takes up the problems that the labels are of.</param>
    /// <param name="bad">What becomes of a row that cannot be used.</param>
    public IEnumerable<LabelledTrace> Read(string path, ImportedProblems problems, BadRows bad)
    {
        StepEnd.Close("");
        var any = false;
        foreach (var row in InputRow.Read(path, bad))
        {
            if (bad.Try(() => Traces(row).Select(t => (Trace: t, Label: Checked(row, t))).ToList()) is not { } traces) continue;
            foreach (var (trace, label) in traces)
            {
                var (id, index) = problems.Place(trace.Problem, trace.Reference, trace.Id);
                any = true;
                yield return label with { Problem = id, Trace = index };
            }
        }

        if (!any) throw new UserError(bad.Count > 0 ? $"{path}: none of its {bad.Count} rows can be used; the first: {bad.First[0]}"
            : $"{path}: holds no labelled trace");
    }

    private string Name => Format switch
    {
        ImportFormat.Prm800k => "prm800k",
        ImportFormat.MathShepherd => "math-shepherd",
        ImportFormat.MathAps => "math-aps",
        ImportFormat.Rlhflow => "rlhflow",
        ImportFormat.Jsonl => "jsonl",
        _ => "trl",
    };

    /// <summary>Nothing is written that <see cref="Labels"/> would refuse to read.</summary>
    private LabelledTrace Checked(InputRow row, Trace trace)
    {
        if (trace.Problem.Length == 0) throw row.Wrong("the problem is empty");
        QEstimate[] estimates = [trace.Start, .. trace.Steps.Select(s => s.Label)];
        var label = new LabelledTrace(
            "", Policy, Name, 0, [.. trace.Steps.Select(s => s.Text)], [.. trace.Steps.Select(_ => (int[])[])], trace.Rex, trace.Answer,
                $"{Name}-labels",
            [.. estimates.Select(q => q.N)], [.. estimates.Select(q => q.C)], trace.Unfinished, trace.Plan, StepEnd.Recorded);
        return Labels.Wrong(label) is { } complaint ? throw row.Wrong(complaint) : label;
    }

    private IEnumerable<Trace> Traces(InputRow row) => Exported(row) is { } whole ? [whole] : Format switch
    {
        ImportFormat.Prm800k => Prm800k(row),
        ImportFormat.MathShepherd => [MathShepherd(row)],
        ImportFormat.MathAps => MathAps(row),
        ImportFormat.Rlhflow => [Rlhflow(row)],
        ImportFormat.Jsonl => throw row.Wrong("no lists \"n\" and \"c\", which 'pav labels export' writes"),
        _ => [Trl(row)],
    };

    /// <summary>A row that pav exported holds everything beside (<see cref="LabelExport"/>), and comes back as it was; null for a row of
    /// others.</summary>
    private Trace? Exported(InputRow row)
    {
        if (Format is not (ImportFormat.Trl or ImportFormat.MathShepherd or ImportFormat.Jsonl) || !row.IsList("n") || !row.IsList("c")
            || !row.IsList("completions")) return null;
        var (steps, n, c) = (row.Texts("completions"), row.Wholes("n"), row.Wholes("c"));
        if (n.Length != steps.Count + 1 || c.Length != n.Length)
            throw row.Wrong($"{steps.Count} completions need {steps.Count + 1} counts n and c, there are {n.Length} and {c.Length}");
        var finished = row.Has("rex") && !row.IsTrue("unfinished");
        return new(
            row.FirstOf("question") is { } question ? row.Text(question)
                : row.Text("prompt").Trim(), Optional(row, "reference"), new(n[0], c[0]),
            [.. steps.Select((text, h) => new Step(Line(text), new(n[h + 1], c[h + 1])))], Optional(row, "answer"), finished
                ? row.Whole("rex") : 0, !finished,
            row.Has("question") ? Optional(row, "problem") : null, Plan(row));
    }

    private static string? Optional(InputRow row, string name) => row.Has(name) ? row.Text(name) : null;

    private static string? Plan(InputRow row)
    {
        if (Optional(row, "plan") is not { } plan) return null;
        SequentialPlan.Parse(plan);
        return plan;
    }

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
            if (chosen >= completions.Count)
                throw row.Wrong($"\"chosen_completion\" is {chosen}, but there are {completions.Count} completions");
            for (var i = 0; i < completions.Count; i++)
            {
                if (i == chosen || Rated(row.With(completions[i])) is not { Label.N: > 0 } other) continue;
                yield return new(problem, reference, default, [.. path.Select(s => s with { Label = default }), other], null, 0, true);
            }

            if (chosen >= 0) path.Add(Rated(row.With(completions[chosen])));
            else if (step.Has("human_completion")) path.Add(new(Line(step.Inside("human_completion").Text("text")), new(1, 1)));
            else break;
        }

        if (path.Any(s => s.Label.N > 0)) yield return Ended(problem, reference, path);
    }

    private Step Rated(InputRow completion) =>
        new(Line(completion.Text("text")), !completion.Has("rating") ? default : completion.Whole("rating") switch
    {
        1 => new(1, 1),
        0 => new(1, NeutralIsRight ? 1 : 0),
        -1 => new(1, 0),
        var other => throw completion.Wrong($"\"rating\" must be -1, 0 or 1, it is {other}"),
    });

    private Trace Trl(InputRow row)
    {
        var (completions, labels) = (row.Texts("completions"), row.List("labels"));
        if (completions.Count == 0) throw row.Wrong("\"completions\" is empty");
        if (labels.Count != completions.Count)
            throw row.Wrong($"{completions.Count} completions need as many labels, there are {labels.Count}");
        Step[] steps = [.. completions.Select((text, h) => new Step(Line(text), Counts(row, row.Share("labels", labels[h]))))];
        return new(row.Text("prompt").Trim(), Optional(row, "reference"), default, steps, null, 0, true);
    }

    /// <summary>With an outcome where an answer is found in it: by the grader `math`, with the count that the end of a trace has.</summary>
    private static Trace Ended(string problem, string? reference, IReadOnlyList<Step> steps)
    {
        var text = string.Concat(steps.Select(s => s.Text));
        if (reference is null || Grader.Math.Extract(text) is not { } answer) return new(problem, reference, default, steps, null, 0, true);
        var rex = Grader.Math.Rex(text, new("", problem, reference));
        return new(problem, reference, default, [.. steps.SkipLast(1), steps[^1] with { Label = new(1, rex) }], answer, rex, false);
    }

    private QEstimate Counts(InputRow row, double share)
    {
        if (Rollouts > 0)
        {
            var right = (int)Math.Round(share * Rollouts);
            return Math.Abs((double)right / Rollouts - share) < 1e-3
                ? new(Rollouts, right)
                : throw row.Wrong($"{share} is no share of {Rollouts} completions; give another --rollouts, or none");
        }

        var n = Enumerable.Range(1, MostRollouts).FirstOrDefault(n => Math.Abs(Math.Round(share * n) / n - share) < 1e-4, MostRollouts);
        return new(n, (int)Math.Round(share * n));
    }

    /// <summary>A step as pav has it: with its end, and no space before it.</summary>
    private string Line(string text) => StepEnd.Close(text);
}

/// <summary>The problems that imported labels are of. One among <paramref name="known"/> with the same text keeps its id.</summary>
public sealed class ImportedProblems(IEnumerable<Problem> known)
{
    private readonly Dictionary<string, Problem> knownTexts = known.GroupBy(p => p.Text.Trim()).ToDictionary(g => g.Key, g => g.First());
    private readonly Dictionary<string, string> textOfId = known.GroupBy(p => p.Id).ToDictionary(g => g.Key, g => g.First().Text.Trim());
    private readonly Dictionary<string, Problem> byId = [];
    private readonly Dictionary<string, int> traces = [];

    public IReadOnlyCollection<Problem> All => byId.Values;

    public Problem this[string id] => byId[id];

    /// <summary>The id of the problem with that text, and the number of its next trace.</summary>
    internal (string Id, int Trace) Place(string text, string? reference, string? given)
    {
        var key = text.Trim();
        var id = given is not null && textOfId.GetValueOrDefault(given, key) == key ? given
            : knownTexts.TryGetValue(key, out var same) ? same.Id
            : $"text-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..16]}";
        textOfId.TryAdd(id, key);
        if (!byId.TryGetValue(id, out var problem)) byId[id] = knownTexts.TryGetValue(key, out var found) && found.Id == id ? found
            : new(id, text, reference ?? "");
        else if (problem.Answer == "" && reference is not null) byId[id] = problem with { Answer = reference };
        return (id, traces[id] = traces.GetValueOrDefault(id, -1) + 1);
    }
}
