using System.Text.Json.Nodes;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Commands.Search;

namespace Pav.Cli.Tests;

/// <summary>Estimates: their counts by worked numbers, and beside what the same commands then took.</summary>
public sealed class DryRunTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private JsonNode Result(params string[] command) => JsonNode.Parse(Cli.Run(tiny.Folder, [.. command, "--json"]).Succeeded().Out)!;

    private string[] Files() => [.. Directory.GetFileSystemEntries(tiny.Folder, "*", SearchOption.AllDirectories).Order()];

    private static SearchRow Row(string problem, long generated, long scored) => new()
    {
        Problem = problem, Level = 1, Method = "m", N = 1, Seed = 1, Correct = 0, Pass = 0, Candidates = 1, Distinct = 1,
        GeneratedTokens = generated, ScoredTokens = scored, Seconds = 0,
    };

    /// <summary>Two stages: the costliest row of a problem counts, on all problems that the stage has, with its seeds.</summary>
    [Fact]
    public void ASearchCostsWhatItsStagesDo()
    {
        var shared = new TriedStage(10, 2, 4, [Row("a", 60, 5), Row("a", 100, 10), Row("b", 300, 30)]);
        var oracle = new TriedStage(5, 1, 1, [Row("a", 20, 0), Row("b", 40, 0)]);
        var cost = SearchCost.From(10, ["a", "b"], [shared, oracle]);
        Assert.Equal((10, 2, 25.0), (cost.Problems, cost.Tried, cost.Searches));
        // 20·(100 + 300)/2 and 5·(20 + 40)/2; 20·(10 + 30)/2; 20·4/2 and 5·1/2.
        Assert.Equal((4150.0, 400.0, 42.5), (cost.GeneratedTokens, cost.ScoredTokens, cost.Seconds));
        Assert.Equal((2100.0, 6200.0), (cost.GeneratedTokensLow, cost.GeneratedTokensHigh));
    }

    [Theory]
    [InlineData("3", 50, 72)]
    [InlineData("auto", 50, 72)]
    [InlineData("tries", 50 + 2 * 30, 72 + 2 * 3 * 8)] // two alphas of 30 iterations, measured at 0, 20 and the end
    public void RlCountsItsMeasures(string alpha, int iterations, long measured)
    {
        var settings = new RlSettings
        {
            Rl = new() { Iterations = 50, EvaluateEvery = 20 }, Alpha = alpha, AlphaGrid = [1, 3], AlphaIterations = 30, TestSamples = 4,
        };
        Assert.Equal((iterations, measured), RlEstimate.Counts(settings, heldOutSamples: 8, tests: 10));
    }

    [Fact]
    public void EstimatesAreNearWhatIsThenTakenAndWriteNothing()
    {
        Cli.Run(tiny.Folder, "label", "--policy", "model", "--problems", "train.jsonl", "--n-cov", "2", "--n-mc", "2", "--max-tokens",
            "40", "--out", "labels").Succeeded();
        string[] train = ["train", "verifier", "--model", "model", "--labels", "labels", "--problems", "train.jsonl", "--held-out", "0.3",
            "--steps", "60", "--batch", "8", "--evaluate-every", "25", "--warmup", "5", "--out", "verifier"];
        string[] sft = ["train", "sft", "--model", "model", "--count", "40", "--steps", "60", "--batch", "8", "--warmup", "5",
            "--valid-problems", "test.jsonl", "--max-tokens", "40", "--out", "sft"];
        string[] search = ["search", "--policy", "model", "--verifier", "verifier", "--problems", "train.jsonl", "--n", "1,4", "--beam",
            "2", "--seeds", "2", "--trees", "0", "--max-tokens", "40", "--out", "search"];
        string[] rl = ["rl", "--policy", "model", "--verifier", "verifier", "--problems", "train.jsonl", "--iterations", "8",
            "--batch", "8", "--samples", "4", "--max-tokens", "40", "--valid-problems", "test.jsonl", "--valid-samples", "2",
            "--evaluate-every", "4", "--out", "rl"];

        var (told, took) = Both(train);
        Assert.Equal((60, 3), ((int)told["steps"]!, (int)told["evaluations"]!));
        Near((double)told["tokens"]!, (double)took["tokens"]!, 1.3);
        (told, took) = Both(sft);
        Near((double)told["tokens"]!, (double)took["tokens"]!, 1.3);
        Assert.True((long)told["memory_bytes"]! > 4 * (long)new FileInfo(tiny.At("model/model.safetensors")).Length);

        (told, _) = Both(search);
        Near((double)told["generated_tokens"]!, (double)JsonNode.Parse(File.ReadAllText(tiny.At("search/cost.json")))!["generated_tokens"]!,
            1.5);
        var rows = File.ReadLines(tiny.At("search/search.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.InRange((double)told["scored_tokens"]!, 1, rows.Sum(r => (double)r["scored_tokens"]!) * 1.5);

        (told, took) = Both(rl);
        Near((double)told["generated_tokens"]!, (double)took["generated_tokens"]!, 1.5);
        Assert.Equal((8, 8.0 * 32, 36.0), ((int)told["iterations"]!, (double)told["traces"]!, (double)told["measured_traces"]!));
        Assert.True((double)told["scored_tokens"]! > 0);

        (JsonNode Told, JsonNode Took) Both(string[] command)
        {
            var before = Files();
            var told = Result([.. command, "--dry-run"]);
            Assert.Equal(before, Files());
            var clock = System.Diagnostics.Stopwatch.StartNew();
            var took = Result(command)["result"]!;
            // The whole process beside its work alone, on a machine that others use: within a wide factor, or both are short.
            Assert.InRange((double)told["seconds"]!, 0, Math.Max(5, 5 * clock.Elapsed.TotalSeconds));
            return (told, took);
        }
    }

    private static void Near(double told, double took, double factor) => Assert.InRange(told, took / factor, took * factor);
}
