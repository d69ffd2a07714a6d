using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Cli.Tests;

/// <summary>Twenty problems of GSM8K (MIT) through every command, with a checkpoint that no one trained: its answers are nonsense, the
/// files are not.</summary>
public sealed class Gsm8kRunTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    [Fact]
    public void Labels_a_verifier_and_a_search_come_of_GSM8K_and_a_checkpoint()
    {
        File.Copy(Fixture("gsm8k-20.jsonl.gz"), temporary.At("gsm8k.jsonl.gz"));
        var labelled = Pav("label", "--policy", Fixture("llama"), "--problems", "gsm8k.jsonl.gz", "--grader", "gsm8k-flexible", "--n-cov",
            "2", "--n-mc", "2", "--max-tokens", "16", "--out", "labels");
        Assert.Equal(40, (int?)labelled["traces"]);
        Assert.Equal("gsm8k-flexible-1", (string?)JsonNode.Parse(File.ReadLines(temporary.At("labels/labels.jsonl")).First())!["grader"]);

        var trained = Pav("train", "verifier", "--model", Fixture("llama"), "--labels", "labels", "--problems", "gsm8k.jsonl.gz",
            "--held-out", "0.3", "--steps", "4", "--batch", "8", "--warmup", "1", "--out", "verifier");
        Assert.NotNull(trained["measures"]);
        Assert.Equal("gsm8k-flexible-1", (string?)JsonNode.Parse(File.ReadAllText(temporary.At("verifier/verifier.json")))!["grader"]);

        var searched = Run("search", "--policy", Fixture("llama"), "--verifier", "verifier", "--problems", "gsm8k.jsonl.gz", "--grader",
            "gsm8k-flexible", "--n", "1,2", "--beam", "2", "--max-tokens", "16", "--trees", "1", "--out", "search");
        Assert.Contains("warning: 20 of the 20 problems stand in gsm8k.jsonl.gz, on which", searched.Error);
        var rows = File.ReadLines(temporary.At("search/search.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(20, rows.Count(r => (string?)r["method"] == "beam-pav"));
        Assert.Equal(20, rows.Select(r => (string?)r["problem"]).Distinct().Count());

        var evaluated = Pav("evaluate", "--policy", Fixture("llama"), "--problems", "gsm8k.jsonl.gz", "--grader", "gsm8k", "--also-grader",
            "gsm8k-flexible,qwen", "--samples", "2", "--max-tokens", "16", "--out", "evaluation");
        Assert.Equal(["gsm8k-flexible-1", "qwen-2"], evaluated["also"]!.AsArray().Select(g => (string?)g!["grader"]));

        Assert.Equal(40, (int?)Pav("labels", "export", "--labels", "labels", "--problems", "gsm8k.jsonl.gz", "--out", "trl.jsonl")["rows"]);
        Assert.Equal(40, (int?)Pav("labels", "import", "--format", "trl", "--input", "trl.jsonl", "--problems", "gsm8k.jsonl.gz", "--out",
            "again")["traces"]);

        File.WriteAllText(temporary.At("steps.jsonl"), """
            {"id":"1","problem":"2+2?","steps":["2+2=5","so 5"],"final_answer_correct":false,"label":0}
            {"id":"2","problem":"2+2?","steps":["2+2=4","so 4"],"final_answer_correct":true,"label":-1}
            """);
        var bench = Pav("evaluate", "processbench", "--verifier", "verifier", "--sets", "steps.jsonl", "--tune-on", "steps.jsonl", "--out",
            "bench");
        Assert.Equal("best F1 on steps", (string?)bench["threshold_rule"]);
        Assert.NotNull(bench["mean_f1"]);

        File.WriteAllText(temporary.At("long.jsonl"),
            JsonSerializer.Serialize(new { id = "gsm8k-7", problem = "2+2?",
            steps = new[] { string.Concat(Enumerable.Repeat("4 ", 3000)), "so 4" }, label = -1 }));
        Assert.Matches("^pav: long.jsonl: problem gsm8k-7: a trace of [0-9]+ tokens is longer than max_position_embeddings",
            Cli.Run(temporary.At(""), "evaluate", "processbench", "--verifier", "verifier", "--sets", "long.jsonl", "--out", "bench2")
            .Sentence(1));
    }

    public void Dispose() => temporary.Dispose();

    private static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "fixtures", name);

    private Cli.Ended Run(params string[] arguments) => Cli.Run(temporary.At(""), [.. arguments, "--json"]).Succeeded();

    /// <summary>What a command prints with --json: of one with a run folder, its result.</summary>
    private JsonNode Pav(params string[] arguments) => JsonNode.Parse(Run(arguments).Out)! is var json && json["result"] is { } result
        ? result : json;
}
