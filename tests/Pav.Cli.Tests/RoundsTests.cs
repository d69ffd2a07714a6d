using System.Text.Json.Nodes;
using Pav.Cli.Commands.Rounds;

namespace Pav.Cli.Tests;

/// <summary>Rounds of searching, labelling what was visited, and training anew.</summary>
public sealed class RoundsTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private static SearchRow Row(string problem, int n, int correct) => new()
    {
        Problem = problem, Level = 1, Method = "beam-q", N = n, Seed = 1, Correct = correct, Pass = correct, Candidates = n, Distinct = n,
        GeneratedTokens = 100 * n, ScoredTokens = 10, Seconds = 0,
    };

    [Fact]
    public void ACurveIsTheMeanOverMethodsAndSizesAndAGainIsPairedByProblem()
    {
        var before = new RoundCurve([Row("a", 1, 1), Row("a", 2, 0), Row("b", 1, 0), Row("b", 2, 1)]);
        var after = new RoundCurve([Row("b", 1, 1), Row("b", 2, 1), Row("a", 2, 0), Row("a", 1, 1)]);
        Assert.Equal([(1, 0.5, 100), (2, 0.5, 200)], before.Points.Select(p => (p.N, p.Accuracy, p.GeneratedTokens)));
        Assert.Equal((0.5, 0.75), (before.Mean, after.Mean));
        var gain = after.Above(before);
        Assert.Equal((0.25, 0, 0.5), (gain.Value, gain.Low, gain.High)); // 0 in a and 0.5 in b
    }

    [Fact]
    public void RoundsResumeAndEndWithTheBestVerifier()
    {
        string[] Rounds(string to) =>
        [
            "train", "rounds", "--policy", "model", "--trunk", "model", "--problems", "train.jsonl", "--valid-problems", "test.jsonl",
            "--valid-n-cov", "2", "--valid-n-mc", "1", "--visit-problems", "10", "--visit-beam", "2", "--visit-traces", "2",
            "--beam", "1,2", "--steps", "6", "--more-steps", "2", "--batch", "4", "--warmup", "1", "--evaluate-every", "3",
            "--max-tokens", "30", "--control", "--out", to,
        ];
        var whole = Cli.Run(tiny.Folder, Rounds("whole")).Succeeded();
        Assert.Contains("independent", whole.Out);
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(tiny.Folder, Rounds("killed")), tiny.At("killed/labels-1/labels.jsonl"), 1).Code);
        Assert.False(File.Exists(tiny.At("killed/rounds.json")));
        Cli.Run(tiny.Folder, "train", "rounds", "--out", "killed").Succeeded();
        Assert.Equal(Told("whole"), Told("killed").Replace("killed", "whole"));
        Assert.Equal(File.ReadAllText(tiny.At("whole/verifier.json")), File.ReadAllText(tiny.At("killed/verifier.json")));
        Assert.Equal(
            File.ReadAllBytes(tiny.At("whole/verifier-1/checkpoints/best/model.safetensors")),
            File.ReadAllBytes(tiny.At("killed/verifier-1/checkpoints/best/model.safetensors")));

        var rounds = JsonNode.Parse(File.ReadAllText(tiny.At("whole/rounds.json")))!["rounds"]!.AsArray();
        Assert.Equal(["first", "visited", "independent"], rounds.Select(r => (string)r!["labels"]!));
        Assert.Equal((int)rounds[1]!["traces"]!, (int)rounds[2]!["traces"]!);
        var visited = File.ReadLines(tiny.At("whole/labels-1/labels.jsonl")).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal((int)rounds[1]!["traces"]! - (int)rounds[0]!["traces"]!, visited.Count);
        Assert.All(visited, l => Assert.NotEmpty(l["visited"]!.AsArray()));
        Cli.Run(tiny.Folder, "search", "--policy", "model", "--verifier", "whole", "--problems", "test.jsonl", "--methods", "beam-q",
            "--beam", "1", "--max-tokens", "20", "--out", "after").Succeeded();
    }

    /// <summary>Without the cost, to which a killed start adds what it does again, or lost.</summary>
    private string Told(string run) => string.Concat(
        File.ReadLines(tiny.At($"{run}/rounds.json")).Where(line => !line.Contains("\"generated_tokens\"") || line.Contains("[")));

    [Fact]
    public void ValidationProblemsMustBeOthers() => Assert.Contains("are among --problems", Cli.Run(
        tiny.Folder, "train", "rounds", "--policy", "model", "--trunk", "model", "--problems", "train.jsonl", "--valid-problems",
            "train.jsonl", "--out", "same").Sentence(1));
}
