using System.Globalization;
using System.Text.Json;
using Pav.Cli.Report;

namespace Pav.Cli.Tests.Report;

public sealed class RlRunsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Ways_are_compared_on_equal_tasks_only()
    {
        var rl = RlRuns.Read([Run("rft", "orm", 1, 0.8), Run("rft", "pav", 1, 0.9), Run("sft", "orm", 1, 0.1), Run("sft", "pav", 1, 0.7)])!;
        Assert.Equal(["orm policy=rft", "pav alpha=1 policy=rft", "orm policy=sft", "pav alpha=1 policy=sft"], rl.Groups.Select(g => g.Name));
        Assert.Equal([("pav alpha=1 policy=rft", "orm policy=rft", 10), ("pav alpha=1 policy=sft", "orm policy=sft", 60)], rl.Comparisons.Select(c => (c.A, c.B, Math.Round(100 * c.Difference.Value))));
    }

    [Fact]
    public void Seeds_with_starts_of_their_own_stand_side_by_side()
    {
        var rl = RlRuns.Read([Run("1/rft", "orm", 1, 0.5), Run("2/rft", "orm", 2, 0.7), Run("1/rft", "pav", 1, 0.9), Run("2/rft", "pav", 2, 0.9)])!;
        Assert.Equal(["orm", "pav alpha=1"], rl.Groups.Select(g => g.Name));
        Assert.Equal((2, 0.3), (Assert.Single(rl.Comparisons).Seeds, Math.Round(rl.Comparisons[0].Difference.Value, 12)));
    }

    private (string, RunRow) Run(string policy, string reward, int seed, double end)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{policy}-{reward}-{seed}");
        var rows = string.Create(CultureInfo.InvariantCulture, $$"""
            {"iteration":0,"valid_accuracy":0.05}
            {"iteration":10,"valid_accuracy":{{end}}}

            """);
        folder.Write(Path.Combine(name, "metrics.jsonl"), rows);
        var options = JsonSerializer.SerializeToElement(new Dictionary<string, object> { ["policy"] = policy, ["problems"] = "train.jsonl", ["reward"] = reward, ["alpha"] = 1, ["verifier"] = reward == "orm" ? "" : "verifier", ["seed"] = seed, ["baseline"] = "leave_one_out" });
        return (folder.At(name), new("rl", name, options));
    }
}
