using System.Text.Json;
using Pav.Cli.Commands.Rl;
using Pav.Models.Files;
using Pav.Report.Folders;

namespace Pav.Cli.Tests.Report;

public sealed class ReportTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2025, 1, 15, 12, 0, 0, TimeSpan.Zero);
    private static readonly string Fixture = Path.Combine(AppContext.BaseDirectory, "fixtures", "report-run");
    private const string Template = """<html><script type="application/json" id="data">null</script><script>draw()</script></html>""";
    private readonly string folder = Directory.CreateTempSubdirectory("pav-report-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void One_demo_folder_gives_the_runs_of_its_steps_in_the_order_they_ran()
    {
        var data = RunFolders.Read([Fixture], Now, RlWays.Read);
        Assert.Equal(["demo", "label", "train outcome", "train verifier", "search"], data.Runs.Select(r => r.Command));
        Assert.Equal(["report-run", "labels", "outcome", "verifier", "search"], data.Runs.Select(r => r.Path));
        Assert.Equal("pav demo: report-run", data.Title);
        Assert.Equal(["outcome", "verifier"], data.Curves.Select(c => c.Path));
        Assert.Equal(10, data.Curves[0].Evaluations.Count);
        Assert.Equal(4, data.Trees!.Trees.Count);
    }

    [Fact]
    public void The_summary_of_the_whole_stands_for_those_of_its_parts()
    {
        var result = Assert.Single(RunFolders.Read([Fixture], Now, RlWays.Read).Results);
        Assert.Equal("report-run", result.Path);
        Assert.Equal(("equal-tokens", 0.093), (result.Comparisons[0].Claim, result.Comparisons[0].Difference));
        Assert.Equal(["outcome", "verifier"], RunFolders.Read([Fixture], Now, RlWays.Read).Verifiers.Select(v => v.Name));
    }

    [Fact]
    public void A_folder_that_links_lead_to_again_is_read_once()
    {
        Directory.CreateDirectory(Path.Combine(folder, "runs", "a"));
        File.Copy(Path.Combine(Fixture, "labels", "run.json"), Path.Combine(folder, "runs", "a", "run.json"));
        Directory.CreateSymbolicLink(Path.Combine(folder, "runs", "a", "up"), Path.Combine(folder, "runs"));
        Directory.CreateSymbolicLink(Path.Combine(folder, "runs", "again"), Path.Combine(folder, "runs", "a"));
        Assert.Single(RunFolders.Read([Path.Combine(folder, "runs")], Now, RlWays.Read).Runs);
    }

    [Fact]
    public void Several_folders_make_one_report()
    {
        var data = RunFolders.Read([Path.Combine(Fixture, "labels"), Path.Combine(Fixture, "search")], Now, RlWays.Read);
        Assert.Equal(["label", "search"], data.Runs.Select(r => r.Command));
        Assert.Single(data.Labels);
        Assert.Single(data.Results);
    }

    [Fact]
    public void What_a_search_writes_the_report_reads()
    {
        SearchRow Row(string problem, string method, int n, int correct, double? alpha = null, string? prover = null) =>
            new()
            {
                Problem = problem, Level = 1, Method = method, N = n, Alpha = alpha, Prover = prover, Seed = 1, Correct = correct, Pass = 1,
                Candidates = n, Distinct = n, Answer = "7", GeneratedTokens = 50 * n, ScoredTokens = 40 * n, Seconds = 0.1,
            };
        List<SearchRow> rows = [.. from p in Enumerable.Range(0, 8)
                                   from n in new[] { 2, 4, 8 }
                                   from row in new[] { Row($"p{p}", "best-of-n-orm", n, p % 4 == 0 ? 1 : 0),
                                       Row($"p{p}", "beam-pav", n, p % 2, 0.5, "bo4") }
                                   select row];
        var verifier = new VerifierMeasures("v", "q", 0.9, 0.88, 0.92, 0.95, 0.1, 0.02, 0.7, 0.6, [new(0.1, 0.2, 30)]);
        var summary = Summary.From(rows, [verifier], new { candidates = 3 }, 12, 900);
        var tree = new SearchTree("p1", "How many?", "7", "beam-q", 2, null, null, 1,
            [new(0, -1, "", 0.4, 0.87, 0, 0.4, Fate.Root, null), new(1, 0, "7\n", 0.9, 1, 0.13, 0.9, Fate.Chosen, 1)]);
        var label = new LabelledTrace("p1", "tiny", "random", 0, ["7\n"], [[3]], 1, "7", "integer", [4, 1], [2, 1]);
        AtomicFile.WriteJson(Path.Combine(folder, "summary.json"), summary);
        using (var trees = JsonLines.Append(Path.Combine(folder, "trees.jsonl"))) trees.Write(tree);
        using (var labels = JsonLines.Append(Path.Combine(folder, "labels.jsonl"))) labels.Write(label);

        var data = RunFolders.Read([folder], Now, RlWays.Read);
        var result = data.Results[0];
        Assert.Equal(summary.Methods.Select(m => (m.Method, m.N, m.Prover, m.Accuracy, m.GeneratedTokens)),
            result.Methods.Select(m => (m.Method, m.N, m.Prover, m.Accuracy, m.GeneratedTokens)));
        Assert.Equal(summary.Comparisons.Select(c => (c.Claim, c.A, c.B, c.Low)),
            result.Comparisons.Select(c => (c.Claim, c.A, c.B, c.Low)));
        Assert.Contains(result.Comparisons, c => c.Claim == "equal-tokens" && c.A == "beam-pav bo4 alpha=0.5 n=4"
            && c.B == "best-of-n-orm");
        Assert.Equal((0.9, 30), (data.Verifiers[0].AucWithin!.Value, data.Verifiers[0].Reliability[0].Count));
        Assert.Equal([(Fate.Root, null), (Fate.Chosen, 1)], data.Trees!.Trees[0].Nodes.Select(n => (n.Fate, n.Rex)));
        Assert.Equal((1, 1L, 4L), (data.Labels[0].CorrectTraces, data.Labels[0].Prefixes, data.Labels[0].Completions));
    }

    [Theory]
    [InlineData("9007199254740992", "9007199254740992")]
    [InlineData("9007199254740993", "\"9007199254740993\"")]
    [InlineData("18446744073709551615", "\"18446744073709551615\"")]
    public void A_seed_that_a_page_would_round_goes_as_text(string seed, string embedded)
    {
        Write("run.json", $$"""{"command":"search","seed":{{seed}},"options":{"temperature":0.7,"seeds":[{{seed}}],"seed":{{seed}} } }""");
        Write("summary.json", $$"""{"methods":[],"comparisons":[],"verifiers":[],"base":{},"settings":{"seed":{{seed}} } }""");
        var data = Embedded(ReportWriter.Fill(Template, RunFolders.Read([folder], Now, RlWays.Read)));
        var run = data.GetProperty("runs")[0];
        Assert.Equal(embedded, run.GetProperty("seed").GetRawText());
        Assert.Equal(embedded, run.GetProperty("options").GetProperty("seed").GetRawText());
        Assert.Equal(embedded, run.GetProperty("options").GetProperty("seeds")[0].GetRawText());
        Assert.Equal("0.7", run.GetProperty("options").GetProperty("temperature").GetRawText());
        Assert.Equal(embedded, data.GetProperty("results")[0].GetProperty("settings").GetProperty("seed").GetRawText());
    }

    [Fact]
    public void A_search_that_was_not_summed_up_is()
    {
        Write("search.jsonl", string.Concat(Enumerable.Range(0, 4).Select(p => $$"""{"problem":"p{{p}}","level":1,"method":"greedy","n":1,"alpha":null,"prover":null,"seed":1,"correct":{{p % 2}},"pass":1,"candidates":1,"distinct":1,"answer":"7","generated_tokens":60,"scored_tokens":0,"seconds":0.1}""" + "\n")));
        var method = Assert.Single(Assert.Single(RunFolders.Read([folder], Now, RlWays.Read).Results).Methods);
        Assert.Equal(("greedy", 0.5, 4, 60.0), (method.Method, method.Accuracy, method.Problems, method.GeneratedTokens));
    }

    [Fact]
    public void Seeds_above_2_to_53_stay_exact()
    {
        var empty = Directory.CreateTempSubdirectory().FullName;
        File.WriteAllText(Path.Combine(empty, "run.json"), """{"command":"label","options":{"seed":18446744073709551615,"n_mc":8},"seed":18446744073709551615,"started":"2026-01-02T03:04:05Z"}""");
        var run = Embedded(ReportWriter.Fill(Template, RunFolders.Read([empty], Now, RlWays.Read))).GetProperty("runs")[0];
        Assert.Equal("18446744073709551615", run.GetProperty("seed").GetString());
        Assert.Equal("18446744073709551615", run.GetProperty("options").GetProperty("seed").GetString());
        Assert.Equal(8, run.GetProperty("options").GetProperty("n_mc").GetInt32());
        Directory.Delete(empty, recursive: true);
    }

    [Fact]
    public void The_page_holds_valid_json_with_the_numbers_of_the_run()
    {
        var data = Embedded(ReportWriter.Fill(Template, RunFolders.Read([Fixture], Now, RlWays.Read)));
        var method = data.GetProperty("results")[0].GetProperty("methods")[0];
        Assert.Equal("sample", method.GetProperty("method").GetString());
        Assert.Equal(0.243, method.GetProperty("accuracy").GetDouble());
        Assert.Equal(0.942, data.GetProperty("results")[0].GetProperty("base").GetProperty("pass_64").GetDouble());
        Assert.Equal(9, data.GetProperty("runs")[1].GetProperty("options").EnumerateObject().Count());
    }

    [Theory]
    [InlineData("</script><script>alert(1)</script>")]
    [InlineData("<!--<script>")]
    [InlineData("]]></SCRIPT ><img src=x onerror=alert(1)>\u2028")]
    public void Hostile_text_stays_inside_its_json(string step)
    {
        Write("trees.jsonl",
            JsonSerializer.Serialize(new { problem = "p", text = step, answer = "1", method = "beam-q", n = 1, correct = 0,
            nodes = new[] { new { id = 0, parent = -1, fate = "root", step } } }) + "\n");
        var page = ReportWriter.Fill(Template, RunFolders.Read([folder], Now, RlWays.Read));
        Assert.Equal(2, page.Split("<script").Length - 1);
        Assert.Equal(2, page.Split("</script").Length - 1);
        Assert.DoesNotContain("<!--", page);
        Assert.DoesNotContain("<img", page);
        Assert.Equal(step, Embedded(page).GetProperty("trees").GetProperty("trees")[0].GetProperty("nodes")[0].GetProperty("step")
            .GetString());
    }

    [Fact]
    public void Labels_are_counted_from_counts_and_the_end_of_a_trace_is_no_estimate()
    {
        // Q̂ 1/4, 2/4, 4/4 with an ended right trace; then Q̂ 1/4, 0/4 with a prefix that was not rolled out.
        Write("labels.jsonl",
            """{"problem":"a","rex":1,"n":[4,4,4,1],"c":[1,2,4,1]}""" + "\n" +
            """{"problem":"a","rex":0,"n":[4,4,0,1],"c":[1,0,0,0]}""" + "\n");
        var labels = Assert.Single(RunFolders.Read([folder], Now, RlWays.Read).Labels);
        Assert.Equal((1, 2, 1, 5L, 20L), (labels.Problems, labels.Traces, labels.CorrectTraces, labels.Prefixes, labels.Completions));
        Assert.Equal([1, 0, 2, 0, 0, 1, 0, 0, 0, 1], labels.Histogram.Select(b => (int)b.Count));
        Assert.Equal([0.25, 0.25, 1.0], labels.ByStep.Select(s => s.Mean));
    }

    [Fact]
    public void Long_logs_are_averaged_over_buckets()
    {
        Write("log.jsonl", string.Concat(Enumerable.Range(1, 601).Select(s => $$"""{"step":{{s}},"loss":{{s % 2}}}""" + "\n")));
        var curve = Assert.Single(RunFolders.Read([folder], Now, RlWays.Read).Curves);
        Assert.Equal(201, curve.Points.Count);
        Assert.Equal((3.0, 2 / 3.0), (curve.Points[0]["step"], curve.Points[0]["loss"]));
    }

    [Fact]
    public void More_trees_than_a_page_holds_are_spread_over_the_file_and_counted()
    {
        Write("trees.jsonl", string.Concat(Enumerable.Range(0, 200).Select(p => $$"""{"problem":"p{{p:000}}","text":"How many?","answer":"1","method":"beam-q","n":1,"correct":0,"nodes":[{"id":0,"parent":-1,"step":"","fate":"root"}]}""" + "\n")));
        var trees = RunFolders.Read([folder], Now, RlWays.Read).Trees!;
        Assert.Equal((200, 60), (trees.Total, trees.Trees.Count));
        Assert.Equal(("p000", "p196"), (trees.Trees[0].Problem, trees.Trees[^1].Problem));
    }

    [Fact]
    public void A_folder_with_its_run_alone_is_a_report()
    {
        Write("run.json", """{"command":"label","seed":3}""");
        var data = RunFolders.Read([folder], Now, RlWays.Read);
        Assert.Equal(("label", 3UL), (data.Runs[0].Command, data.Runs[0].Seed!.Value));
        Assert.Null(data.Trees);
        Assert.Empty(data.Results);
    }

    [Fact]
    public void A_torn_last_line_is_ignored_and_a_broken_one_is_named()
    {
        Write("labels.jsonl", """{"problem":"a","n":[2],"c":[1]}""" + "\n" + """{"problem":"b","n":[2""");
        Assert.Equal(1, RunFolders.Read([folder], Now, RlWays.Read).Labels[0].Traces);
        Write("labels.jsonl", """{"problem":"a","n":[2],"c":[1]}""" + "\n" + """{"problem":"b","n":[2""" + "\n");
        Assert.Contains("labels.jsonl:2", Assert.Throws<UserError>(() => RunFolders.Read([folder], Now, RlWays.Read)).Message);
        Write("labels.jsonl", """{"problem":"a","n":[2],"c":[3]}""" + "\n");
        Assert.Contains("labels.jsonl:1", Assert.Throws<UserError>(() => RunFolders.Read([folder], Now, RlWays.Read)).Message);
    }

    [Fact]
    public void A_measure_that_is_not_a_number_is_absent()
    {
        Write("summary.json", """{"methods":[],"comparisons":[],"base":{},"verifiers":[{"name":"v","kind":"q","auc_within":"NaN","auc_pooled":0.5,"reliability":[]}]}""");
        var verifier = Embedded(ReportWriter.Fill(Template, RunFolders.Read([folder], Now, RlWays.Read))).GetProperty("verifiers")[0];
        Assert.Equal(JsonValueKind.Null, verifier.GetProperty("auc_within").ValueKind);
        Assert.Equal(0.5, verifier.GetProperty("auc_pooled").GetDouble());
    }

    [Fact]
    public void Folders_that_hold_no_run_are_refused_and_nothing_is_written()
    {
        Assert.Contains("no run.json", Assert.Throws<UserError>(() => ReportWriter.Write([folder], Now, RlWays.Read)).Message);
        Assert.Contains("no such folder",
            Assert.Throws<UserError>(() => ReportWriter.Write([Path.Combine(folder, "none")], Now, RlWays.Read)).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(folder, name), text);

    private static JsonElement Embedded(string page)
    {
        const string opening = "id=\"data\">";
        var start = page.IndexOf(opening, StringComparison.Ordinal) + opening.Length;
        return JsonDocument.Parse(page[start..page.IndexOf("</script>", start, StringComparison.Ordinal)]).RootElement;
    }
}
