using System.Text.Json.Nodes;
using Pav.Report.Folders;
using Pav.Models.Files;

namespace Pav.Cli.Tests;

/// <summary>Labelling states and judging provers from them, with a policy that writes nonsense.</summary>
public sealed class ProverTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private static string[] Label(string to, string seed = "1") =>
    [
        "label", "--policy", "model", "--problems", "train.jsonl", "--limit", "12", "--steps-per-state", "3", "--depths", "1", "--n-cov",
            "2", "--n-mc", "4", "--max-tokens", "40",
        "--problems-per-batch", "1", "--seed", seed, "--out", to,
    ];

    [Fact]
    public void KilledStateLabellingEndsAsIfItHadNotBeenAndAnotherPolicyLabelsTheSameSteps()
    {
        Cli.Run(tiny.Folder, Label("whole")).Succeeded();
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Label("killed")), tiny.At("killed/states.jsonl"), 4).Code);
        Cli.Run(tiny.Folder, Label("killed")).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.At("whole/states.jsonl")), File.ReadAllText(tiny.At("killed/states.jsonl")));

        string[] recount = ["label", "--policy", "model", "--problems", "train.jsonl", "--states", "whole", "--n-mc", "3", "--max-tokens",
            "40", "--problems-per-batch", "1", "--seed", "2", "--out"];
        Cli.Run(tiny.Folder, [.. recount, "other"]).Succeeded();
        Cli.StopAt(Cli.Start(tiny.Folder, [.. recount, "other2"]), tiny.At("other2/states.jsonl"), 5);
        Cli.Run(tiny.Folder, [.. recount, "other2"]).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.At("other/states.jsonl")), File.ReadAllText(tiny.At("other2/states.jsonl")));

        var ended = Cli.Run(tiny.Folder, "prover", "--labels", "whole", "--provers", "other", "--json", "--out", "provers").Succeeded();
        Assert.Contains("What this cannot tell", ended.Error);
        var report = JsonNode.Parse(ended.Out)!["result"]!;
        Assert.Equal(["none", "bo1", "bo2", "model", "bo2 of model"], report["provers"]!.AsArray().Select(p => (string)p!["name"]!));
        Assert.True(File.Exists(tiny.At("provers/provers.json")));
        Assert.Equal(5,
            Assert.Single(RunFolders.Read([tiny.At("provers")], DateTimeOffset.Now,
            Pav.Cli.Commands.Rl.RlWays.Read).Provers).Provers.Count);
        Assert.Equal(report["rollouts"]!.ToString(),
            JsonNode.Parse(File.ReadAllText(tiny.At("provers/provers.json")))!["rollouts"]!.ToString());

        void Refused(string expected, params string[] line) =>
            Assert.StartsWith($"pav: {expected}", Cli.Run(tiny.Folder, line).Sentence(1));
        Refused("whole and whole hold", "prover", "--labels", "whole", "--provers", "whole");
        Refused("bo8 cannot be judged from whole: its steps have 4 completions", "prover", "--labels", "whole", "--k", "8");
        Refused("--search train.jsonl: there is no search.jsonl", "prover", "--labels", "whole", "--search", "train.jsonl");
        Directory.CreateDirectory(tiny.At("few"));
        File.WriteAllText(tiny.At("few/search.jsonl"), "");
        string[] few = ["prover", "--labels", "whole", "--search", "few", "--verifier", "nowhere", "--problems", "train.jsonl"];
        Refused("--search few: a rank correlation needs", few);
        Refused("--verifier needs --problems", "prover", "--labels", "whole", "--verifier", "model");
        Refused("--labels nowhere: there is no such file or folder.", "prover", "--labels", "nowhere");

    }

    [Fact]
    public void LabelsWithOneStepPerStateAreRefused()
    {
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--limit", "3", "--n-cov", "1", "--n-mc", "2",
            "--max-tokens", "20", "--out", "single").Succeeded();
        Assert.Contains("each has a single step and shows no difference between steps", Cli.Run(tiny.Folder, "prover", "--labels", "single")
            .Sentence(1));
        Assert.Contains("has no meaning with --steps-per-state", Cli.Run(tiny.Folder, [.. Label("new"), "--strategy", "first_pit"])
            .Sentence(1));
        Assert.False(Directory.Exists(tiny.At("new")));
    }

    [Theory]
    [InlineData("adaptive", "random", "4:16:0.2:0", "the number of completions depends on what they showed (--allocation adaptive)")]
    [InlineData("pits", "first_pit", null, "the labels are of strategy 'first_pit'")]
    public void LabelsWhoseCountsDecidedHowManyThereAreAreRefused(string folder, string strategy, string? plan, string expected)
    {
        var trace = new LabelledTrace("p", "pi", strategy, 0, ["a\n"], [[1]], 1, "2", "numeric-1", [4, 1], [3, 1], Plan: plan);
        using (var log = JsonLines.Append(tiny.At($"{folder}/labels.jsonl")))
        {
            log.Write(trace with { Strategy = "random", Plan = null });
            log.Write(trace with { Trace = 1 });
        }

        var file = Path.Combine(folder, "labels.jsonl");
        Assert.StartsWith($"pav: {file}:2: {expected}, from which provers cannot be judged",
            Cli.Run(tiny.Folder, "prover", "--labels", folder).Sentence(1));
    }

    [Fact]
    public void TheoryPrintsAndWritesOnlyWhereAsked()
    {
        var before = Directory.GetFileSystemEntries(tiny.Folder).Length;
        Assert.Matches("First-order law +holds", Cli.Run(tiny.Folder, "theory", "--trees", "5").Succeeded().Out);
        Assert.Equal(before, Directory.GetFileSystemEntries(tiny.Folder).Length);
        Cli.Run(tiny.Folder, "theory", "--trees", "5", "--out", "theory").Succeeded();
        Assert.Equal(10, RunFolders.Read([tiny.At("theory")], DateTimeOffset.Now, Pav.Cli.Commands.Rl.RlWays.Read).Theory.Count);
    }
}
