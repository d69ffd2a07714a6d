using System.Text.Json.Nodes;
using Pav.Report.Folders;

namespace Pav.Cli.Tests;

public sealed class DidacticTests : IDisposable
{
    private static readonly string[] Small =
    [
        "didactic", "--length", "4", "--lengths", "3", "--gammas", "1,10", "--seeds", "1", "--planted", "2", "--iterations", "20",
            "--outcome-iterations", "30", "--rewards", "a_mu,a_mu_to_go",
        "--optimizers", "adam", "--rollouts", "20", "--batch", "8", "--threads", "1", "--out",
    ];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("--gamma 0", "--gamma is '0', but must be a number above 0.")]
    [InlineData("--gammas 5,-1", "--gammas is '-1', but must be a number above 0 (or several, separated by commas).")]
    [InlineData("--length 11", "--length is '11', but must be a whole number from 1 to 10.")]
    [InlineData("--lengths 3,0", "--lengths is '0', but must be a whole number from 1 to 10 (or several, separated by commas).")]
    [InlineData("--rewards a_nu",
        "--rewards is 'a_nu', but must be one of a_mu, q_mu, a_pi, a_mu_to_go, q_mu_to_go, none (or several, separated by commas).")]
    [InlineData("--optimizers adamw", "--optimizers is 'adamw', but must be one of adam, sgd (or several, separated by commas).")]
    [InlineData("--rollouts -1", "--rollouts is '-1', but must be a whole number from 0 to 100000.")]
    public void MistakesAreOneSentenceAndWriteNothing(string flags, string expected)
    {
        Assert.Equal($"pav: {expected}", Cli.Run(folder.At(""), ["didactic", "--out", "run", .. flags.Split(' ')]).Sentence(2));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.At("")));
    }

    [Fact]
    public void AKilledRunGoesOnAndEndsAsIfItHadNotBeen()
    {
        Cli.Run(folder.At(""), [.. Small, "whole"]).Succeeded();
        Assert.NotEqual(0, Cli.StopAt(Cli.Start(folder.At(""), [.. Small, "killed"]), At("killed/trainings.jsonl"), 3).Code);
        var said = Cli.Run(folder.At(""), "didactic", "--out", "killed").Succeeded().Out;
        Assert.Contains("training runs are there already", said);
        Assert.Contains("Fig. 3b", said);
        Assert.Equal(Rows("whole"), Rows("killed"));
        Assert.Equal(Tables("whole"), Tables("killed"));

        var data = RunFolders.Read([At("whole")], DateTimeOffset.UnixEpoch, Pav.Cli.Commands.Rl.RlWays.Read);
        var summary = Assert.Single(data.Didactic).Summary;
        Assert.Equal(["3 outcome", "3 a_mu_all_actions", "4 outcome", "4 a_mu_all_actions"],
            summary.Speeds.Where(s => s.Reward.ToString() is "Outcome" or "AMuAllActions")
                .Select(s => $"{s.Length} {(s.Reward.ToString() == "Outcome" ? "outcome" : "a_mu_all_actions")}"));
        Assert.Equal([1.0, 10, 1, 10], summary.Strengths.Select(s => s.Gamma));
        Assert.Equal(2, summary.Passes[0].Sequences);
        Assert.Contains(summary.Findings, f => f.Contains("interior optimum at γ = 15"));
    }

    private string At(string name) => folder.At(name);

    /// <summary>The rows without their clock: the order is that in which they ended.</summary>
    private string[] Rows(string run) =>
        [.. File.ReadLines(At($"{run}/trainings.jsonl")).Select(line => Without(JsonNode.Parse(line)!.AsObject(), "seconds"))
        .Order(StringComparer.Ordinal)];

    private string Tables(string run) =>
        Without(JsonNode.Parse(File.ReadAllText(At($"{run}/didactic.json")))!.AsObject(), "iterations_per_second");

    private static string Without(JsonObject row, string clock)
    {
        Assert.True(row.Remove(clock));
        return row.ToJsonString();
    }
}
