using System.Text.Json.Nodes;
using Pav.Cli.Shared;

namespace Pav.Cli.Tests;

public sealed class StepEndTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private Cli.Ended Run(params string[] arguments) => Cli.Run(tiny.Folder, [.. arguments, "--json"]);

    private static void Refused(string why, Cli.Ended ended)
    {
        Assert.Equal(1, ended.Code);
        Assert.Contains(why, ended.Error);
    }

    [Fact]
    public void Labels_and_verifier_keep_the_step_end_and_another_is_refused()
    {
        Run("label", "--policy", "model", "--problems", "train.jsonl", "--limit", "12", "--n-cov", "2", "--n-mc", "1", "--max-tokens",
            "24", "--step-end", @"\d", "--out", "ends").Succeeded();
        var lines = File.ReadLines(tiny.At("ends/labels.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.All(lines, l => Assert.Equal(@"\d", (string?)l["step_end"]));
        Assert.Contains(lines, l => l["steps"]!.AsArray().Count > 2);
        Assert.All(lines.SelectMany(l => l["steps"]!.AsArray().SkipLast(1)), s => Assert.Matches(@"\d[^ ]*$", (string)s!));
        Assert.Equal(@"\d", (string?)JsonNode.Parse(File.ReadAllText(tiny.At("ends/run.json")))!["step_end"]);

        Run("train", "verifier", "--model", "model", "--labels", "ends", "--problems", "train.jsonl", "--held-out", "0.4", "--steps", "2",
            "--batch", "4", "--warmup", "1", "--out", "verifier").Succeeded();
        Assert.Equal(@"\d", (string?)JsonNode.Parse(File.ReadAllText(tiny.At("verifier/verifier.json")))!["step_end"]);

        string[] search = ["search", "--policy", "model", "--verifier", "verifier", "--problems", "test.jsonl", "--methods", "beam-q",
            "--n", "2", "--beam", "2", "--max-tokens", "12"];
        Refused(@"--verifier verifier: it learned from steps that end at '\d', and these end at 'newline'",
            Run([.. search, "--out", "other"]));
        Run([.. search, "--step-end", @"\d", "--out", "same"]).Succeeded();
        Refused("--system is for chat models", Run([.. search, "--step-end", @"\d", "--system", "Be brief.", "--out", "bad"]));
        Refused("model has no chat template", Run([.. search, "--step-end", @"\d", "--chat", "on", "--out", "bad"]));
        Refused("has $, which depends on what follows", Run([.. search, "--step-end", "a$", "--out", "bad"]));
    }

    [Fact]
    public void Traces_end_at_the_texts_given_and_a_run_keeps_to_them()
    {
        string[] label = ["label", "--policy", "model", "--problems", "train.jsonl", "--limit", "12", "--n-cov", "2", "--n-mc", "1",
            "--max-tokens", "24"];
        List<string> Texts(string run) =>
            [.. File.ReadLines(tiny.At($"{run}/labels.jsonl"))
            .Select(l => string.Concat(JsonNode.Parse(l)!["steps"]!.AsArray().Select(s => (string)s!)))];
        JsonNode? Noted(string run) => JsonNode.Parse(File.ReadAllText(tiny.At($"{run}/run.json")))!["trace_stops"];
        Run([.. label, "--trace-stop", "none", "--out", "on"]).Succeeded();
        var stop = Texts("on").SelectMany(t => t).Where(char.IsAsciiLetterOrDigit).GroupBy(c => c).MaxBy(g => g.Count())!.Key.ToString();
        Run([.. label, "--trace-stop", $"{stop},\\n\\nQuestion:", "--out", "stopped"]).Succeeded();
        Assert.Equal(Texts("on").Select(t => t.Split(stop)[0]), Texts("stopped"));
        Assert.Null(Noted("on"));
        Assert.Equal($$"""["{{stop}}","\n\nQuestion:"]""", Noted("stopped")!.ToJsonString());
        Refused("belongs to a run with --trace-stop", Run([.. label, "--trace-stop", "none", "--out", "stopped"]));
        Refused("--trace-stop has 'none' beside other texts", Run([.. label, "--trace-stop", "none,x", "--out", "bad"]));

        Run([.. label, "--out", "plain"]).Succeeded();
        Assert.Equal("""["\n\nQuestion:","\n\nProblem:"]""", Noted("plain")!.ToJsonString());
        Run("evaluate", "--policy", "model", "--problems", "test.jsonl", "--limit", "4", "--samples", "2", "--max-tokens", "12",
            "--trace-stop", stop, "--out", "evaluated").Succeeded();
        Assert.Equal($$"""["{{stop}}"]""", Noted("evaluated")!.ToJsonString());
        Run("rl", "--policy", "model", "--reward", "orm", "--problems", "train.jsonl", "--iterations", "1", "--batch", "2", "--samples",
            "2", "--max-tokens", "12", "--trace-stop", stop, "--out", "rl").Succeeded();
        var policy = JsonNode.Parse(File.ReadAllText(Directory.GetFiles(tiny.At("rl"), "policy.json", SearchOption.AllDirectories)[0]))!;
        Assert.Equal($$"""["{{stop}}"]""", policy["trace_stops"]!.ToJsonString());
    }

    [Theory]
    [InlineData("", "\n\nQuestion:|\n\nProblem:")]
    [InlineData("{problem} Let us think.\\n", "\n\nQuestion:|\n\nProblem:")]
    [InlineData("Question: {problem}\\nAnswer:", "\nQuestion:")]
    [InlineData("Q: 1+1?\\nA: 2\\n\\nQ: {problem}\\nA:", "\nQ:")]
    [InlineData("What is {problem}", "\n\nQuestion:|\n\nProblem:")]
    public void A_model_that_nobody_taught_stops_where_the_templates_next_problem_begins(string template, string stops) =>
        Assert.Equal(stops.Split('|'), Checkpoint.Template(new() { Template = template }, tiny.At("nowhere")).TraceStops.Texts);

    [Fact]
    public void A_taught_policy_stops_as_its_record_says_unless_told_otherwise()
    {
        var folder = Directory.CreateDirectory(tiny.At("taught")).FullName;
        new PolicyRecord("Q: {problem}\n").Save(folder);
        Assert.Empty(Checkpoint.Template(new(), folder).TraceStops.Texts);
        new PolicyRecord("Q: {problem}\n", TraceStops: ["\n\n"]).Save(folder);
        Assert.Equal(["\n\n"], Checkpoint.Template(new(), folder).TraceStops.Texts);
        Assert.Equal(["#"], Checkpoint.Template(new(), folder, new() { TraceStop = ["#"] }).TraceStops.Texts);
        Assert.Empty(Checkpoint.Template(new(), folder, new() { TraceStop = ["none"] }).TraceStops.Texts);
        Assert.Contains("is empty", Assert.Throws<UserError>(() => Checkpoint.Template(new(), folder, new() { TraceStop = [""] })).Message);
    }
}
