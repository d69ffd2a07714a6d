using FsCheck;
using FsCheck.Fluent;
using Pav.Didactic;

namespace Pav.Tests.Method;

/// <summary>The pieces of the policy gradient that online RL is made of.</summary>
public class PolicyGradientTests
{
    private static readonly double[] Q = [0.3, 0.5, 0.2];

    public static TheoryData<DenseReward, Credit> Modes => new()
    {
        { DenseReward.None, Credit.Own }, { DenseReward.Progress, Credit.Own }, { DenseReward.Progress, Credit.ToGo },
            { DenseReward.Q, Credit.Own }, { DenseReward.Q, Credit.ToGo },
    };

    [Fact]
    public void Dense_rewards_of_a_worked_trace()
    {
        static double[] Rounded(DenseReward reward, Credit credit) =>
            [.. Returns.Dense(reward, credit, 2, Q, 2).Select(x => Math.Round(x, 12))];
        Assert.Equal<double[]>([0, 0], Returns.Dense(DenseReward.None, Credit.Own, 2, null, 2));
        Assert.Equal([0.4, -0.6], Rounded(DenseReward.Progress, Credit.Own));
        Assert.Equal([-0.2, -0.6], Rounded(DenseReward.Progress, Credit.ToGo));
        Assert.Equal([1, 0.4], Rounded(DenseReward.Q, Credit.Own));
        Assert.Equal([1.4, 0.4], Rounded(DenseReward.Q, Credit.ToGo));
        var returns = new StepReturns(1, Returns.Dense(DenseReward.Progress, Credit.Own, 2, Q, 2));
        Assert.Equal([1.4, 0.4], new[] { returns.At(0), returns.At(1) }.Select(r => Math.Round(r, 12)));
        Assert.Throws<ArgumentException>(() => Returns.Dense(DenseReward.Progress, Credit.Own, 2, [0.3], 2));
    }

    [Fact]
    public void Leave_one_out_of_a_worked_group()
    {
        var baselines = LeaveOneOut.Compute([new(1, [0.4, -0.6]), new(0, [0.2]), new(1, [0, 0.2])]);
        Assert.Equal([0.6, 0.6], baselines[0].Select(b => Math.Round(b, 12)));
        Assert.Equal([1.2], baselines[1].Select(b => Math.Round(b, 12)));
        Assert.Equal([0.8, 0.2], baselines[2].Select(b => Math.Round(b, 12)));
        Assert.Throws<ArgumentException>(() => LeaveOneOut.Compute([new(1, [0])]));
    }

    [Fact]
    public void A_leave_one_out_baseline_does_not_look_at_its_own_trace() => Prop.ForAll(
        ArbMap.Default.ArbFor<(int, int, int)>(), x =>
        {
            StepReturns[] group = [.. Enumerable.Range(0, 4)
                .Select(i =>
                new StepReturns((x.Item1 >> i) & 1,
                [.. Enumerable.Range(0, 1 + (i + Math.Abs(x.Item2 % 7)) % 3).Select(h => Math.Sin(x.Item3 + 3 * i + h))]))];
            var before = LeaveOneOut.Compute(group)[2];
            group[2] = new(1 - group[2].Rex, [.. group[2].Dense.Select(d => d + 5)]);
            return before.Zip(LeaveOneOut.Compute(group)[2], (a, b) => Math.Abs(a - b)).Max() < 1e-9;
        }).QuickCheckThrowOnFailure();

    /// <summary>What the loop computes with, on a policy whose exact gradient is known: each step's ∇log π times return minus baseline,
    /// mean over 20,000 episodes.</summary>
    [Theory, MemberData(nameof(Modes))]
    public void Mean_gradients_are_the_exact_one_without_and_with_baselines(DenseReward reward, Credit credit)
    {
        const int Groups = 2500, Size = 8;
        const double Alpha = 1.5;
        var task = new PlantedTask([2, 0], length: 4, vocabulary: 4);
        var policy = TabularPolicy.Softmax(task, [.. Enumerable.Range(0, task.TableSize).Select(i => 2 * Seeds.Uniform(11, i))]);
        var prover = ExactValues.From(TabularPolicy.Prover(task, 6));
        var exact = TabularGradient.Exact(policy, Same(reward, credit), Alpha, prover);
        foreach (var baseline in new[] { "none", "value", "leave one out" })
        {
            // Groups are independent of each other; the traces of one share their baseline.
            var (sum, squares) = (new double[exact.Length], new double[exact.Length]);
            for (var g = 0; g < Groups; g++)
            {
                Episode[] episodes = [.. Enumerable.Range(0, Size)
                    .Select(i => policy.Play(Seeds.Derive(3, baseline, "episode", g * Size + i)))];
                StepReturns[] returns =
                    [.. episodes.Select(e => new StepReturns(e.Rex(task), Returns.Dense(reward, credit, Alpha, prover.Along(e), e.Steps)))];
                var others = LeaveOneOut.Compute(returns);
                var gradient = new double[exact.Length];
                for (var i = 0; i < Size; i++)
                {
                    double Baseline(int t) =>
                        baseline switch { "value" => 0.4 + 0.1 * t - 0.2 * episodes[i].States[t], "leave one out" => others[i][t], _ => 0 };
                    TabularGradient.Reinforce(policy, episodes[i],
                        [.. Enumerable.Range(0, episodes[i].Steps).Select(t => returns[i].At(t) - Baseline(t))], gradient);
                }

                for (var p = 0; p < exact.Length; p++)
                    (sum[p], squares[p]) = (sum[p] + gradient[p] / Size, squares[p] + gradient[p] / Size * gradient[p] / Size);
            }

            var far = 0;
            for (var p = 0; p < exact.Length; p++)
            {
                var mean = sum[p] / Groups;
                var error = Math.Sqrt((squares[p] / Groups - mean * mean) / Groups);
                if (Math.Abs(mean - exact[p]) > 3 * error + 1e-12) far++;
                Assert.True(Math.Abs(mean - exact[p]) <= 4 * error + 1e-12,
                    $"{reward}, {credit}, {baseline}, logit {p}: {mean} ± {error}, exactly {exact[p]}");
            }

            // Three standard errors hold for all but one in 370 numbers.
            Assert.True(far <= 1, $"{reward}, {credit}, {baseline}: {far} of {exact.Length} means are more than three standard errors off");
        }
    }

    private static Pav.Didactic.StepReward Same(DenseReward reward, Credit credit) => (reward, credit) switch
    {
        (DenseReward.None, _) => Pav.Didactic.StepReward.Outcome,
        (DenseReward.Progress, Credit.Own) => Pav.Didactic.StepReward.AMu,
        (DenseReward.Progress, _) => Pav.Didactic.StepReward.AMuToGo,
        (_, Credit.Own) => Pav.Didactic.StepReward.QMu,
        _ => Pav.Didactic.StepReward.QMuToGo,
    };

    [Fact]
    public void The_guard_sees_progress_rise_while_right_answers_fall()
    {
        (double, double)[] worked = [(0.5, 0.1), (0.4, 0.1), (0.2, 0.3), (0.1, 0.3)];
        var signs = RewardHacking.Find(worked, 4)!.Value;
        Assert.Equal(-0.3, signs.Rex, 12);
        Assert.Equal(0.0707, signs.RexError, 4);
        Assert.Equal(0.2, signs.Progress, 12);
        Assert.True(signs.Suspicious);
        Assert.Null(RewardHacking.Find(worked, 6));
        Assert.False(RewardHacking.Find([(0.1, 0.1), (0.2, 0.1), (0.4, 0.3), (0.5, 0.3)], 4)!.Value.Suspicious);
        Assert.False(RewardHacking.Find([(0.5, 0.3), (0.4, 0.3), (0.2, 0.1), (0.1, 0.1)], 4)!.Value.Suspicious);
    }
}
