using Pav.Models.Training;
using Pav.Report.Reproduction;

namespace Pav.Report.Tests.Reproduction;

public class SignalFigureTests
{
    private static Interval Around(double value) => new(value, value - 0.01, value + 0.01);

    private static MethodSignal Method(string reward, double? alpha, double worth, double ratio = 0.1) =>
        new(reward, alpha, new(ratio, 1, Around(ratio), Around(0.9), Around(worth)), 1000);

    /// <summary>Worth of progress by the verifier, the prover's oracle and the policy's, each at α = 1; half of it at α = 3.</summary>
    private static SignalPoint Point(string run, int iteration, double verifier, double prover, double policy, double ratio = 0.1) => new(
        run, iteration, new("s", 8, 256, 2000, 0.1, 100,
        [
            Method("orm", null, 1), Method("grpo", null, 1), Method("lambda_grpo", null, 1), Method("vineppo", null, 2, ratio),
            .. new[] { ("pav", verifier), ("pav_prover", prover), ("pav_policy", policy) }.SelectMany(s =>
                new[] { Method(s.Item1, 1, s.Item2), Method(s.Item1, 3, s.Item2 / 2) }),
        ], new(Around(0.5), Around(0.4), Around(0.3)), 100));

    private static FigureSummary From(params SignalPoint[] points) => SignalFigure.From("s", points, 3, new("test", ["s"], 0, 1, 0, 0));

    /// <summary>With a factor of 1.5: oracles below it are noise; 4 is more than 1.5 times 2; 2 more than 1.5 times 1; else none.</summary>
    [Theory]
    [InlineData(1, 1.4, 1.4, "Noise limits it")]
    [InlineData(1, 2, 4, "The policy leaves the prover behind")]
    [InlineData(1, 2, 2.5, "The verifier's errors limit it")]
    [InlineData(1.8, 2, 2.5, "Nothing of the three limits it")]
    public void The_largest_worth_over_weights_says_what_limits(double verifier, double prover, double policy, string words)
    {
        var figure = From(Point("pav", 50, verifier, prover, policy));
        Assert.StartsWith($"Measured. {words}", figure.Sentence, StringComparison.Ordinal);
        Assert.EndsWith(": at 1 of 1 policies along RL.", figure.Sentence, StringComparison.Ordinal);
        Assert.Equal(FigureVerdict.Measured, figure.Verdict);
        const string best = "s, pav 50: the same at the best weight tried, progress by the verifier";
        Assert.Equal(verifier, figure.Findings.Single(f => f.What.StartsWith(best, StringComparison.Ordinal)).Value);
    }

    [Fact]
    public void Limits_are_counted_once_for_the_start_and_ties_are_told()
    {
        SignalPoint noise = Point("orm", 50, 1, 1, 1), errors = Point("pav", 50, 1, 2, 2), lost = Point("pav", 100, 9, 9, 9, ratio: 0.005);
        Assert.Equal("Measured. No limit is found more often than others. Noise limits it, as even progress by an oracle is worth little "
            + "more than outcomes: at 1 of 3 policies along RL; the verifier's errors at 1; not to be told from noise at 1.",
            From(noise, errors, lost).Sentence);
        // Both runs' starts are one policy.
        Assert.Contains("at 2 of 3 policies along RL; noise at 1", From(Point("orm", 0, 1, 2, 2), Point("pav", 0, 1, 2, 2), noise, errors)
            .Sentence, StringComparison.Ordinal);
        Assert.StartsWith("Measured. At none of the 1 policies", From(lost).Sentence, StringComparison.Ordinal);
    }
}
