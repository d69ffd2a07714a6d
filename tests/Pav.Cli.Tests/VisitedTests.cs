using System.Text.Json.Nodes;

namespace Pav.Cli.Tests;

/// <summary>Labels on what a search visited, from the command line.</summary>
public sealed class VisitedTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private string[] Visited(string to, params string[] more) =>
    [
        "label", "--policy", "model", "--problems", "train.jsonl", "--visited", "trees", "--visited-kind", "finished,pruned", "--n-cov",
            "3", "--n-mc", "4", "--max-tokens", "40", "--problems-per-batch", "1",
        .. more, "--out", to,
    ];

    [Fact]
    public void LabelsOfVisitedStatesResumeComeInShardsAndTrainAVerifier()
    {
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens",
            "40", "--out", "labels").Succeeded();
        string[] train = ["train", "verifier", "--model", "model", "--problems", "train.jsonl", "--held-out", "0.3", "--steps", "6",
            "--batch", "4", "--warmup", "1"];
        Cli.Run(tiny.Folder, [.. train, "--labels", "labels", "--out", "verifier"]).Succeeded();
        string[] search = ["search", "--policy", "model", "--verifier", "verifier", "--problems", "train.jsonl", "--limit", "12",
            "--methods", "beam-q", "--beam", "1,2", "--max-tokens", "40"];
        Cli.Run(tiny.Folder, [.. search, "--trees", "12", "--trees-beam", "1,2", "--out", "trees"]).Succeeded();
        Assert.Equal(24, File.ReadLines(tiny.At("trees/trees.jsonl")).Count());
        Cli.Run(tiny.Folder, [.. search, "--trees", "3", "--out", "usual"]).Succeeded();
        Assert.Equal([2, 2, 2], File.ReadLines(tiny.At("usual/trees.jsonl")).Select(l => (int)JsonNode.Parse(l)!["n"]!));

        var whole = Cli.Run(tiny.Folder, Visited("visited")).Succeeded();
        Assert.Contains("12 of 40 problems have trees", whole.Out);
        var lines = File.ReadAllLines(tiny.At("visited/labels.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.InRange(lines.Count, 12, 36);
        Assert.All(lines, l => Assert.Equal("trees", (string?)l["visited"]![0]!["run"]));
        var tree = JsonNode.Parse(File.ReadLines(tiny.At("trees/trees.jsonl")).First())!;
        Assert.All(tree["nodes"]!.AsArray().Skip(1), n => Assert.NotEmpty(n!["tokens"]!.AsArray()));

        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Visited("stopped")), tiny.At("stopped/labels.jsonl"), 3).Code);
        Cli.Run(tiny.Folder, Visited("stopped")).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.At("visited/labels.jsonl")), File.ReadAllText(tiny.At("stopped/labels.jsonl")));

        foreach (var shard in new[] { "0/2", "1/2" }) Cli.Run(tiny.Folder, Visited($"shard-{shard[0]}", "--shard", shard)).Succeeded();
        Cli.Run(tiny.Folder, "labels", "merge", "--labels", "shard-0,shard-1", "--out", "merged.jsonl").Succeeded();
        Assert.Equal(File.ReadLines(tiny.At("visited/labels.jsonl")).Order(), File.ReadLines(tiny.At("merged.jsonl")).Order());
        Assert.Contains("different kinds", Cli.Run(tiny.Folder, "labels", "merge", "--labels", "labels/labels.jsonl,merged.jsonl",
            "--out", "mixed.jsonl").Sentence(1));

        Cli.Run(tiny.Folder, [.. train, "--labels", "labels,visited", "--out", "second"]).Succeeded();
        var evaluated = Cli.Run(tiny.Folder, "evaluate", "--policy", "model", "--problems", "train.jsonl", "--samples", "1", "--max-tokens",
            "20", "--verifier", "second", "--labels", "labels,visited", "--out", "evaluated").Succeeded();
        Assert.Contains("How far the verifier overrates", evaluated.Out);
        var measures = JsonNode.Parse(File.ReadAllText(tiny.At("evaluated/evaluation.json")))!;
        Assert.NotNull(measures["verifier"]!["brier"]);
        Assert.NotEqual((double)measures["verifier"]!["brier"]!, (double)measures["verifier_visited"]!["brier"]!);
        var gaps = measures["gaps"]!.AsArray();
        Assert.Equal([1, 2], gaps.Select(g => (int)g!["n"]!).Distinct().Order());
        Assert.All(gaps, g => Assert.Equal((double)g!["score"]! - (double)g["value"]!, (double)g["gap"]!, 9));
        var asMany = Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--as-many-as", "visited",
            "--n-cov", "3", "--n-mc", "1", "--max-tokens", "40", "--out", "control", "--json").Succeeded();
        Assert.Equal(lines.Count, (int?)JsonNode.Parse(asMany.Out)!["result"]!["traces"]);
        Assert.Contains("--visited", Cli.Run(tiny.Folder, "prover", "--labels", "visited").Sentence(1));
    }

    [Fact]
    public void SeveralJudgesAreTrainedAndSearchWithCaution()
    {
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens",
            "40", "--out", "first").Succeeded();
        string[] Train(string to, params string[] more) =>
        [
            "train", "verifier", "--model", "model", "--problems", "train.jsonl", "--held-out", "0.3", "--steps", "40", "--batch", "4",
                "--log-every", "1",
            "--checkpoint-every", "5", "--warmup", "1", "--labels", "first", .. more, "--out", to,
        ];
        string[] members = ["--members", "2", "--loss", "td", "--heads", "2"];
        Cli.Run(tiny.Folder, Train("members", members)).Succeeded();
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Train("again", members)), tiny.At("again/member-2/log.jsonl"), 8).Code);
        Cli.Run(tiny.Folder, Train("again", members)).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.At("members/verifier.json")).Replace("members\",", "again\","),
            File.ReadAllText(tiny.At("again/verifier.json")));
        string[] Search(string to, params string[] more) =>
        [
            "search", "--policy", "model", "--verifier", "members", "--problems", "test.jsonl", "--methods", "beam-q", "--beam", "2",
                "--max-tokens", "40", .. more, "--out", to,
        ];
        Cli.Run(tiny.Folder, Search("worst", "--caution", "worst")).Succeeded();
        Assert.Contains("caution = ", Cli.Run(tiny.Folder, Search("auto", "--caution", "auto", "--valid-problems", "train.jsonl",
            "--alpha-beam", "2")).Succeeded().Out);
        Assert.Equal(5, JsonNode.Parse(File.ReadAllText(tiny.At("auto/caution.json")))!.AsArray().Count);
        Assert.Contains("needs --valid-problems", Cli.Run(tiny.Folder, Search("none", "--caution", "auto")).Sentence(1));
        Assert.Contains("must be a number", Cli.Run(tiny.Folder, Search("none", "--caution", "much")).Sentence(1));
        Assert.Contains("--loss td", Cli.Run(tiny.Folder, ["train", "outcome", .. Train("none", "--loss", "td").Skip(2)]).Sentence(1));
    }

    [Fact]
    public void WhatIsNoSearchWithTreesIsRefused()
    {
        Directory.CreateDirectory(tiny.At("none"));
        Assert.Contains("no folder of a 'search' run", Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl",
            "--visited", "none", "--out", "a").Sentence(1));
        Cli.Run(tiny.Folder, "search", "--policy", "model", "--problems", "test.jsonl", "--n", "1", "--max-tokens", "20", "--out",
            "plain").Succeeded();
        Assert.Contains("kept no trees", Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--visited",
            "plain", "--out", "a").Sentence(1));
        var node = """{"id":0,"parent":-1,"step":"","q":0,"q_mu":0,"a":0,"score":0,"fate":"root"}""";
        File.WriteAllText(tiny.At("plain/trees.jsonl"),
            $$"""{"problem":"x","text":"","answer":"","method":"beam-q","n":1,"correct":0,"nodes":[{{node}}]}""" + "\n");
        Assert.Contains("trees.jsonl:1: the tree was written without the steps' token ids",
            Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--visited", "plain", "--out", "a")
            .Sentence(1));
        Assert.Contains("not with first_pit", Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl",
            "--visited", "plain", "--strategy", "first_pit", "--out", "a").Sentence(1));
    }
}
