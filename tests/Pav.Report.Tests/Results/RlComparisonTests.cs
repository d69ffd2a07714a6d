namespace Pav.Report.Tests.Results;

public class RlComparisonTests
{
    private static RlCurve Curve(ulong seed, params double[] accuracy) =>
        new(seed, [.. accuracy.Select((a, i) => new RlPoint(10 * i, 1000 * i, 1500 * i, a))]);

    [Fact]
    public void The_worked_pair()
    {
        var c = RlComparison.From("a", [Curve(1, 0.1, 0.3, 0.5)], "b", [Curve(1, 0.1, 0.2, 0.3)])!;
        Assert.Equal(0.2, c.Difference.Value, 12);
        Assert.Null(c.Difference.Low);
        Assert.Equal((1, 1), (c.Seeds, c.Reached));
        Assert.Equal(2, c.Iterations!.Value, 12);
        Assert.Equal(2, c.Tokens!.Value, 12);
    }

    [Fact]
    public void Between_measures_a_curve_is_linear_and_only_common_seeds_are_paired()
    {
        var c = RlComparison.From("a", [Curve(1, 0, 0.5, 0.5), Curve(2, 0, 0.1, 0.2), Curve(9, 1, 1, 1)], "b",
            [Curve(1, 0, 0.2, 0.4), Curve(2, 0, 0.2, 0.4)])!;
        Assert.Equal((2, 1), (c.Seeds, c.Reached));
        Assert.Equal(20 / 8.0, c.Iterations!.Value, 12);
        Assert.Equal(-0.05, c.Difference.Value, 12);
        Assert.Equal(-0.05 - 12.706 * 0.15, c.Difference.Low!.Value, 9);
        Assert.Null(RlComparison.From("a", [Curve(1, 0)], "b", [Curve(2, 0)]));
        Assert.Null(RlComparison.From("a", [Curve(1, 0, 0.1)], "b", [Curve(1, 0, 0.2)])!.Iterations);
    }

    [Fact]
    public void An_end_that_is_no_higher_than_the_start_has_no_ratio()
    {
        var c = RlComparison.From("a", [Curve(1, 0.1, 0.3, 0.5), Curve(2, 0.1, 0.2, 0.3)], "b",
            [Curve(1, 0.1, 0.2, 0.1), Curve(2, 0.1, 0.2, 0.2)])!;
        Assert.Equal((2, 1, 1), (c.Seeds, c.Reached, c.FromStart));
        Assert.Equal(1, c.Iterations!.Value, 12);
    }

    [Fact]
    public void Intervals_over_seeds_are_Students()
    {
        var interval = RlComparison.Over([1, 2, 3]);
        Assert.Equal(2, interval.Value, 12);
        Assert.Equal(2 - 4.303 / Math.Sqrt(3), interval.Low!.Value, 9);
        Assert.Equal(2 + 4.303 / Math.Sqrt(3), interval.High!.Value, 9);
    }
}
