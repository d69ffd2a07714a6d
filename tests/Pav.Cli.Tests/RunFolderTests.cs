using System.Text.Json.Nodes;
using Pav.Cli.Options;
using Pav.Cli.Runs;

namespace Pav.Cli.Tests;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    private sealed record Sample
    {
        [Flag("Problems", Input = true)]
        public string Problems { get; init; } = "";

        [Flag("Seed")]
        public ulong Seed { get; init; } = 3;

        [Flag("Threads", Local = true)]
        public int Threads { get; init; }
    }

    public void Dispose() => temporary.Dispose();

    [Fact]
    public void AFinishedRunSaysWhatItWasMadeOf()
    {
        var problems = temporary.Write("p.jsonl", "abc");
        var path = temporary.At("run");
        using (var run = RunFolder.Open("label", new Sample { Problems = problems }, path)) run.Finish(new JsonObject { ["labels"] = 5 });
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(path, "run.json")))!;
        Assert.Equal("label", (string?)json["command"]);
        Assert.Equal(3, (int?)json["seed"]);
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", (string?)json["inputs"]![0]!["sha256"]);
        Assert.True((double?)json["peak_memory_mb"] > 1);
        using var again = RunFolder.Open("label", new Sample { Problems = problems }, path);
        Assert.True(again.Finished);
        Assert.Equal(5, (int?)again.Result!["labels"]);
    }

    [Fact]
    public void TheSameOptionsResumeAndLocalOnesMayChange()
    {
        RunFolder.Open("label", new Sample(), temporary.At("run")).Dispose();
        using var again = RunFolder.Open("label", new Sample { Threads = 2 }, temporary.At("run"));
        Assert.True(again.Resumed);
        Assert.False(again.Finished);
    }

    [Fact]
    public void OtherOptionsAreRefusedByName()
    {
        RunFolder.Open("label", new Sample(), temporary.At("run")).Dispose();
        var error = Assert.Throws<UserError>(() => RunFolder.Open("label", new Sample { Seed = 4 }, temporary.At("run")));
        Assert.Contains("--seed 3, not 4", error.Message);
        Assert.Contains("belongs to a run of 'pav label'",
            Assert.Throws<UserError>(() => RunFolder.Open("search", new Sample(), temporary.At("run"))).Message);
    }

    [Fact]
    public void AChangedInputIsRefused()
    {
        var problems = temporary.Write("p.jsonl", "abc");
        RunFolder.Open("label", new Sample { Problems = problems }, temporary.At("run")).Dispose();
        temporary.Write("p.jsonl", "abd");
        Assert.Contains("has changed since",
            Assert.Throws<UserError>(() => RunFolder.Open("label", new Sample { Problems = problems }, temporary.At("run"))).Message);
    }

    [Fact]
    public void FoldersOfSomebodyElseAreLeftAlone()
    {
        temporary.Write("run/notes.txt", "mine");
        Assert.Contains("holds other files",
            Assert.Throws<UserError>(() => RunFolder.Open("label", new Sample(), temporary.At("run"))).Message);
        Assert.Equal(["notes.txt"], Directory.GetFiles(temporary.At("run")).Select(Path.GetFileName));
    }

    [Fact]
    public void AKillInTheFirstWriteLeavesAFolderThatCanBeUsed()
    {
        temporary.Write("run/.claim", "");
        temporary.Write("run/.run.json.tmp", "{\n  \"comm");
        using (var run = RunFolder.Open("label", new Sample(), temporary.At("run"))) run.Finish([]);
        Assert.Equal([".claim", "run.json"], Directory.GetFiles(temporary.At("run")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void NothingIsTakenOfAFinishedRunThatManyMayRead()
    {
        using (var run = RunFolder.Open("label", new Sample(), temporary.At("run"))) run.Finish(new() { ["labels"] = 5 });
        using var elsewhere = new FileStream(temporary.At("run/.claim"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using var again = RunFolder.Open("label", new Sample(), temporary.At("run"));
        Assert.Equal(5, (int?)again.Result!["labels"]);
    }

    [Fact]
    public void AFolderThatCannotBeMadeIsToldAsThat()
    {
        var error = Assert.Throws<UserError>(() => RunFolder.Open("label", new Sample(), temporary.Write("file", "") + "/run"));
        Assert.Contains("cannot be written", error.Message);
        Assert.DoesNotContain("Another pav process", error.Message);
    }

    [Theory]
    [InlineData("a/b/c", "a/b/c", "")]
    [InlineData("a/b/c", "a", "a")]
    [InlineData("a/b/c", "a/b/c/", "a,a/b,a/b/c")]
    public void AnUnusedRunTakesBackTheFoldersThatItMade(string path, string there, string left)
    {
        if (there != path) Directory.CreateDirectory(temporary.At(there));
        using (var run = RunFolder.Open("label", new Sample(), temporary.At(path)))
        {
            File.WriteAllText(run.At("labels.jsonl"), "");
            Assert.True(run.RemoveIfUnused());
        }
        Assert.Equal(left, string.Join(",", Directory.GetDirectories(temporary.At(""), "*", SearchOption.AllDirectories)
            .Select(d => Path.GetRelativePath(temporary.At(""), d)).Order()));
    }

    [Fact]
    public void ADeletedFolderIsNotMadeAgain()
    {
        using var run = RunFolder.Open("label", new Sample(), temporary.At("run"));
        Directory.Delete(temporary.At("run"), recursive: true);
        Assert.Contains("deleted or moved", Assert.Throws<UserError>(() => run.Finish([])).Message);
        Assert.True(run.RemoveIfUnused());
        Assert.False(Directory.Exists(temporary.At("run")));
    }

    [Fact]
    public void AMovedFolderIsLeftAsItIs()
    {
        using var run = RunFolder.Open("label", new Sample(), temporary.At("run"));
        Directory.Move(temporary.At("run"), temporary.At("moved"));
        Assert.Contains("deleted or moved", Assert.Throws<UserError>(run.Spend).Message);
        Assert.False(Directory.Exists(temporary.At("run")));
        Assert.True(File.Exists(temporary.At("moved/run.json")));
    }

    [Fact]
    public void TwoProcessesDoNotShareAFolder()
    {
        using var first = RunFolder.Open("label", new Sample(), temporary.At("run"));
        Assert.Contains("Another pav process",
            Assert.Throws<UserError>(() => RunFolder.Open("label", new Sample(), temporary.At("run"))).Message);
    }

    private sealed record Warmed
    {
        [WarmupFlag("Iterations")]
        public string Warmup { get; init; } = "10%";
    }

    /// <summary>RL wrote its warm-up as a number from 0 to 1, trainings as a number of steps.</summary>
    [Theory]
    [InlineData("0.1", "10%")]
    [InlineData("0.05", "5%")]
    [InlineData("100", "100")]
    public void AnOldRunsWarmupIsTheSameOption(string before, string now)
    {
        temporary.Write("run/run.json", $$"""{ "command": "rl", "options": { "warmup": {{before}} } }""");
        using (var run = RunFolder.Open("rl", new Warmed { Warmup = now }, temporary.At("run"))) Assert.True(run.Resumed);
        temporary.Write("other/run.json", $$"""{ "command": "rl", "options": { "warmup": {{before}} } }""");
        Assert.Contains("--warmup",
            Assert.Throws<UserError>(() => RunFolder.Open("rl", new Warmed { Warmup = "7%" }, temporary.At("other"))).Message);
    }

    [Fact]
    public void WhatWasBegunGivesItsOptions()
    {
        RunFolder.Open("label", new Sample { Seed = 9 }, temporary.At("run")).Dispose();
        var options = (Sample)OptionSchema.From(typeof(Sample))
            .Bind([RunFolder.Begun("label", temporary.At("run"))!], new Dictionary<string, string>());
        Assert.Equal(9UL, options.Seed);
        Assert.Null(RunFolder.Begun("search", temporary.At("run")));
    }
}
