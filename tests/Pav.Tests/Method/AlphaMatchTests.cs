namespace Pav.Tests.Method;

/// <summary>α by the scale of the step rewards.</summary>
public class AlphaMatchTests
{
    private static readonly double[] Rewards = [.. Enumerable.Range(0, 600).SelectMany(_ => new[] { 0.3, -0.4 })];

    /// <summary>r = √((0.09 + 0.16)/2) = 0.353553: α = 0.06·0.5/0.353553 = 0.084853, twice that for normalised outcomes.</summary>
    [Fact]
    public void Alpha_is_that_of_the_worked_example()
    {
        var match = new AlphaMatch().With(Rewards);
        Assert.Equal(0.353553, match.Scale, 6);
        Assert.Equal(0.084853, match.Alpha(0.5), 6);
        Assert.Equal(0.169706, match.Alpha(1), 6);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.1)]
    [InlineData(2)]
    public void Rewards_of_another_scale_get_that_much_less_weight(double times)
    {
        var match = new AlphaMatch().With(Rewards.Select(r => times * r));
        Assert.Equal(new AlphaMatch().With(Rewards).Alpha(0.5) / times, match.Alpha(0.5), 12);
    }

    /// <summary>Also where no step has earned anything: α then weighs nothing.</summary>
    [Fact]
    public void Alpha_stays_within_its_limits()
    {
        Assert.Equal(AlphaMatch.Highest, new AlphaMatch().With(Rewards.Select(r => 1e-4 * r)).Alpha(0.5));
        Assert.Equal(AlphaMatch.Lowest, new AlphaMatch().With(Rewards.Select(r => 1e4 * r)).Alpha(0.5));
        Assert.Equal(AlphaMatch.Highest, new AlphaMatch().With([0, 0]).Alpha(0.5));
    }

    [Fact]
    public void Batches_that_earn_nothing_do_not_count_and_others_add_up_until_there_are_enough()
    {
        var (whole, parts) = (new AlphaMatch().With(Rewards), new AlphaMatch());
        foreach (var batch in Rewards.Chunk(300)) parts = parts.With(batch).With([0, 0]);
        Assert.Equal(whole.Scale, parts.Scale, 12);
        Assert.Equal(2, new AlphaMatch().With([0, 4, 0, 0]).Scale, 12);
        Assert.False(new AlphaMatch().With(Rewards.Take(AlphaMatch.Enough - 1)).Settled);
        Assert.True(whole.Settled);
        Assert.Equal(whole, whole.With([1, 1, 1]));
    }

    [Fact]
    public void Of_a_verifier_that_changes_the_scale_is_measured_anew_and_alpha_never_rises()
    {
        var first = new AlphaMatch().With(Rewards);
        Assert.Equal(first.Alpha(0.5) / 2, first.Anew().With(Rewards.Select(r => 2 * r)).Alpha(0.5), 12);
        Assert.Equal(first.Alpha(0.5), first.Anew().With(Rewards.Select(r => r / 2)).Alpha(0.5), 12);
        Assert.False(first.Anew().Settled);
    }
}
