using System.Text;
using System.Text.Json.Nodes;
using Pav.Cli.Commands.Label;
using Pav.Double;
using Pav.Models;
using Pav.Models.Tokenizers;

namespace Pav.Cli.Tests;

/// <summary>Labels from servers: faults, kills, shards, budgets; and what is written down about it, which must not hold a key.</summary>
public sealed class RemoteLabelTests : IClassFixture<TinyRun>, IDisposable
{
    private const string Key = "sk-do-not-write-me-down-4711";

    private readonly TinyRun tiny;
    private readonly Generator generator;

    public RemoteLabelTests(TinyRun tiny)
    {
        this.tiny = tiny;
        generator = new(TransformerPolicy.Load("served", tiny.At("model"), new("{problem}")), Tokenizer.Load(tiny.At("model")));
    }

    public void Dispose() => generator.Dispose();

    private string[] Label(string policy, string to, params string[] more) =>
        ["label", "--policy", policy, "--tokenizer", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens",
            "40", "--problems-per-batch", "2", "--out", to, .. more];

    private string[] Lines(string run) => File.ReadAllLines(tiny.At($"{run}/labels.jsonl"));

    [Fact]
    public async Task FaultsAndKillsLoseNothingDoubleNothingAndWriteNoKey()
    {
        Environment.SetEnvironmentVariable("PAV_API_KEY", Key);
        Mishap[] mishaps = [Mishap.Error500, Mishap.CutBody, Mishap.TruncatedJson, Mishap.Busy, Mishap.HtmlBadGateway, Mishap.WrongN];
        await using var good = await DoubleServer.Start(generator, new() { Key = Key });
        await using var faulty = await DoubleServer.Start(generator, new() { Key = Key, Mishaps = k => k % 5 == 4
            ? mishaps[k / 5 % mishaps.Length] : Mishap.None });
        await using var dying = await DoubleServer.Start(generator, new() { Key = Key });
        File.WriteAllText(tiny.At("endpoints.txt"), $"# three replicas\n{good.Url}\n{faulty.Url}\n{dying.Url}\n");
        const string all = "@endpoints.txt";
        Cli.Run(tiny.Folder, Label(good.Url, "calm")).Succeeded();
        Assert.Equal(80, Lines("calm").Length);

        var stopped = Cli.StopAt(Cli.Start(tiny.Folder, Label(all, "stormy")), tiny.At("stormy/labels.jsonl"), 6);
        Assert.NotEqual(0, stopped.Code);
        Assert.InRange(Lines("stormy").Length, 4, 79);
        dying.Dead = true;
        var ended = Cli.Run(tiny.Folder, Label(all, "stormy")).Succeeded();
        Assert.Equal(Lines("calm"), Lines("stormy"));
        Assert.Equal(3, JsonNode.Parse(File.ReadAllText(tiny.At("stormy/cost.json")))!["endpoints"]!.AsArray().Count);

        // A server that shows the key in its complaint.
        faulty.Options = faulty.Options with { Key = "another" };
        var refused = Cli.Run(tiny.Folder, Label(faulty.Url, "refused"));
        Assert.Contains("401", refused.Sentence(1));
        foreach (var text in Directory.GetFiles(tiny.Folder, "*", SearchOption.AllDirectories)
            .Select(f => Encoding.UTF8.GetString(File.ReadAllBytes(f)))
            .Concat([stopped.Out, stopped.Error, ended.Out, ended.Error, refused.Error]))
            Assert.DoesNotContain(Key, text);

        var run = JsonNode.Parse(File.ReadAllText(tiny.At("calm/run.json")))!;
        Assert.Equal(("vllm", "honoured"), ((string?)run["servers"]![0]!["server"], (string?)run["servers"]![0]!["seeds"]));
        var cost = JsonNode.Parse(File.ReadAllText(tiny.At("calm/cost.json")))!;
        var endpoint = cost["endpoints"]![0]!;
        Assert.True((long)cost["generated_tokens"]! > 1000);
        Assert.True((long)endpoint["generated_tokens"]! >= (long)cost["generated_tokens"]!);
        Assert.True((long)endpoint["cached_tokens"]! > 0);
    }

    [Fact]
    public async Task LostDrawsAndAllServersAreNotedAndKeysInTheWrongPlaceWriteNothing()
    {
        var poisoned = File.ReadLines(tiny.At("train.jsonl")).Select(l => (string)JsonNode.Parse(l)!["problem"]!).Skip(2).First();
        await using var first =
            await DoubleServer.Start(generator, new() { Poison = new Dictionary<string, Mishap> { [poisoned] = Mishap.BadRequest } });
        File.WriteAllText(tiny.At("one.txt"), first.Url + "\n");
        var told = Cli.Run(tiny.Folder, Label("@one.txt", "lost")).Succeeded().Out;
        Assert.Contains("got no usable answer", told);
        Assert.Contains("400 this prompt is not allowed", told);
        var run = JsonNode.Parse(File.ReadAllText(tiny.At("lost/run.json")))!;
        Assert.True((int)run["lost_draws"]![0]!["draws"]! > 0);
        Assert.DoesNotContain((string)run["lost_draws"]![0]!["problem"]!, Lines("lost")
            .Select(l => (string)JsonNode.Parse(l)!["problem"]!));
        Assert.Equal(first.Url, (string?)Assert.Single(run["servers"]!.AsArray())!["url"]);

        string[][] mistakes = [["--api-key", Key], ["--api-key-env", Key], ["--api-key-file", Key]];
        foreach (var mistake in mistakes)
        {
            var refused = Cli.Run(tiny.Folder, Label(first.Url, "mistaken", mistake));
            Assert.DoesNotContain(Key, refused.Sentence(refused.Code) + refused.Out);
            Assert.NotEqual(0, refused.Code);
        }

        var fragment = Cli.Run(tiny.Folder, Label($"{first.Url}#{Key}", "mistaken"));
        Assert.DoesNotContain(Key, fragment.Sentence(fragment.Code));
        Assert.False(Directory.Exists(tiny.At("mistaken")));
    }

    [Fact]
    public async Task ShardsMergeIntoTheWhole()
    {
        await using var server = await DoubleServer.Start(generator);
        Cli.Run(tiny.Folder, Label(server.Url, "whole")).Succeeded();
        Cli.Run(tiny.Folder, Label(server.Url, "part-0", "--shard", "0/2")).Succeeded();
        string[] merge = ["labels", "merge", "--labels", "part-0,part-1", "--out", "merged.jsonl"];
        Assert.Contains("shard 1/2 is missing", Cli.Run(tiny.Folder, "labels", "merge", "--labels", "part-0", "--out", "merged.jsonl")
            .Sentence(1));
        Assert.False(File.Exists(tiny.At("merged.jsonl")));
        Environment.SetEnvironmentVariable("RANK", "1");
        Environment.SetEnvironmentVariable("WORLD_SIZE", "2");
        Cli.Run(tiny.Folder, Label(server.Url, "part-1", "--shard", "auto")).Succeeded();
        Cli.Run(tiny.Folder, merge).Succeeded();
        Assert.Equal(Lines("whole").Order(), File.ReadAllLines(tiny.At("merged.jsonl")).Order());

        // A line that is there twice is dropped, one that contradicts another is refused.
        var line = Lines("part-0")[0];
        File.WriteAllText(tiny.At("again.jsonl"), line + "\n");
        Assert.Contains("1 were there twice",
            Cli.Run(tiny.Folder, "labels", "merge", "--labels", "part-0,part-1,again.jsonl", "--out", "merged.jsonl").Succeeded().Out);
        File.WriteAllText(tiny.At("again.jsonl"), line.Replace("\"rex\":0", "\"rex\":1") + "\n");
        Assert.Contains("twice and not the same",
            Cli.Run(tiny.Folder, "labels", "merge", "--labels", "part-0,part-1,again.jsonl", "--out", "merged.jsonl").Sentence(1));
    }

    [Fact]
    public async Task ABudgetStopsCleanlyADryRunWritesNothingAndWhatIsLeftGoesIntoMoreTraces()
    {
        await using var server = await DoubleServer.Start(generator);
        var estimate = JsonNode.Parse(Cli.Run(tiny.Folder, Label(server.Url, "dry", "--dry-run", "--json")).Succeeded().Out)!;
        var asked = (double)estimate["prompt_tokens"]!;
        Assert.False(Directory.Exists(tiny.At("dry")));
        var spent = Cli.Run(tiny.Folder, Label(server.Url, "budget", "--token-budget", "3000"));
        Assert.Contains("--token-budget 3000 is spent", spent.Sentence(1));
        Assert.InRange(Lines("budget").Length, 2, 79);
        Cli.Run(tiny.Folder, Label(server.Url, "budget", "--token-budget", "100000000")).Succeeded();
        Assert.Equal(80, Lines("budget").Length);
        var cost = (long)JsonNode.Parse(File.ReadAllText(tiny.At("budget/cost.json")))!["generated_tokens"]!;
        Assert.InRange((double)estimate["generated_tokens"]!, cost * 0.5, cost * 2.0);
        var read = JsonNode.Parse(File.ReadAllText(tiny.At("budget/cost.json")))!["endpoints"]!.AsArray()
            .Sum(e => (long)e!["prompt_tokens"]!);
        Assert.InRange(asked, read * 0.5, read * 2.0);

        Cli.Run(tiny.Folder, Label(server.Url, "more", "--token-budget", $"{cost * 5}", "--spend-budget", "--allocation", "adaptive",
            "--n-mc-max", "8")).Succeeded();
        var traces = Lines("more").Select(l => JsonNode.Parse(l)!).ToList();
        Assert.True(traces.Count > 80);
        Assert.Equal(traces.Count, traces.DistinctBy(t => ((string?)t["problem"], (int?)t["trace"])).Count());
        Assert.All(traces, t => Assert.Equal("2:8:0.2:0", (string?)t["plan"]));
    }

    [Fact]
    public async Task SearchAndEvaluateTakeServersBesideALocalVerifier()
    {
        await using var server = await DoubleServer.Start(generator);
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "1", "--n-mc", "2", "--max-tokens",
            "40", "--out", "for-verifier").Succeeded();
        Cli.Run(tiny.Folder, "train", "verifier", "--model", "model", "--labels", "for-verifier", "--problems", "train.jsonl",
            "--held-out", "0.3", "--steps", "4", "--batch", "4", "--warmup", "1", "--evaluate-every", "4", "--checkpoint-every", "4",
            "--out", "verifier").Succeeded();
        Cli.Run(tiny.Folder, "search", "--policy", server.Url, "--tokenizer", "model", "--verifier", "verifier", "--problems",
            "test.jsonl", "--n", "1,2", "--beam", "2", "--trees", "0", "--max-tokens", "40", "--out", "searched").Succeeded();
        var rows = File.ReadLines(tiny.At("searched/search.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Contains(rows, r => (string?)r["method"] == "beam-pav");
        Assert.All(rows, r => Assert.True((long)r["generated_tokens"]! > 0));
        Assert.All(rows.Where(r => (string?)r["method"] == "beam-q"), r => Assert.True((long)r["scored_tokens"]! > 0));
        Cli.Run(tiny.Folder, "evaluate", "--policy", server.Url, "--tokenizer", "model", "--problems", "test.jsonl", "--samples", "4",
            "--max-tokens", "40", "--out", "evaluated").Succeeded();
        Assert.True((double)JsonNode.Parse(File.ReadAllText(tiny.At("evaluated/evaluation.json")))!["tokens_per_trace"]! > 1);
    }

    [Theory]
    [InlineData("", 0, 1)]
    [InlineData("3/16", 3, 16)]
    [InlineData("auto", 2, 4, "RANK=2", "WORLD_SIZE=4")]
    [InlineData("auto", 5, 8, "SLURM_PROCID=5", "SLURM_NTASKS=8")]
    [InlineData("auto/6", 1, 6, "JOB_COMPLETION_INDEX=1")]
    public void ShardsAreReadAndPartition(string text, int index, int count, params string[] environment)
    {
        var set = environment.ToDictionary(e => e.Split('=')[0], e => e.Split('=')[1]);
        var shard = Shard.Parse(text, set.GetValueOrDefault);
        Assert.Equal(new Shard(index, count), shard);
        Assert.Equal(Enumerable.Range(0, 50), Enumerable.Range(0, count)
            .SelectMany(i => new Shard(i, count).Select(Enumerable.Range(0, 50))).Order());
    }

    [Theory]
    [InlineData("16/16")]
    [InlineData("-1/4")]
    [InlineData("3")]
    [InlineData("auto")]
    [InlineData("auto/4", "RANK=9")]
    [InlineData("auto", "JOB_COMPLETION_INDEX=1")]
    public void ImpossibleShardsAreRefused(string text, params string[] environment)
    {
        var set = environment.ToDictionary(e => e.Split('=')[0], e => e.Split('=')[1]);
        Assert.Contains("--shard", Assert.Throws<UserError>(() => Shard.Parse(text, set.GetValueOrDefault)).Message);
    }
}
