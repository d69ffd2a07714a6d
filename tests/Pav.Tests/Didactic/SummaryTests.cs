using Pav.Didactic;

namespace Pav.Tests.Didactic;

public class DidacticSummaryTests
{
    private static readonly DidacticPlan Plan = new()
    {
        Length = 6, Gamma = 10, Lengths = [3, 6], OutcomeLengths = [3, 6], Gammas = [1, 10, 100], Methods = [GradientMethod.Adam],
        Rewards = [StepReward.AMu], RewardLengths = [3, 6], PassLengths = [6],
        Seeds = 3, SweepSeeds = 2, RewardSeeds = 1, Planted = 4, Iterations = 350, OutcomeIterations = 3500, Rollouts = 100, First = 1,
    };

    [Fact]
    public void Every_run_is_planned_once_and_for_as_long_as_any_figure_needs()
    {
        var runs = Plan.Runs();
        Assert.Equal(runs.Count, runs.Select(r => r.Kind()).Distinct().Count());
        // Outcome: 3 seeds at length 3 (400 are enough there), 3 at length 6, and a fourth planted sequence for Pass@N alone.
        Assert.Equal([400, 400, 400, 3500, 3500, 3500, 100], runs.Where(r => r.Reward == StepReward.Outcome).OrderBy(r => r.Length)
            .ThenBy(r => r.Seed).Select(r => r.Iterations));
        // A^μ at length 6 and γ = 10, exact: 3 seeds of Fig. 3a that the sweep shares, and the fourth sequence.
        Assert.Equal([350, 350, 350, 100], runs.Where(r => r is { Length: 6, Reward: StepReward.AMuAllActions, Gamma: 10, Rollouts: 0 })
            .OrderBy(r => r.Seed).Select(r => r.Iterations));
        Assert.Equal(6, runs.Count(r => r.Rollouts == 100));
        Assert.All(runs, r => Assert.Equal(r.Reward == StepReward.Outcome, r.Gamma is null));
    }

    [Fact]
    public void Reach_counts_never_as_later_than_all()
    {
        Assert.Equal(new Reach(2, 90, 120, null), Reach.From([120, null, 90]));
        Assert.Equal(new Reach(1, 90, null, null), Reach.From([null, 90, null]));
        Assert.Equal(new Reach(3, 80, 90, 120), Reach.From([120, 80, 90]));
    }

    [Fact]
    public void A_row_says_when_a_level_was_reached_first()
    {
        var row = Row(new(6, StepReward.AMuAllActions, 10, GradientMethod.Adam, 0, 1, 40), 0, 0.4, 0.995, 0.9, 1);
        Assert.Equal((20, 20, 40), (row.Reached(0.5), row.Reached(0.99), row.Reached(1)));
        Assert.Equal((0 + 0.4 + 0.995) / 3, row.MeanOver(20), 12);
    }

    [Fact]
    public void The_findings_say_what_does_not_show()
    {
        double[] Rise(double level) => [.. Enumerable.Range(0, 36).Select(i => i < 10 ? 0 : level)];
        var rows = Plan.Runs().Select(r => r switch
        {
            { Reward: StepReward.Outcome, Length: 6 } => Row(r, new double[1 + r.Iterations / 10]),
            { Reward: StepReward.Outcome } => Row(r, [.. Enumerable.Range(0, 41).Select(i => i < 13 ? 0.0 : 1)]),
            _ => Row(r, Rise(r.Gamma == 1 ? 0.3 : 1)),
        }).ToList();
        var summary = DidacticSummary.From(Plan, new(), rows, [
            new(3, StepReward.AMuAllActions, 1, GradientMethod.Sgd, 1, 1002, 1500),
                new(3, StepReward.AMuAllActions, 15, GradientMethod.Sgd, 1, 334, 1500),
            new(3, StepReward.AMuAllActions, 100, GradientMethod.Sgd, 1, null, 1500),
                new(3, StepReward.Outcome, null, GradientMethod.Sgd, 1, null, 1500)]);

        string Only(string part) => Assert.Single(summary.Findings, f => f.Contains(part));
        Assert.Contains("3 of 3 seeds reach 99%, the first after 100 iterations and the last after 100",
            Only("γ = 10, A^μ over all actions"));
        Assert.Contains("the median seed is at 0.0% after 3500 iterations; 0 of 3 reach 99%", Only("|y*| = 6, outcome"));
        Assert.Contains("100 iterations to 99% with A^μ and 130 with outcome reward only, less than 2 times apart", Only("|y*| = 3: 100"));
        Assert.Contains("A plateau up to γ = 100: the paper's upper cut-off of γ (Fig. 3b, about 15) does not show.",
            Only("Adam, exact values"));
        Assert.Contains("an interior optimum at γ = 15 (334 updates to 99%; more than 1500 at γ = 100; more than 1500 with outcome "
            + "reward only)", Only("Exact gradient"));
        Assert.Equal([(1.0, 2, 0.0), (10, 2, 1), (100, 2, 1)], summary.Strengths.Where(s => s.Rollouts == 0)
            .Select(s => (s.Gamma, s.Seeds, s.Solved / 2.0)));
        Assert.Equal(1 - Math.Pow(0.75, 4), summary.Passes.Single(p => p.Reward == StepReward.AMuAllActions).Points.Single(p =>
            p.N == 4).Pass, 12);
    }

    private static PlantedRow Row(PlantedRun run, params double[] curve) => new(run, [1, 2, 3], 1e-6, 0.25, curve, 1);
}
