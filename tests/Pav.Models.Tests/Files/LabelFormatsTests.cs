using System.Text.Json.Nodes;
using Pav.Models.Files;

namespace Pav.Models.Tests.Files;

public class LabelFormatsTests
{
    private static readonly LabelImport Shepherd = new(ImportFormat.MathShepherd, true, 0, "p", StepEnd.Newline);
    private static readonly LabelImport Trl = new(ImportFormat.Trl, true, 0, "p", StepEnd.Newline);

    private static (IReadOnlyList<LabelledTrace> Labels, IReadOnlyList<Problem> Problems) Import(LabelImport import, string path,
        IReadOnlyList<Problem> known, BadRows? bad = null)
    {
        var problems = new ImportedProblems(known);
        return ([.. import.Read(path, problems, bad ?? new(stop: true))], [.. problems.All]);
    }

    [Fact]
    public void Math_Shepherd_has_an_outcome_at_the_last_step()
    {
        var (labels, problems) = Import(Shepherd, Sample("math-shepherd"), []);
        Assert.Equal((7, 7), (labels.Count, problems.Count));
        var first = labels[0];
        Assert.Equal([0, 1, 1, 1, 1, 1], first.N);
        Assert.Equal([0, 1, 1, 1, 1, 0], first.C);
        Assert.Equal(("13520", 0, false), (first.Answer, first.Rex, first.Unfinished));
        Assert.StartsWith("Step 1: Janet spends 3 hours", first.Steps[0]);
        Assert.EndsWith("lessons in a year?", problems[0].Text);
        Assert.All(labels.SelectMany(l => l.Steps), step => Assert.EndsWith("\n", step));
        Assert.All(labels.Where(l => l.Rex == 1), l => Assert.Equal(l.Answer, problems.Single(p => p.Id == l.Problem).Answer));
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public void Prm800k_gives_the_chosen_path_and_each_alternative_once(bool neutralIsRight, int neutral)
    {
        var (labels, problems) = Import(new LabelImport(ImportFormat.Prm800k, neutralIsRight, 0, "p", StepEnd.Newline), Sample("prm800k"),
            []);
        var kept = labels.Where(l => l.Problem == problems[0].Id).ToList();

        // Steps with 1, 5 (none chosen, a person's instead), 1, 1, 1 and 5 completions, of which the last is chosen: 5 + 4 alternatives and
        // the path.
        Assert.Equal(10, kept.Count);
        Assert.All(kept.SkipLast(1), l => Assert.True(l.Unfinished && l.N.SkipLast(1).All(n => n == 0) && l.N[^1] == 1));
        Assert.Equal([0, 0, 0, 0, 0, neutral, 1, 1, 1], kept.SkipLast(1).Select(l => l.C[^1]));
        Assert.Equal([0, 1, 1, 1, 1, 1, 1], kept[^1].N);
        Assert.Equal("We have $3p+e=1.24$ and $5p+e=1.82$.\n", kept[^1].Steps[1]);

        var solved = labels.Single(l => l.Answer == "9");
        Assert.Equal((1, false), (solved.Rex, solved.Unfinished));
    }

    [Fact]
    public void Math_aps_prefixes_are_put_together_to_traces()
    {
        var (labels, problems) = Import(new LabelImport(ImportFormat.MathAps, true, 32, "p", StepEnd.Newline), Sample("math-aps"), []);
        Assert.Equal(7, labels.Count);
        Assert.Equal(10, labels.Sum(l => l.N.Count(n => n > 0)));                      // each of the distinct prefixes once
        Assert.Equal((32, 6), (labels[0].N[0], labels[0].C[0]));                       // 0.1875 of the problem itself
        Assert.All(labels, l => Assert.DoesNotContain(problems[0].Text, l.Steps[0]));
        Assert.All(labels.Where(l => !l.Unfinished), l => Assert.Equal((1, l.Rex), (l.N[^1], l.C[^1])));
        Assert.Contains(labels, l => l.Rex == 1);
    }

    [Fact]
    public void Math_aps_trees_give_a_trace_for_each_leaf_and_a_label_for_each_node()
    {
        var (labels, problems) = Import(new LabelImport(ImportFormat.MathAps, true, 0, "p", StepEnd.Newline), Sample("math-aps-tree"), []);
        Assert.Equal((20, 1), (labels.Count, problems.Count));
        Assert.Equal(24, labels.Sum(l => l.N.Count(n => n > 0)));
        Assert.Equal((4, 1), (labels[0].N[0], labels[0].C[0]));                        // 0.25, of unknown rollouts
        Assert.Equal(2, labels.Count(l => l.Steps.Count == 2 && l.N[1] == 16 && l.C[1] == 3));  // 0.1875, in the first of its leaves
        Assert.Contains("give another --rollouts",
            Assert.Throws<UserError>(() =>
            Import(new LabelImport(ImportFormat.MathAps, true, 7, "p", StepEnd.Newline), Sample("math-aps-tree"), [])).Message);
    }

    [Theory]
    [InlineData(ExportFormat.Trl)]
    [InlineData(ExportFormat.MathShepherd)]
    public void What_is_exported_is_imported_again(ExportFormat format)
    {
        using var folder = new TempFolder();
        var problem = new Problem("p", "How many?", "2");
        LabelledTrace[] traces =
        [
            new("p", "π", "random", 0, ["Step 1: one\n", "Step 2: two. The answer is: 2\n"], [[], []], 1, "2", "gsm8k-1", [4, 4, 1],
                [2, 3, 1]),
            new("p", "π", "random", 1, ["Step 1: one\n", "Step 2: three. The answer is: 3"], [[], []], 0, "3", "gsm8k-1", [4, 4, 1],
                [2, 1, 0]),
        ];
        var done = new LabelExport(format, 0.5, new PromptTemplate("{problem}\n").Fill, "GSM8K")
            .Write(folder["out"], traces, new Dictionary<string,
            Problem> { ["p"] = problem });
        Assert.Equal(new Exported(2, 0, 0, 0), done);

        var (labels, problems) = Import(format == ExportFormat.Trl ? Trl : Shepherd, folder["out"], [problem]);
        Assert.Equal([problem with { Answer = problems[0].Answer }], problems);
        foreach (var (label, trace) in labels.Zip(traces))
        {
            Assert.Equal(trace.Steps.Select(s => s.Trim()), label.Steps.Select(s => s.Trim()));
            Assert.Equal((trace.Problem, trace.Rex, trace.Answer, false), (label.Problem, label.Rex, label.Answer, label.Unfinished));
            Assert.Equal(trace.N, label.N);
            Assert.Equal(trace.C, label.C);
        }
    }

    [Fact]
    public void Trl_gets_hard_labels_up_to_the_first_step_without_one_and_values_beside()
    {
        using var folder = new TempFolder();
        var trace = new LabelledTrace("p", "π", "first_pit", 0, ["a\n", "b\n", "c\n", "d\n"], [[], [], [], []], 0, null, "numeric-3",
            [8, 8, 8, 0, 1], [5, 4, 3, 0, 0]);
        new LabelExport(ExportFormat.Trl, 0.5, new PromptTemplate("Q: {problem}\n").Fill, "")
            .Write(folder["out"], [trace], new Dictionary<string, Problem> { ["p"] = new("p", "x", "1") });
        var row = JsonNode.Parse(File.ReadAllText(folder["out"]))!;
        Assert.Equal("""{"prompt":"Q: x\n","completions":["a","b"],"labels":[true,false],"q":[0.5,0.375]}""",
            new JsonObject(new[] { "prompt", "completions", "labels", "q" }.Select(k => KeyValuePair.Create(k, row[k]?.DeepClone())))
                .ToJsonString());
        Assert.True((bool)row["unfinished"]!);

        var strict = new LabelExport(ExportFormat.Jsonl, 0.5, new PromptTemplate("{problem}").Fill, "");
        strict.Write(folder["jsonl"], [trace], new Dictionary<string, Problem> { ["p"] = new("p", "x", "1") });
        Assert.Contains("\"q\":[0.625,0.5,0.375,null,0.0]", File.ReadAllText(folder["jsonl"]));
        Assert.Contains("\"answer\":null", File.ReadAllText(folder["jsonl"]));
    }

    [Theory]
    [InlineData("{\"prompt\":\"x\",\"completions\":[\"a\"]}", "no \"labels\"")]
    [InlineData("{\"prompt\":\"x\",\"completions\":[\"a\"],\"labels\":[true,false]}", "1 completions need as many labels, there are 2")]
    [InlineData("{\"prompt\":\"x\",\"completions\":[\"a\"],\"labels\":[2]}",
        "\"labels\" must be true, false or a number from 0 to 1, it is 2")]
    [InlineData("{\"prompt\":[],\"completions\":[\"a\"],\"labels\":[1]}", "\"prompt\" must be a text or a number, it is a list")]
    [InlineData("{\"prompt\":", "the JSON ends in the middle")]
    public void A_broken_line_is_told_by_file_and_line(string line, string complaint)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["in"], "{\"prompt\":\"x\",\"completions\":[\"a\"],\"labels\":[0.25]}\n" + line + "\n");
        Assert.StartsWith($"{folder["in"]}:2: {complaint}", Assert.Throws<UserError>(() => Import(Trl, folder["in"], [])).Message);
    }

    [Fact]
    public void Sets_of_marked_traces_are_told_by_their_fields()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["pb"], """{"id":"gsm8k-0","generator":"g","problem":"p","steps":["a","b"],"final_answer_correct":false,"label":1}""" + "\n");
        File.WriteAllText(folder["mr"], """{"id":3,"question":"p","model_output_step_format":[["a"],["b","c"]],"model_output_solution_first_error_step":"2"}""" + "\n" + """{"id":4,"question":"p","model_output_step_format":[["a"]],"model_output_solution_first_error_step":"N/A"}""");
        var one = Assert.Single(StepSets.Read(folder["pb"]));
        Assert.Equal(("gsm8k-0", 1, "a\nb\n"), (one.Id, one.First, one.ToPrefix(StepEnd.Newline).Text));
        Assert.Equal([1, -1], StepSets.Read(folder["mr"]).Select(t => t.First));
        Assert.Equal("b\nc", StepSets.Read(folder["mr"])[0].Steps[1]);
        Assert.Equal([-1, 3, -1, 10, -1, 8, -1, 8, -1, 4, -1, 6], StepSets.Read(Sample("prmbench")).Select(t => t.First));

        File.WriteAllText(folder["bad"], """{"id":"x","problem":"p","steps":["a"],"label":1}""");
        Assert.Contains("bad:1: the first wrong step is number 1 of 1",
            Assert.Throws<UserError>(() => StepSets.Read(folder["bad"])).Message);
    }

    [Fact]
    public void Problems_of_GSM8K_and_MATH_are_read_as_they_come()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["p"], """
            {"question": "clips", "answer": "48/2 = <<48/2=24>>24\n#### 1,072"}
            {"problem": "box", "level": "Level ?", "type": "Algebra", "solution": "so $\\boxed{\\frac{1}{2}}$."}
            {"problem": "both", "level": "Level 5", "answer": "p - q", "solution": "\\boxed{other}", "unique_id": "test/1.json"}
            """);
        Assert.Equal([new("p:1", "clips", "1,072"), new("p:2", "box", "\\frac{1}{2}"), new("test/1.json", "both", "p - q", 5)],
            Problems.Read(folder["p"]));

        File.WriteAllText(folder["own"], """{"stem": "s", "key": 3, "number": 9, "grade": 2}""");
        Assert.Equal([new("9", "s", "3", 2)], Problems.Read(folder["own"], new("stem", "key", "number", "grade")));
        Assert.Contains("no \"kye\"", Assert.Throws<UserError>(() => Problems.Read(folder["own"], new("stem", "kye"))).Message);
        Assert.Equal("", Assert.Single(Problems.Read(folder["own"], new("stem"), answers: false)).Answer);
    }

    private static string Sample(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", "data", $"{name}.jsonl.gz");
}
