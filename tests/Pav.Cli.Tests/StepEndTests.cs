using System.Text.Json.Nodes;

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
        Run("label", "--policy", "model", "--problems", "train.jsonl", "--limit", "12", "--n-cov", "2", "--n-mc", "1", "--max-tokens", "24", "--step-end", @"\d", "--out", "ends").Succeeded();
        var lines = File.ReadLines(tiny.At("ends/labels.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.All(lines, l => Assert.Equal(@"\d", (string?)l["step_end"]));
        Assert.Contains(lines, l => l["steps"]!.AsArray().Count > 2);
        Assert.All(lines.SelectMany(l => l["steps"]!.AsArray().SkipLast(1)), s => Assert.Matches(@"\d[^ ]*$", (string)s!));
        Assert.Equal(@"\d", (string?)JsonNode.Parse(File.ReadAllText(tiny.At("ends/run.json")))!["step_end"]);

        Run("train", "verifier", "--model", "model", "--labels", "ends", "--problems", "train.jsonl", "--held-out", "0.4", "--steps", "2", "--batch", "4", "--warmup", "1", "--out", "verifier").Succeeded();
        Assert.Equal(@"\d", (string?)JsonNode.Parse(File.ReadAllText(tiny.At("verifier/verifier.json")))!["step_end"]);

        string[] search = ["search", "--policy", "model", "--verifier", "verifier", "--problems", "test.jsonl", "--methods", "beam-q", "--n", "2", "--beam", "2", "--max-tokens", "12"];
        Refused(@"--verifier verifier: it learned from steps that end at '\d', and these end at 'newline'", Run([.. search, "--out", "other"]));
        Run([.. search, "--step-end", @"\d", "--out", "same"]).Succeeded();
        Refused("--system is for chat models", Run([.. search, "--step-end", @"\d", "--system", "Be brief.", "--out", "bad"]));
        Refused("model has no chat template", Run([.. search, "--step-end", @"\d", "--chat", "on", "--out", "bad"]));
        Refused("has $, which depends on what follows", Run([.. search, "--step-end", "a$", "--out", "bad"]));
    }
}
