using Pav.Serve.Rewards;

namespace Pav.Serve.Tests.Rewards;

public class StepRewardTests
{
    private static readonly StepSpan[] Spans = [new(0, 6, 0, 3), new(6, 10, 3, 5)];
    private static readonly double[] Q = [0.3, 0.5, 0.2];

    [Fact]
    public void Of_the_policy_itself()
    {
        // A = (0.5 - 0.3, 0.2 - 0.5); with alpha 0.5 the rewards are 0.5 + 0.1 and 0.2 - 0.15.
        var reward = TraceReward.From(Spans, Q, Q, 0.5, 1);
        Assert.Equal([0.2, -0.3], reward.Steps.Select(s => Math.Round(s.Progress, 12)));
        Assert.Equal([0.6, 0.05], reward.Steps.Select(s => Math.Round(s.Reward, 12)));
        Assert.Equal((0.3, 0.2, 1), (reward.Q0, reward.Q, reward.Outcome));
        Assert.Equal(-0.1, reward.ProgressSum, 12);
        Assert.Equal(-0.3, reward.ProgressMin, 12);
    }

    [Fact]
    public void Of_the_best_of_two()
    {
        // 1 - 0.7^2, 1 - 0.5^2, 1 - 0.8^2.
        var proved = Prover.BestOf(2).Derive(Q);
        Assert.Equal([0.51, 0.75, 0.36], proved.Select(q => Math.Round(q, 12)));
        var reward = TraceReward.From(Spans, Q, proved, 0.5, null);
        Assert.Equal([0.24, -0.39], reward.Steps.Select(s => Math.Round(s.Progress, 12)));
        Assert.Equal([0.62, 0.005], reward.Steps.Select(s => Math.Round(s.Reward, 12)));
    }

    [Fact]
    public void Without_a_step_there_is_the_value_of_the_problem()
    {
        var reward = TraceReward.From([], [0.3], [0.3], 1, null);
        Assert.Equal((0.3, 0.0, 0.0), (reward.Q, reward.ProgressSum, reward.ProgressMin));
        Assert.Throws<ArgumentException>(() => TraceReward.From(Spans, [0.3], [0.3], 1, null));
    }

    [Theory, InlineData(0.5, 0), InlineData(0.9, 2.1972245773), InlineData(0.1, -2.1972245773)]
    [InlineData(1, 16.6355322735), InlineData(0, -16.6355322735)]
    public void What_is_before_the_activation(double q, double logit) => Assert.Equal(logit, PoolingRequest.Logit(q), 7);
}
