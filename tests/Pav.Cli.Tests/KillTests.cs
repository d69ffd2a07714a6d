using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace Pav.Cli.Tests;

/// <summary>
/// Runs that are killed at random times, again and again, and taken up each time, end with the bytes of one that was not. PAV_KILLS sets
/// how many
/// kills each command takes (2), PAV_KILL_SEED when they come.
/// </summary>
public sealed partial class KillTests(TinyRun tiny) : IClassFixture<TinyRun>
{
    private static readonly int Kills = int.Parse(Environment.GetEnvironmentVariable("PAV_KILLS") ?? "2");
    private static readonly Random Random = new(int.Parse(Environment.GetEnvironmentVariable("PAV_KILL_SEED") ?? "1"));

    private static readonly string[] Drawn = ["--policy", "model", "--problems", "train.jsonl", "--max-tokens", "60",
        "--problems-per-batch", "1"];

    private static readonly Dictionary<string, (string[] Line, string[] Files)> Commands = new()
    {
        ["label"] = (["label", .. Drawn, "--n-cov", "2", "--n-mc", "8"], ["labels.jsonl"]),
        ["states"] = (["label", .. Drawn, "--n-cov", "2", "--n-mc", "8", "--steps-per-state", "2", "--limit", "20"], ["states.jsonl"]),
        ["search"] = (["search", .. Drawn, "--n", "1,2,8"], ["search.jsonl"]),
        ["rl"] = (
            [
                "rl", "--policy", "model", "--problems", "train.jsonl", "--reward", "orm", "--valid-problems", "test.jsonl",
                    "--test-problems", "test.jsonl", "--test-samples", "4",
                "--iterations", "12", "--batch", "4", "--samples", "4", "--max-tokens", "40", "--evaluate-every", "5",
                    "--checkpoint-every", "3",
            ],
            ["metrics.jsonl", "tallies.jsonl", "checkpoints/last/model.safetensors", "checkpoints/best/model.safetensors"]),
        ["rl-refreshed"] = (
            [
                "rl", "--policy", "model", "--problems", "train.jsonl", "--refresh", "4", "--refresh-labels", "sampled",
                "--refresh-steps", "4", "--prover", "bo2,bo8", "--alpha-by", "value",
                "--iterations", "12", "--batch", "4", "--samples", "4", "--max-tokens", "40", "--checkpoint-every", "3",
            ],
            ["metrics.jsonl", "checkpoints/last/model.safetensors", "refresh/sampled/00011.jsonl"]),
    };

    public static TheoryData<string> Names => [.. Commands.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void ARunThatIsKilledAgainAndAgainEndsWithTheSameBytes(string name)
    {
        var (line, files) = Commands[name];
        var clock = Stopwatch.StartNew();
        Cli.Run(tiny.Folder, [.. line, "--out", $"{name}-whole"]).Succeeded();
        var whole = clock.Elapsed;
        for (var left = Kills; left > 0;)
        {
            // Half of the kills come early, where folders and first files are made.
            Directory.CreateDirectory(tiny.At($"{name}-killed"));
            for (var finished = false; left > 0 && !finished; left--)
            {
                using var process = Cli.Start(tiny.Folder, [.. line, "--out", $"{name}-killed"]);
                finished = process.WaitForExit(whole * Random.NextDouble() * (left % 2 == 0 ? 1 : 0.4));
                if (!finished) process.Kill();
                process.WaitForExit();
            }
            Cli.Run(tiny.Folder, [.. line, "--out", $"{name}-killed"]).Succeeded();
            foreach (var file in files) Assert.Equal(Content($"{name}-whole/{file}"), Content($"{name}-killed/{file}"));
            Directory.Delete(tiny.At($"{name}-killed"), recursive: true);
        }
    }

    /// <summary>A file's bytes as text, without the clock of search rows.</summary>
    private string Content(string file) => Clock().Replace(Encoding.Latin1.GetString(File.ReadAllBytes(tiny.At(file))), "");

    [GeneratedRegex("\"seconds\":[0-9.eE+-]+")]
    private static partial Regex Clock();
}
