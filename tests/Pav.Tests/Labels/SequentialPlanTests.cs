namespace Pav.Tests.Labels;

public class SequentialPlanTests
{
    private static readonly SequentialPlan[] Plans = [new(4, 64, 0.15), new(4, 32, 0.2, 3), new(1, 20, 0.3), new(5, 33, 0.1, 2.5)];

    [Fact]
    public void The_estimate_is_unbiased_for_every_Q_and_the_plan_always_ends()
    {
        foreach (var plan in Plans)
        {
            for (var q = 0.02; q < 1; q += 0.07)
            {
                var (total, mean) = (0.0, 0.0);
                foreach (var (n, c, estimate, log) in plan.AtStops())
                {
                    var p = Math.Exp(log * Math.Log(2) + c * Math.Log(q) + (n - c) * Math.Log(1 - q));
                    Assert.InRange(estimate, 0, 1);
                    Assert.Equal(estimate, plan.Estimate(n, c));
                    total += p;
                    mean += p * estimate;
                }

                Assert.Equal(1, total, 9);
                Assert.Equal(q, mean, 9);
            }
        }
    }

    [Fact]
    public void The_plain_ratio_would_be_biased()
    {
        var plan = new SequentialPlan(4, 64, 0.2, 2);
        double Bias(double q) =>
            plan.AtStops().Sum(s => Math.Exp(s.Log2Orders * Math.Log(2) + s.C * Math.Log(q) + (s.N - s.C) * Math.Log(1 - q)) * s.C / s.N)
            - q;
        Assert.True(Bias(0.6) > 0.01, "stopping far from 0.5 pushes the ratio away from it");
        Assert.True(Bias(0.4) < -0.01);
    }

    [Fact]
    public void Worked()
    {
        // Looks at every completion and stops when Wilson's interval of one standard error leaves 0.5 out: at once.
        var plan = new SequentialPlan(1, 2, 0.01, 0.9);
        Assert.True(plan.Enough(1, 1));
        Assert.Equal((1, 0), (plan.Estimate(1, 1), plan.Estimate(1, 0)));
        Assert.Equal(plan, SequentialPlan.Parse(plan.ToString()));
        Assert.Equal(0.5, new SequentialPlan(2, 8, 0.01).Estimate(8, 4));
    }

    [Fact]
    public void Extreme_prefixes_need_few_completions_and_uncertain_ones_many()
    {
        var plan = new SequentialPlan(4, 64, 0.15);
        double Expected(double q) =>
            plan.AtStops().Sum(s => s.N * Math.Exp(s.Log2Orders * Math.Log(2) + s.C * Math.Log(q) + (s.N - s.C) * Math.Log(1 - q)));
        Assert.InRange(Expected(0.001), 8, 14);
        Assert.InRange(Expected(0.5), 35, 64);
    }

    [Theory]
    [InlineData(0, 8, 0.1)]
    [InlineData(9, 8, 0.1)]
    [InlineData(4, 5000, 0.1)]
    [InlineData(4, 64, 0.6)]
    public void Impossible_plans_are_refused(int first, int most, double width) =>
        Assert.Throws<UserError>(new SequentialPlan(first, most, width).Check);
}
