using System.Text.Json;
using Pav.Models.Files;

namespace Pav.Models.Tests.Files;

/// <summary>Labels that go out in one format come back whole, or the export says how many it cannot hold.</summary>
public sealed class LabelRoundTripTests : IDisposable
{
    private static readonly (ExportFormat Out, ImportFormat In)[] Formats =
        [(ExportFormat.Trl, ImportFormat.Trl), (ExportFormat.MathShepherd, ImportFormat.MathShepherd),
            (ExportFormat.Jsonl, ImportFormat.Jsonl), (ExportFormat.Parquet, ImportFormat.Jsonl)];

    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("prm800k", ImportFormat.Prm800k)]
    [InlineData("math-shepherd", ImportFormat.MathShepherd)]
    [InlineData("math-aps", ImportFormat.MathAps)]
    [InlineData("math-aps-tree", ImportFormat.MathAps)]
    public void Public_labels_survive_every_format(string sample, ImportFormat format)
    {
        var (labels, problems) = Import(format, Path.Combine(AppContext.BaseDirectory, "fixtures", "data", $"{sample}.jsonl.gz"));
        foreach (var (to, from) in Formats)
        {
            var done = Export(to, labels, problems);
            var (again, same) = Import(from, folder["out"]);
            Assert.Equal(Counted(labels).Total, Counted(again).Total + done.Lost);
            if (to is ExportFormat.Jsonl or ExportFormat.Parquet || sample is "prm800k" or "math-shepherd") Assert.Equal((0, 0, 0),
                (done.Lost, done.Left, done.Cut));
            if (done.Lost == 0) Assert.Equal(Counted(labels), Counted(again));
            Assert.Equal(problems.OrderBy(p => p.Id), same.OrderBy(p => p.Id));
        }
    }

    [Fact]
    public void Random_labels_survive_every_pair_of_formats()
    {
        for (var seed = 1; seed <= 200; seed++)
        {
            var (labels, problems) = Random(seed);
            foreach (var (first, second) in Formats.SelectMany(f => Formats.Select(s => (f, s))))
            {
                var one = Export(first.Out, labels, problems);
                var (between, betweenProblems) = Import(first.In, folder["out"]);
                Check(labels, between, one);
                var two = Export(second.Out, between, betweenProblems);
                var (again, againProblems) = Import(second.In, folder["out"]);
                Check(between, again, two);
                foreach (var problem in againProblems) Assert.Equal(problem, problems.Single(p => p.Id == problem.Id));
            }
        }
    }

    /// <summary>Each trace that came back is the beginning of the one that went out, label for label; what is missing was
    /// counted.</summary>
    private static void Check(IReadOnlyList<LabelledTrace> given, IReadOnlyList<LabelledTrace> back, Exported done)
    {
        Assert.Equal(given.Count, back.Count + done.Left);
        Assert.Equal(Counted(given).Total - done.Lost, Counted(back).Total);
        var rest = given.GroupBy(t => t.Problem).ToDictionary(g => g.Key, g => new Queue<LabelledTrace>(g));
        foreach (var trace in back)
        {
            var from = rest[trace.Problem].Dequeue();
            while (!Begins(from, trace)) from = rest[trace.Problem].Dequeue();
            Assert.Equal(from.Plan, trace.Plan);
            if (trace.Steps.Count == from.Steps.Count) Assert.Equal((from.Unfinished, from.Rex, from.Answer),
                (trace.Unfinished, trace.Rex, trace.Answer));
            else Assert.True(trace.Unfinished && done.Cut > 0);
        }
    }

    private static bool Begins(LabelledTrace whole, LabelledTrace part) => part.Steps.Count <= whole.Steps.Count
        && part.Steps.Select(s => s.Trim()).SequenceEqual(whole.Steps.Take(part.Steps.Count).Select(s => s.Trim()))
        && part.N.SequenceEqual(whole.N.Take(part.N.Count)) && part.C.SequenceEqual(whole.C.Take(part.C.Count));

    private static (int Total, int Right, int Completions) Counted(IEnumerable<LabelledTrace> labels)
    {
        var all = labels.SelectMany(l => l.N.Zip(l.C)).Where(l => l.First > 0).ToList();
        return (all.Count, all.Sum(l => l.Second), all.Sum(l => l.First));
    }

    private static (List<LabelledTrace> Labels, List<Problem> Problems) Random(int seed)
    {
        var random = new Random(seed);
        string Any(params string[] texts) => texts[random.Next(texts.Length)];
        string Text() =>
            Any("Step 1: add", "## Step 1: Add", "step 2: x", "ручки ки", "a\nb", "+ -", "x 😀 \u2028", "\"q\" \\boxed{3}",
            "The answer is: 3", "");
        Problem[] problems =
            [.. Enumerable.Range(0, 3)
            .Select(i =>
            new Problem(Any("p", "text-") + i, $"{i} {Any("How many?", "Do Step 1: mix. Then?", "ки\nline", "  π ")}{seed}",
            Any("3", "\\frac{1}{2}")))];
        var labels = new List<LabelledTrace>();
        foreach (var problem in problems)
        {
            for (var trace = 0; trace < random.Next(1, 5); trace++)
            {
                string[] steps = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => Text() + "\n")];
                int[] n = [.. steps.Prepend("").Select(_ => random.Next(4) == 0 ? 0 : random.Next(1, 9))];
                var unfinished = random.Next(2) == 0;
                var plan = random.Next(4) == 0 ? new SequentialPlan(4, 16, 0.1, 0.5).ToString() : null;
                labels.Add(new(
                    problem.Id, "π", "random", trace, steps, [.. steps.Select(_ => (int[])[])], unfinished ? 0 : random.Next(2), unfinished
                        ? null : Any("3", "4"), "numeric-2",
                    n, [.. n.Select(k => random.Next(k + 1))], unfinished, plan));
            }
        }

        return (labels, [.. problems]);
    }

    private Exported Export(ExportFormat format, IReadOnlyList<LabelledTrace> labels, IEnumerable<Problem> problems) =>
        new LabelExport(format, 0.5, new PromptTemplate("Q: {problem}\n").Fill, "MATH")
            .Write(folder["out"], labels, problems.ToDictionary(p => p.Id));

    private static (IReadOnlyList<LabelledTrace> Labels, IReadOnlyList<Problem> Problems) Import(ImportFormat format, string path)
    {
        var problems = new ImportedProblems([]);
        List<LabelledTrace> labels = [.. new LabelImport(format, true, 0, "p", StepEnd.Newline).Read(path, problems, new(stop: true))];
        return (labels, [.. problems.All]);
    }

    [Theory]
    [InlineData("\"n\":[1,2],\"c\":[1,3]", "c[1] = 3 of n[1] = 2 completions cannot be right")]
    [InlineData("\"n\":[1,-2],\"c\":[1,0]", "c[1] = 0 of n[1] = -2 completions cannot be right")]
    [InlineData("\"n\":[1,\"2\"],\"c\":[1,0]", "\"n\" must be a whole number, it is the text \"2\"")]
    [InlineData("\"n\":[1,1.5],\"c\":[1,0]", "\"n\" must be a whole number, it is 1.5")]
    [InlineData("\"n\":[1],\"c\":[1]", "1 completions need 2 counts n and c, there are 1 and 1")]
    [InlineData("\"n\":[1,1],\"c\":[1,1],\"rex\":2", "rex must be 0 or 1, it is 2")]
    [InlineData("\"n\":[1,1],\"c\":[1,1],\"plan\":\"x\"", "plan")]
    public void Counts_that_cannot_be_are_never_written(string counts, string complaint)
    {
        File.WriteAllText(folder["in"],
            $"{{\"prompt\":\"x\",\"completions\":[\"a\"],\"labels\":[true]}}\n{{\"prompt\":\"x\",\"completions\":[\"a\"],\"labels\":[true],{counts}}}\n");
        var error = Assert.Throws<UserError>(() => Import(ImportFormat.Trl, folder["in"])).Message;
        Assert.Contains(complaint, error);
        var bad = new BadRows(stop: false);
        Assert.Single(new LabelImport(ImportFormat.Trl, true, 0, "p", StepEnd.Newline).Read(folder["in"], new([]), bad));
        Assert.Equal(1, bad.Count);
    }

    [Fact]
    public void Odd_rows_of_Math_Shepherd_are_read_or_left_out_and_counted()
    {
        string Row(string problemAndSteps) =>
            JsonSerializer.Serialize(new { input = problemAndSteps.Replace("@", "ки"), label = problemAndSteps.Replace('@', '+'),
            task = "GSM8K" });
        File.WriteAllLines(folder["in"],
        [
            Row("3 boxes? Step 1: 3*4=12 pens. @\nStep 2: The answer is: 12 @"),
            Row("4 boxes? step 1: 3*5=15 pens. @\nstep 2: The answer is: 15 @"),
            Row("A box holds 6 pens. @\nHow many? Step 1: 18 pens. @\nStep 2: The answer is: 18 @"),
            Row("5 boxes? 21 pens. @\nThe answer is: 21 @"),
            Row("Add. ## Step 1: Add @\n## Step 2: The answer is: 2 @"),
            Row("Mix as in Step 1: of it? Step 1: x @\nStep 2: The answer is: 2 @"),
        ]);
        var bad = new BadRows(stop: false);
        var problems = new ImportedProblems([]);
        var labels = new LabelImport(ImportFormat.MathShepherd, true, 0, "p", StepEnd.Newline).Read(folder["in"], problems, bad).ToList();
        Assert.Equal(["3 boxes?", "4 boxes?", "A box holds 6 pens. \nHow many?", "Add."], problems.All.Select(p => p.Text));
        Assert.All(labels, l => Assert.Equal((2, "0,1,1", 1), (l.Steps.Count, string.Join(',', l.N), l.Rex)));
        Assert.Equal("## Step 1: Add\n", labels[3].Steps[0]);
        Assert.Equal([$"{folder["in"]}:4", $"{folder["in"]}:6"], bad.First.Select(b => b[..b.IndexOf(": ", StringComparison.Ordinal)]));
    }

    [Fact]
    public void Labels_of_OpenRLHF_stand_in_a_list_as_long_as_the_marks()
    {
        File.WriteAllText(folder["in"], """
            {"input":"2 boxes? Step 1: 8 ки\nStep 2: The answer is: 9 ки","value":["+","-"]}
            {"input":"3 boxes? Step 1: 8 ки\nStep 2: The answer is: 9 ки","value":["+"]}
            """);
        var bad = new BadRows(stop: false);
        var label = Assert.Single(new LabelImport(ImportFormat.MathShepherd, true, 0, "p", StepEnd.Newline)
            .Read(folder["in"], new([]), bad));
        Assert.Equal([0, 1, 0], label.C);
        Assert.EndsWith("in:2: \"input\" has 2 marks, and \"value\" 1 labels", Assert.Single(bad.First));
    }

    [Fact]
    public void Rlhflow_conversations_are_traces()
    {
        File.WriteAllText(folder["in"], """
            {"conversations":[{"role":"user","content":"2 boxes? Step 1: 2*4=8"},{"role":"assistant","content":"+"},{"role":"user","content":"Step 2: The answer is: 9"},{"role":"assistant","content":"-"}]}
            {"conversations":[{"role":"user","content":"2 boxes? Step 1: 2*4=8"},{"role":"assistant","content":"maybe"}]}
            """);
        var bad = new BadRows(stop: false);
        var problems = new ImportedProblems([]);
        var label = Assert.Single(new LabelImport(ImportFormat.Rlhflow, true, 0, "p", StepEnd.Newline).Read(folder["in"], problems, bad));
        Assert.Equal(("2 boxes?", "1,0", "9", 0),
            (problems[label.Problem].Text, string.Join(',', label.C.Skip(1)), label.Answer, label.Rex));
        Assert.Contains("a label must be + or -, it is \"maybe\"", Assert.Single(bad.First));
    }

    [Fact]
    public void A_rating_of_people_stands_though_the_step_holds_an_answer()
    {
        var sample = JsonSerializer.Serialize(new
        {
            question = new { problem = "x?", ground_truth_answer = "2" },
            label = new { steps =
                new[] { new { completions =
                new[] { new { text = "# Answer\n\n3", rating = 1 }, new { text = "# Answer\n\n2", rating = 1 } },
                chosen_completion = 1 } } },
        });
        File.WriteAllText(folder["in"], sample);
        Assert.Equal([(1, 1), (1, 1)], Import(ImportFormat.Prm800k, folder["in"]).Labels.Select(l => (l.N[1], l.C[1])));
    }

    [Fact]
    public void A_wrong_solution_without_a_wrong_step_is_not_taken_for_a_right_one()
    {
        File.WriteAllText(folder["mr"], """{"id":4,"question":"p","model_output_step_format":[["a"]],"model_output_solution_correctness":"wrong","model_output_solution_first_error_step":"N/A"}""");
        Assert.Contains("mr:1: \"model_output_solution_correctness\" is wrong", Assert.Throws<UserError>(() => StepSets.Read(folder["mr"]))
            .Message);
    }
}
