using System.Text.Json.Nodes;

namespace Pav.Cli.Tests;

/// <summary>A run that was stopped, by whatever means, and taken up again leaves the files of one that was not.</summary>
public sealed class ResumeTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private string[] Label(string to) =>
        ["label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "8", "--max-tokens", "60",
        "--problems-per-batch", "1", "--out", to];

    private string[] Train(string to) =>
    [
        "train", "outcome", "--model", "model", "--labels", "whole", "--problems", "train.jsonl", "--held-out", "0.3", "--steps", "60",
            "--batch", "8", "--warmup", "5", "--log-every", "1",
        "--evaluate-every", "20", "--checkpoint-every", "7", "--out", to,
    ];

    [Fact]
    public void KilledLabellingAndTrainingEndAsIfTheyHadNotBeen()
    {
        Cli.Run(tiny.Folder, Label("whole")).Succeeded();
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Label("killed")), tiny.At("killed/labels.jsonl"), 5).Code);
        Assert.True(File.ReadLines(tiny.At("killed/labels.jsonl")).Count() < 80);
        Cli.Run(tiny.Folder, Label("killed")).Succeeded();
        Assert.Equal(File.ReadAllText(tiny.At("whole/labels.jsonl")), File.ReadAllText(tiny.At("killed/labels.jsonl")));

        Cli.Run(tiny.Folder, Train("one/outcome")).Succeeded();
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Train("two/outcome")), tiny.At("two/outcome/log.jsonl"), 12).Code);
        Cli.Run(tiny.Folder, Train("two/outcome")).Succeeded();
        Assert.Equal(Curve("one/outcome"), Curve("two/outcome"));
        foreach (var name in new[] { "checkpoints/best/model.safetensors", "checkpoints/last/model.safetensors", "verifier.json" })
            Assert.Equal(File.ReadAllBytes(tiny.At($"one/outcome/{name}")), File.ReadAllBytes(tiny.At($"two/outcome/{name}")));
    }

    [Fact]
    public void APoliteStopSaysHowToGoOnAndTheOptionsNeedNotBeRepeated()
    {
        var stopped = Cli.StopAt(Cli.Start(tiny.Folder, Label("stopped")), tiny.At("stopped/labels.jsonl"), 3, politely: true);
        Assert.Equal(130, stopped.Code);
        Assert.Contains("pav label --out stopped", stopped.Error);
        var resumed = Cli.Run(tiny.Folder, "label", "--out", "stopped", "--json").Succeeded();
        Assert.Equal(80, (int?)JsonNode.Parse(resumed.Out)!["result"]!["traces"]);
        Assert.Contains("Taking up stopped", resumed.Error);
        Assert.NotNull(JsonNode.Parse(File.ReadAllText(tiny.At("stopped/run.json")))!["finished"]);
        Assert.Contains("is finished already", Cli.Run(tiny.Folder, "label", "--out", "stopped").Succeeded().Out);
    }

    [Fact]
    public void ASecondInterruptEndsAtOnceAndInSilence()
    {
        string[] rl =
        [
            "rl", "--policy", "model", "--problems", "train.jsonl", "--reward", "orm", "--iterations", "400", "--batch", "8",
            "--samples", "8", "--checkpoint-every", "1000",
        ];
        for (var i = 0; i < 3; i++)
        {
            var process = Cli.Start(tiny.Folder, [.. rl, "--out", $"interrupted-{i}"]);
            while (!File.Exists(tiny.At($"interrupted-{i}/metrics.jsonl"))) Thread.Sleep(5);
            Cli.Signal(process, Cli.Interrupt);
            Cli.Signal(process, Cli.Interrupt);
            var ended = Cli.Wait(process);
            Assert.Equal((130, ""), (ended.Code, ended.Error.StartsWith("Stopped.", StringComparison.Ordinal) ? "" : ended.Error));
        }
    }

    [Fact]
    public void AResumedSearchHasEveryRowOnce()
    {
        string[] search = ["search", "--policy", "model", "--problems", "test.jsonl", "--n", "1,2,8", "--max-tokens", "60",
            "--problems-per-batch", "1", "--out", "search"];
        Cli.StopAt(Cli.Start(tiny.Folder, search), tiny.At("search/search.jsonl"), 4);
        Cli.Run(tiny.Folder, search).Succeeded();
        var rows = File.ReadLines(tiny.At("search/search.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(6 * 5, rows.Count);
        Assert.Equal(rows.Count, rows.DistinctBy(r => ((string)r["problem"]!, (string)r["method"]!, (int)r["n"]!)).Count());
        Assert.Equal(5, JsonNode.Parse(File.ReadAllText(tiny.At("search/summary.json")))!["methods"]!.AsArray().Count);
    }

    [Theory, InlineData("orm"), InlineData("lambda_grpo"), InlineData("vineppo")]
    public void KilledRlEndsAsIfItHadNotBeenAndIsReported(string reward)
    {
        var (one, two) = ($"rl-one-{reward}", $"rl-two-{reward}");
        string[] Rl(string to) =>
        [
            "rl", "--policy", "model", "--problems", "train.jsonl", "--reward", reward, "--valid-problems", "test.jsonl",
            "--test-problems", "test.jsonl", "--test-samples", "4", "--iterations", "12", "--value-rollouts", "2",
            "--batch", "4", "--samples", "4", "--max-tokens", "40", "--evaluate-every", "5", "--checkpoint-every", "4", "--out", to,
        ];
        Cli.Run(tiny.Folder, Rl(one)).Succeeded();
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Rl(two)), tiny.At($"{two}/metrics.jsonl"), 6).Code);
        Cli.Run(tiny.Folder, Rl(two)).Succeeded();
        foreach (var name in new[] { "metrics.jsonl", "tallies.jsonl", "checkpoints/last/model.safetensors",
            "checkpoints/best/model.safetensors" })
            Assert.Equal(File.ReadAllBytes(tiny.At($"{one}/{name}")), File.ReadAllBytes(tiny.At($"{two}/{name}")));
        Assert.Equal(2, Directory.GetFiles(tiny.At($"{two}/tensorboard")).Length);

        var rl = Pav.Report.Folders.RunFolders.Read([tiny.At(one)], DateTimeOffset.UnixEpoch, Pav.Cli.Commands.Rl.RlWays.Read).Rl!;
        var group = Assert.Single(rl.Groups);
        Assert.Equal(reward, group.Name);
        Assert.Equal([0, 5, 10, 12], Assert.Single(group.Valid).Points.Select(p => p.Iteration));
        Assert.Equal(0, group.Valid[0].Points[0].Tokens);
        Assert.Equal([1, 2, 4], group.Pass.Select(p => p.N));
        Assert.Equal(12, group.Batches.Count);
    }

    [Fact]
    public void WhatIsTestedAfterRlMayChangeUntilItIsFinished()
    {
        string[] rl =
        [
            "rl", "--policy", "model", "--problems", "train.jsonl", "--reward", "orm", "--iterations", "4", "--batch", "2", "--samples",
                "2", "--max-tokens", "20", "--checkpoint-every", "1", "--out", "rl-tested",
        ];
        string[] Tested(string problems, string samples) => [.. rl, "--test-problems", problems, "--test-samples", samples];
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Tested("train.jsonl", "256")), tiny.At("rl-tested/tallies.jsonl"), 1).Code);
        Assert.Contains("--kl", Cli.Run(tiny.Folder, [.. Tested("test.jsonl", "4"), "--kl", "1"]).Sentence(1));
        Cli.Run(tiny.Folder, Tested("test.jsonl", "4")).Succeeded();
        var tallies = File.ReadLines(tiny.At("rl-tested/tallies.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal((6, 4), (tallies.Count, tallies.Max(t => (int)t["samples"]!)));
        Assert.Contains("--test-samples", Cli.Run(tiny.Folder, Tested("test.jsonl", "8")).Sentence(1));
    }

    [Fact]
    public void AlphaIsTriedByShortRunsAndAKilledChoiceGoesOn()
    {
        string[] Rl(string to) =>
        [
            "rl", "--policy", "model", "--problems", "train.jsonl", "--valid-problems", "test.jsonl", "--oracle-rollouts", "2",
                "--best-of", "2", "--alpha", "tries", "--alpha-grid", "0,2.5", "--alpha-iterations", "3",
            "--iterations", "2", "--batch", "2", "--samples", "2", "--max-tokens", "20", "--checkpoint-every", "1", "--out", to,
        ];
        var result = JsonNode.Parse(Cli.Run(tiny.Folder, [.. Rl("auto-one"), "--json"]).Succeeded().Out)!["result"]!;
        var points = JsonNode.Parse(File.ReadAllText(tiny.At("auto-one/alpha.json")))!.AsArray();
        Assert.Equal([0, 2.5], points.Select(p => (double)p!["alpha"]!));
        Assert.Equal((double?)points.OrderByDescending(p => (double)p!["accuracy"]!).First()!["alpha"], (double?)result["alpha"]);
        Assert.Equal([4, 4, 3], new[] { "alpha/0/metrics.jsonl", "alpha/2.5/metrics.jsonl", "metrics.jsonl" }.Select(f =>
            File.ReadLines(tiny.At($"auto-one/{f}")).Count()));

        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Rl("auto-two")), tiny.At("auto-two/alpha/2.5/metrics.jsonl"), 1).Code);
        Cli.Run(tiny.Folder, "rl", "--out", "auto-two").Succeeded();
        foreach (var name in new[] { "alpha.json", "alpha/0/metrics.jsonl", "alpha/2.5/metrics.jsonl", "metrics.jsonl",
            "checkpoints/last/model.safetensors" })
            Assert.Equal(File.ReadAllBytes(tiny.At($"auto-one/{name}")), File.ReadAllBytes(tiny.At($"auto-two/{name}")));
    }

    [Fact]
    public void AlphaIsFittedToTheFirstBatchesAndNeedsNoOtherOption()
    {
        string[] Rl(string to, params string[] more) =>
        [
            "rl", "--policy", "model", "--problems", "train.jsonl", "--iterations", "8", "--batch", "8", "--samples", "64",
            "--max-tokens", "40", .. more, "--out", to, "--json",
        ];
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens", "40",
            "--out", "alpha-labels").Succeeded();
        Cli.Run(tiny.Folder, "train", "verifier", "--model", "model", "--labels", "alpha-labels", "--problems", "train.jsonl", "--held-out",
            "0.3", "--steps", "30", "--batch", "8", "--warmup", "5", "--out", "alpha-verifier").Succeeded();
        var run = Cli.Run(tiny.Folder, Rl("alpha-auto", "--verifier", "alpha-verifier")).Succeeded();
        var alpha = (double)JsonNode.Parse(run.Out)!["result"]!["alpha"]!;
        Assert.Equal(alpha, (double)JsonNode.Parse(File.ReadAllText(tiny.At("alpha-auto/run.json")))!["alpha"]!);
        var rows = File.ReadLines(tiny.At("alpha-auto/metrics.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(alpha, (double)rows[7]["alpha"]!);
        var fitted = AlphaMatch.Share * 0.5 / (double)rows[0]["step_scale"]!;
        Assert.Equal(Math.Clamp(fitted, AlphaMatch.Lowest, AlphaMatch.Highest), (double)rows[0]["alpha"]!, 9);
        Assert.Matches(@"alpha [\d.]+: 0\.06 times 0\.5, the largest spread of an outcome, over [\d.]+, the root mean square of the "
            + @"first \S+ steps' rewards", run.Error);
        foreach (var reward in new[] { "orm", "grpo" })
        {
            var none = Cli.Run(tiny.Folder, Rl($"alpha-{reward}", "--reward", reward)).Succeeded();
            Assert.Null(JsonNode.Parse(none.Out)!["result"]!["alpha"]);
        }
    }

    /// <summary>The log without its clock.</summary>
    private string[] Curve(string run) => [.. File.ReadLines(tiny.At($"{run}/log.jsonl")).Select(line =>
    {
        var row = JsonNode.Parse(line)!.AsObject();
        row.Remove("seconds");
        return row.ToJsonString();
    })];
}
