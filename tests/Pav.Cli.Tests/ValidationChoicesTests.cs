using System.Text.Json.Nodes;

namespace Pav.Cli.Tests;

/// <summary>What searches choose on validation problems: found once, kept in the run's folder, and used.</summary>
public sealed class ValidationChoicesTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    [Fact]
    public void WidthsVotesAndStopsAreChosenOnValidationProblemsOnce()
    {
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens",
            "40", "--out", "labels").Succeeded();
        Cli.Run(tiny.Folder, "train", "verifier", "--model", "model", "--problems", "train.jsonl", "--held-out", "0.3", "--steps", "6",
            "--batch", "4", "--warmup", "1", "--labels", "labels", "--out", "verifier").Succeeded();
        string[] search =
        [
            "search", "--policy", "model", "--verifier", "verifier", "--problems", "test.jsonl", "--valid-problems", "train.jsonl",
            "--methods", "beam-q,forest,forest-seq+majority,forest-sure,forest-early", "--beam", "1,2,4", "--widest", "auto",
            "--forest", "1,6",
            "--forest-widths", "1,2", "--settle", "auto", "--half-tokens", "2", "--max-tokens", "40", "--trees", "0",
        ];
        var said = Cli.Run(tiny.Folder, [.. search, "--out", "whole"]).Succeeded().Out;
        Assert.Contains("signal to noise", said);
        JsonNode Kept(string name) => JsonNode.Parse(File.ReadAllText(tiny.At($"whole/{name}.json")))!;
        var widths = Kept("widest").AsArray();
        var widest = widths.OrderByDescending(p => (double)p!["accuracy"]!).ThenBy(p => (int)p!["n"]!).Select(p => (int)p!["n"]!).First();
        Assert.Equal(10, Kept("votes")["stops"]!.AsArray().Count);
        Assert.Equal(6, Kept("settle").AsArray().Count);
        Assert.All(Kept("forest").AsArray(), f => Assert.True((double)f!["tokens"]! <= (double)f["budget"]!));

        List<JsonNode> Rows() => [.. File.ReadLines(tiny.At("whole/search.jsonl")).Select(l => JsonNode.Parse(l)!)];
        int[] Sizes(string method) => [.. Rows().Where(r => (string?)r["method"] == method).Select(r => (int)r["n"]!).Distinct().Order()];
        Assert.Equal(new[] { 1, 2, 4 }.Where(n => n <= widest), Sizes("beam-q"));
        Assert.All(["forest", "forest-seq+majority", "forest-sure", "forest-early"], m => Assert.Equal([1, 6], Sizes(m)));

        var before = (Rows().Count, File.GetLastWriteTimeUtc(tiny.At("whole/votes.json")));
        Assert.DoesNotContain("Growing forests", Cli.Run(tiny.Folder, [.. search, "--out", "whole"]).Succeeded().Out);
        Assert.Equal(before, (Rows().Count, File.GetLastWriteTimeUtc(tiny.At("whole/votes.json"))));
    }

    [Theory]
    [InlineData("--methods names forest-sure, which needs --valid-problems", "--methods", "forest-sure")]
    [InlineData("--widest auto needs --valid-problems", "--widest", "auto")]
    [InlineData("--widest 1 leaves no beam: the smallest of --beam is 2.", "--widest", "1", "--beam", "2,4")]
    [InlineData("--forest-widths needs --valid-problems", "--forest-widths", "1")]
    [InlineData("--sure is '2', but must be a number from 0 to 1, or auto.", "--sure", "2", "--valid-problems", "test.jsonl")]
    public void WhatLacksProblemsIsRefused(string sentence, params string[] flags)
    {
        string[] search = ["search", "--policy", "model", "--verifier", "model", "--problems", "test.jsonl", "--out", "new"];
        Assert.Contains(sentence, Cli.Run(tiny.Folder, [.. search, .. flags]).Sentence(1));
    }

    [Fact]
    public void ServersCannotStopWithinAStep() => Assert.Contains("which needs a --policy that is a folder", Cli.Run(
        tiny.Folder, "search", "--policy", "http://127.0.0.1:9/v1", "--verifier", "model", "--problems", "test.jsonl", "--methods",
        "forest-early", "--out", "new").Sentence(1));
}
