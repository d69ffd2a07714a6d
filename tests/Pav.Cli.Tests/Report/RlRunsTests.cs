using System.Globalization;
using System.Text.Json;
using Pav.Cli.Commands.Rl;
using Pav.Report.Folders;

namespace Pav.Cli.Tests.Report;

public sealed class RlRunsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Ways_are_compared_on_equal_tasks_only()
    {
        var rl = Read([Run("rft", "orm", 1, 0.8), Run("rft", "pav", 1, 0.9), Run("sft", "orm", 1, 0.1), Run("sft", "pav", 1, 0.7)])!;
        Assert.Equal(["orm policy=rft", "pav alpha=1 policy=rft", "orm policy=sft", "pav alpha=1 policy=sft"],
            rl.Groups.Select(g => g.Name));
        Assert.Equal([("pav alpha=1 policy=rft", "orm policy=rft", 10), ("pav alpha=1 policy=sft", "orm policy=sft", 60)],
            rl.Comparisons.Select(c => (c.A, c.B, Math.Round(100 * c.Difference.Value))));
    }

    [Fact]
    public void Seeds_with_starts_of_their_own_stand_side_by_side()
    {
        var rl = Read([Run("1/rft", "orm", 1, 0.5), Run("2/rft", "orm", 2, 0.7), Run("1/rft", "pav", 1, 0.9),
            Run("2/rft", "pav", 2, 0.9)])!;
        Assert.Equal(["orm", "pav alpha=1"], rl.Groups.Select(g => g.Name));
        Assert.Equal((2, 0.3), (Assert.Single(rl.Comparisons).Seeds, Math.Round(rl.Comparisons[0].Difference.Value, 12)));
    }

    [Fact]
    public void Any_option_but_those_of_measuring_sets_ways_apart_and_only_those_that_vary_are_named()
    {
        var rl = Read([
            Run("rft", "orm", 1, 0.5), Run("rft", "orm", 2, 0.5, ("evaluate_every", 5), ("threads", 2), ("test_samples", 8), ("alpha", 7)),
                Run("rft", "pav", 1, 0.6), Run("rft", "pav", 2, 0.6, ("pass_tokens", 64), ("guard_alpha", 1)),
            Run("rft", "pav", 1, 0.8, ("verifier", "other")), Run("rft", "pav", 1, 0.9, ("kl", 0.5)),
                Run("rft", "orm", 1, 0.7, ("kl", 0.5)), Run("rft", "pav", 1, 0.3, ("epochs", 2)),
        ])!;
        Assert.Equal(
            [
                ("orm kl=0.001 epochs=1", 2), ("pav alpha=1 verifier=other kl=0.001 epochs=1", 1),
                    ("pav alpha=1 verifier=verifier kl=0.001 epochs=1", 2),
                ("orm kl=0.5 epochs=1", 1), ("pav alpha=1 verifier=verifier kl=0.5 epochs=1", 1),
                    ("pav alpha=1 verifier=verifier kl=0.001 epochs=2", 1),
            ],
            rl.Groups.Select(g => (g.Name, g.Seeds.Count)));
        Assert.Equal(
            [("other", 1, 30), ("verifier", 2, 10), ("verifier", 1, 20)],
            rl.Comparisons.Select(c => (c.A.Split("verifier=")[1].Split(' ')[0], c.Seeds, Math.Round(100 * c.Difference.Value))));
    }

    [Fact]
    public void Runs_that_are_not_finished_are_shown_and_not_compared()
    {
        var (place, row) = Run("rft", "pav", 2, 0.9);
        var rl = Read([Run("rft", "orm", 1, 0.5), Run("rft", "orm", 2, 0.5), Run("rft", "pav", 1, 0.6),
            (place, row with { Finished = null })])!;
        Assert.Equal([1UL, 2], rl.Groups[1].Seeds);
        Assert.Equal((1, 0.1), (Assert.Single(rl.Comparisons).Seeds, Math.Round(rl.Comparisons[0].Difference.Value, 12)));
    }

    /// <summary>Outcome rewards reach 0.5 at 10 iterations, 1000 tokens; progress, from 0.05 to 0.95, at 5, 500 tokens and the 1500 of the
    /// labels: 2 times fewer, and with the labels half as many times.</summary>
    [Fact]
    public void The_tokens_of_a_verifiers_labels_are_counted_where_its_runs_tell_them()
    {
        folder.Write("labels/cost.json", """{ "generated_tokens": 1500, "endpoints": [] }""");
        folder.Write("v/run.json",
            JsonSerializer.Serialize(new { command = "train verifier", options = new { labels = new[] { folder.At("labels") } } }));
        RlComparison Compare(string verifier) =>
            Assert.Single(Read([Run("rft", "orm", 1, 0.5), Run("rft", "pav", 1, 0.95, ("verifier", folder.At(verifier)))])!.Comparisons);
        foreach (var verifier in new[] { "v", "v/checkpoints/best" })
        {
            folder.Write("v/checkpoints/best/verifier.json", "{}");
            var c = Compare(verifier);
            Assert.Equal((2, 2, 0.5),
                (Math.Round(c.Tokens!.Value, 9), Math.Round(c.AllTokens!.Value, 9), Math.Round(c.LabelledTokens!.Value, 9)));
        }

        File.Delete(folder.At("labels/cost.json"));
        Assert.NotNull(Compare("v").AllTokens);
        Assert.Null(Compare("v").LabelledTokens);
    }

    private static RlData? Read(IReadOnlyList<(string, RunRow)> runs) => RlRuns.Read(runs, RlWays.Read);

    private (string, RunRow) Run(string policy, string reward, int seed, double end, params (string Option, object Value)[] others)
    {
        var name = string.Create(CultureInfo.InvariantCulture,
            $"{policy}-{reward}-{seed}-{string.Join("-", others.Select(o => $"{o.Option}-{o.Value}".Replace('/', '_')))}");
        var rows = string.Create(CultureInfo.InvariantCulture, $$"""
            {"iteration":0,"valid_accuracy":0.05}
            {"iteration":10,"valid_accuracy":{{end}},"generated_tokens":1000}

            """);
        folder.Write(Path.Combine(name, "metrics.jsonl"), rows);
        var options = new Dictionary<string, object> { ["policy"] = policy, ["problems"] = "train.jsonl", ["reward"] = reward,
            ["alpha"] = 1, ["verifier"] = reward == "orm" ? "" : "verifier", ["seed"] = seed, ["baseline"] = "leave_one_out" };
        foreach (var (option, value) in others) options[option] = value;
        return (folder.At(name), new("rl", name, JsonSerializer.SerializeToElement(options), Finished: "2026-01-01T00:00:00Z"));
    }
}
