namespace Pav.Tests.Method;

/// <summary>The worked number of each formula's file.</summary>
public class MethodTests
{
    [Fact]
    public void Q_estimate()
    {
        var q = new QEstimate(20, 5);
        Assert.Equal(0.25, q.Value);
        Assert.False(default(QEstimate).Known);
        Assert.Throws<InvalidOperationException>(() => default(QEstimate).Value);
    }

    [Fact]
    public void Advantage_of_steps_telescopes()
    {
        double[] q = [0.3, 0.5, 0.2];
        Assert.Equal([0.2, -0.3], Advantage.OfSteps(q).Select(a => Math.Round(a, 12)));
        Assert.Equal(-0.1, Advantage.OfSteps(q).Sum(), 12);
        Assert.Equal(-0.3, Advantage.OfLastStep(q), 12);
        Assert.Equal(0, Advantage.OfLastStep([0.3]));
    }

    [Fact]
    public void Effective_reward() => Assert.Equal(0.5, EffectiveReward.Compute(0.6, -0.2, 0.5), 12);

    [Fact]
    public void Best_of_K()
    {
        Assert.Equal(0.68359375, BestOfK.FromQ(0.25, 4));
        Assert.Equal(5.0 / 6, BestOfK.FromCounts(new(4, 2), 2), 12);
        Assert.Equal(1, BestOfK.FromCounts(new(4, 3), 2));
        Assert.Equal(0, BestOfK.FromCounts(new(4, 0), 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => BestOfK.FromCounts(new(4, 2), 5));
    }

    [Fact]
    public async Task Best_of_K_verifier_transforms_every_value()
    {
        var trace = Prefix.Root(Toy.Problem(0)).Then("ok\n").Then("Answer: 1", ended: true);
        var scored = Assert.Single(await new BestOfKVerifier(new ToyExact(), 4).Score([trace]));
        var exact = Assert.Single(await new ToyExact().Score([trace]));
        Assert.Equal(exact.Q.Select(q => 1 - Math.Pow(1 - q, 4)), scored.Q);
        Assert.Equal(exact.Tokens, scored.Tokens);
        Assert.Equal("bo4", new BestOfKVerifier(new ToyExact(), 4).Name);
    }

    [Fact]
    public void Pass_at_N() => Assert.Equal(0.4, PassAtN.Compute(5, 1, 2), 12);

    [Fact]
    public void Votes()
    {
        Assert.Equal("7", Vote.Majority(["7", "8", "7"]));
        Assert.Equal("8", Vote.Weighted([("7", 0.2), ("8", 0.9), ("7", 0.3)]));
        Assert.Equal("8", Vote.Majority(["8", "7", "7", "8", null, null, null]));
        Assert.Null(Vote.Majority([null, null]));
    }

    [Fact]
    public void Warm_up_and_cosine()
    {
        var rate = new WarmupCosine(1, 10, 110);
        Assert.Equal(0.5, rate.At(4), 12);
        Assert.Equal(1, rate.At(9), 12);
        Assert.Equal(1, rate.At(10), 12);
        Assert.Equal(0.5, rate.At(60), 12);
        Assert.Equal(0, rate.At(110));
        Assert.Equal(2, new WarmupCosine(2, 0, 10).At(0), 12);
    }

    private static StepEstimate Other(QEstimate prover, QEstimate policy) => StepEstimate.FromOther(prover, policy);

    [Fact]
    public void Step_estimate()
    {
        Assert.Equal(new StepEstimate(1, 0.5, 0, 0.25, 0), StepEstimate.FromBestOf(2, new(4, 1)));
        Assert.Equal(0.25, StepEstimate.FromBestOf(2, new(4, 1)).Noise);
        Assert.Equal(new StepEstimate(3, 1, 1, 1, 1), StepEstimate.FromBestOf(8, new(1, 1), drawn: 3, ended: true));
        Assert.Equal(0.25 * 0.75 / 19, Other(new(20, 5), new(4, 1)).Noise, 12);
    }

    [Fact]
    public void Distinguishability_and_alignment()
    {
        Assert.Equal(0.0625, Distinguishability.OfState([Other(new(4, 1), new(4, 1)), Other(new(4, 3), new(4, 1))]), 12);
        Assert.Equal(0.125, Alignment.OfState([Other(new(4, 1), new(4, 2)), Other(new(4, 3), new(4, 4))]), 12);
        StepEstimate[] steps =
            [.. new QEstimate[] { new(6, 1), new(6, 4), new(6, 3) }.Select((q, i) => StepEstimate.FromBestOf(1, q, drawn: i + 1))];
        Assert.Equal(Distinguishability.OfState(steps), Alignment.OfState(steps), 12);
        Assert.Equal(Distinguishability.OfState([steps[1], steps[0]]) * 3 / 4,
            Distinguishability.OfState([steps[0], steps[1] with { Drawn = 3 }]), 12);
        Assert.Equal(0, Distinguishability.OfState([steps[0] with { Drawn = 2 }]));
        Assert.True(double.IsNaN(Distinguishability.OfState([steps[0]])));
    }

    [Fact]
    public void Too_few_completions_for_K_give_no_number()
    {
        StepEstimate[] Steps(int k) => [StepEstimate.FromBestOf(k, new(6, 1)), StepEstimate.FromBestOf(k, new(6, 4))];
        Assert.True(double.IsFinite(Distinguishability.OfState(Steps(3))));
        Assert.True(double.IsNaN(Distinguishability.OfState(Steps(4))));
        Assert.True(double.IsFinite(Alignment.OfState(Steps(5))));
        Assert.True(double.IsNaN(Alignment.OfState(Steps(6))));
    }

    [Fact]
    public void Balanced_buckets_weigh_both_alike()
    {
        double[] labels = [0, 0, 0.2, 0.9];
        Assert.Equal([2 / 3.0, 2 / 3.0, 2 / 3.0, 2], BalancedBuckets.Weights(labels), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal([1, 1], BalancedBuckets.Weights([0.1, 0.2]));
    }

    [Fact]
    public void Thompson_draws_each_judge_as_often_and_by_the_problem_alone()
    {
        var drawn = Enumerable.Range(0, 4000).Select(i => new Caution(DrawnBy: 3).Draw($"problem {i}", 4)!.Value).ToList();
        Assert.All(drawn.CountBy(j => j), c => Assert.InRange(c.Value, 880, 1120));
        Assert.Equal(4, drawn.Distinct().Count());
        Assert.Equal(drawn, Enumerable.Range(0, 4000).Select(i => new Caution(DrawnBy: 3).Draw($"problem {i}", 4)!.Value));
        Assert.NotEqual(drawn, Enumerable.Range(0, 4000).Select(i => new Caution(DrawnBy: 4).Draw($"problem {i}", 4)!.Value));
        Assert.Null(Caution.None.Draw("problem", 4));
    }

    [Fact]
    public void Caution_lowers_a_mean_by_the_spread_of_its_judges()
    {
        double[] judges = [0.4, 0.6];
        Assert.Equal(0.358579, new Caution(1).Apply(0.5, judges), 6);
        Assert.Equal(0.4, new Caution(Worst: true).Apply(0.5, judges));
        Assert.Equal(0.5, Caution.None.Apply(0.5, judges));
        Assert.Equal(0, new Caution(50).Apply(0.5, judges));
        Assert.Equal(0.7, new Caution(5).Apply(0.7, [0.7]));
        Assert.Equal([new Caution(0.5), new Caution(Worst: true), new Caution(DrawnBy: 7)],
            new[] { "0.5", "worst", "thompson" }.Select(t => Caution.Parse("--caution", t, seed: 7)));
        Assert.Contains("--caution", Assert.Throws<UserError>(() => Caution.Parse("--caution", "-1")).Message);
    }
}
