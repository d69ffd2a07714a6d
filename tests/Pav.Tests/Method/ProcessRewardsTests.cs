namespace Pav.Tests.Method;

/// <summary>What becomes of step rewards, worked: a group of two right traces and two wrong ones, and one of a single wrong
/// trace.</summary>
public class ProcessRewardsTests
{
    private static readonly StepReturns[][] Groups =
    [
        [new(1, [0.1, 0.3]), new(1, [0.5]), new(0, [0.2, -0.3, 0.1]), new(0, [-0.4])],
        [new(0, [0.1, -0.1])],
    ];

    private static double[][] Shaped(ProcessRule rule, StepReturns[][]? groups = null) =>
        [.. ProcessRewards.Shape(rule, groups ?? Groups, 0.25).SelectMany(g => g)
            .Select(t => t.Dense.Select(d => Math.Round(d, 4)).ToArray())];

    [Fact]
    public void Plain_rewards_stay() => Assert.Equal(Groups.SelectMany(g => g).Select(t => t.Dense), Shaped(ProcessRule.Plain));

    /// <summary>Nine steps: their sum is 0.5 and that of squares 0.67, so the mean is 0.0556 and the variance (0.67 − 0.0278)/8 =
    /// 0.2833².</summary>
    [Fact]
    public void Normalised_rewards_have_mean_0_and_deviation_1_over_the_batch()
    {
        var shaped = ProcessRewards.Shape(ProcessRule.Normalised, Groups, 0.25).SelectMany(g => g).SelectMany(t => t.Dense).ToList();
        Assert.Equal(0, shaped.Average(), 12);
        Assert.Equal(1, shaped.Sum(d => d * d) / (shaped.Count - 1), 12);
        Assert.Equal((0.1 - 0.0556) / 0.2833, shaped[0], 3);
        Assert.Equal([[0, 0]], Shaped(ProcessRule.Normalised, [[new(1, [0.2, 0.2])]]));
    }

    [Fact]
    public void Groups_that_outcomes_tell_apart_have_none() =>
        Assert.Equal<double[]>([[0, 0], [0], [0, 0, 0], [0], [0.1, -0.1]], Shaped(ProcessRule.SilentGroups));

    /// <summary>PAPO. Of 0.1, 0.3 and 0.5 the mean is 0.3 and the deviation 0.2.</summary>
    [Fact]
    public void Right_traces_are_compared_with_right_ones_only() =>
        Assert.Equal<double[]>([[-1, 0], [1], [0, 0, 0], [0], [0, 0]], Shaped(ProcessRule.AmongRight));

    /// <summary>PROGRS. Of 0.2, −0.3, 0.1 and −0.4 the mean is −0.1.</summary>
    [Fact]
    public void Wrong_traces_gain_nothing_in_sum() =>
        Assert.Equal<double[]>([[0.1, 0.3], [0.5], [0.3, -0.2, 0.2], [-0.3], [0.1, -0.1]], Shaped(ProcessRule.CentredWrong));

    /// <summary>VPPO. The first fall of 0.25 is a wrong trace's first error; where there is none, nothing is known to be right.</summary>
    [Fact]
    public void Steps_before_the_first_error_of_a_wrong_trace_are_rewarded() =>
        Assert.Equal<double[]>([[0, 0], [0], [1, 0, 0], [0], [0, 0]], Shaped(ProcessRule.BeforeError));

    /// <summary>V^π = 0.2 and Bo4: all four traces are wrong with probability 0.8⁴ = 0.4096.</summary>
    [Fact]
    public void Alpha_by_value_is_the_share_that_is_left_to_gain()
    {
        Assert.Equal(0.4096, ProblemAlpha.Share(AlphaRule.Value, BestOfK.FromQ(0.2, 4)), 12);
        Assert.Equal((1, 0), (ProblemAlpha.Share(AlphaRule.Value, 0), ProblemAlpha.Share(AlphaRule.Value, 1)));
        Assert.Equal(1, ProblemAlpha.Share(AlphaRule.Same, 0.9));
    }
}
