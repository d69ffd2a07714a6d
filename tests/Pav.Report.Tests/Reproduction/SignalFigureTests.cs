using Pav.Models.Training;
using Pav.Report.Reproduction;

namespace Pav.Report.Tests.Reproduction;

public class SignalFigureTests
{
    private static Interval Around(double value) => new(value, value - 0.01, value + 0.01);

    private static GradientSignal Gradient(double worth, double ratio) => new(ratio, 1, Around(ratio), Around(0.9), Around(worth));

    /// <summary>Counted values are worth half of exact ones, and their signal to noise is half.</summary>
    private static MethodSignal Method(string reward, double? alpha, double worth, double ratio = 0.1, bool counted = false) =>
        new(reward, alpha, Gradient(counted ? worth / 2 : worth, counted ? ratio / 2 : ratio), 1000,
            counted ? Gradient(worth, ratio) : null);

    /// <summary>Worth of progress by the verifier, and with exact values by the prover and the policy, each at α = 1; half of it at α =
    /// 3.</summary>
    private static SignalPoint Point(string run, int iteration, double verifier, double prover, double policy, double ratio = 0.1,
        int traps = 5) => new(traps, run, iteration, new("s", 8, 256, 2000, 0.1, 100,
        [
            Method("orm", null, 1, 0.02), Method("grpo", null, 1), Method("lambda_grpo", null, 1),
            Method("vineppo", null, 2, ratio, counted: true),
            .. new[] { ("pav", verifier), ("pav_prover", prover), ("pav_policy", policy) }.SelectMany(s => new[]
            {
                Method(s.Item1, 1, s.Item2, counted: s.Item1 != "pav"), Method(s.Item1, 3, s.Item2 / 2, 0.2, counted: s.Item1 != "pav"),
            }),
        ], new(Around(0.5), Around(0.4), Around(0.3)), 100));

    private static FigureSummary From(params SignalPoint[] points) => SignalFigure.From("s", points, 3, new("test", ["s"], 0, 1, 0, 0));

    private static string Cell(FigureSummary figure, string policy, string column) =>
        figure.Table!.Rows.Single(r => r[0] == policy)[figure.Table.Columns.Index().Single(c => c.Item == column).Index];

    /// <summary>With a factor of 1.5: exact progress below it is noise; 4 is more than 1.5 times 2; 2 more than 1.5 times 1; else
    /// none.</summary>
    [Theory]
    [InlineData(1, 1.4, 1.4, "Noise of the traces limits it", "noise of the traces")]
    [InlineData(1, 2, 4, "The policy leaves the prover behind", "a prover left behind")]
    [InlineData(1, 2, 2.5, "The verifier's errors limit it", "the verifier's errors")]
    [InlineData(1.8, 2, 2.5, "Nothing of the three limits it", "nothing")]
    [InlineData(4, 1, 1, "Nothing of the three limits it", "nothing")]
    [InlineData(4, 0.5, 1, "Nothing of the three limits it", "nothing")]
    public void The_largest_worth_over_weights_says_what_limits(double verifier, double prover, double policy, string words, string limit)
    {
        var figure = From(Point("pav", 50, verifier, prover, policy));
        Assert.StartsWith($"Measured. {words}", figure.Sentence, StringComparison.Ordinal);
        Assert.EndsWith(": at 1 of 1 policies along RL.", figure.Sentence, StringComparison.Ordinal);
        Assert.Equal(FigureVerdict.Measured, figure.Verdict);
        Assert.Equal([verifier, prover], figure.Findings.Select(f => f.Value));
        Assert.Equal(
            "s, 5 traps or more, pav 50: batches of outcome rewards that one is worth, the verifier's progress (α 1)",
            figure.Findings[0].What);
        Assert.Equal(limit, Cell(figure, "5 traps or more, pav 50", "limit"));
    }

    [Fact]
    public void A_row_has_counted_and_exact_values_and_a_start_its_signals()
    {
        var figure = From(Point("pav", 0, 1, 2, 4, traps: 8), Point("pav", 25, 1, 2, 4, ratio: 0.005, traps: 8));
        const string start = "8 traps or more, start";
        Assert.Equal("1.00 [0.99, 1.01] (α 1)", Cell(figure, start, "prover's, counted"));
        Assert.Equal("2.00 [1.99, 2.01] (α 1)", Cell(figure, start, "prover's, exact"));
        Assert.Equal("4.00 [3.99, 4.01] (α 1)", Cell(figure, start, "policy's, exact"));
        Assert.Equal("0.20 [0.19, 0.21] (α 3)", Cell(figure, start, "of the prover's, exact"));
        Assert.Equal([0.02, 0.2, 0.2, 1, 2], figure.Findings.Select(f => f.Value));
        // Where the outcome's gradient is lost in noise, worth is not told.
        Assert.Equal(("", "lost in noise"), (Cell(figure, "8 traps or more, pav 25", "prover's, exact"),
            Cell(figure, "8 traps or more, pav 25", "limit")));
        Assert.Equal(["8 traps or more, RL on progress"], figure.Panels.Select(p => p.Title).Distinct());
    }

    [Fact]
    public void Limits_are_counted_once_for_the_start_and_ties_are_told()
    {
        SignalPoint noise = Point("orm", 50, 1, 1, 1), errors = Point("pav", 50, 1, 2, 2), lost = Point("pav", 100, 9, 9, 9, ratio: 0.005);
        Assert.Equal("Measured. No limit is found more often than others. Noise of the traces limits it, as even exact progress is worth "
            + "little more than outcomes: at 1 of 3 policies along RL; the verifier's errors at 1; not to be told from noise at 1.",
            From(noise, errors, lost).Sentence);
        // Both runs' starts are one policy; on other problems it is measured anew.
        SignalPoint[] starts = [Point("orm", 0, 1, 2, 2), Point("pav", 0, 1, 2, 2)];
        Assert.Contains("at 2 of 3 policies along RL; noise of the traces at 1", From([.. starts, noise, errors]).Sentence,
            StringComparison.Ordinal);
        Assert.Contains("at 3 of 4 policies along RL", From([.. starts, Point("pav", 0, 1, 2, 2, traps: 8), noise, errors]).Sentence,
            StringComparison.Ordinal);
        Assert.StartsWith("Measured. At none of the 1 policies", From(lost).Sentence, StringComparison.Ordinal);
    }
}
