using Pav.Didactic;

namespace Pav.Tests.Method;

/// <summary>Outcomes credited within groups and segments, worked and against gradients that are known exactly.</summary>
public class GroupCreditTests
{
    private const int Size = 8;

    private static readonly PlantedTask Planted = new([2, 0], length: 4, vocabulary: 4);

    private static double[] Rounded(IEnumerable<double> values) => [.. values.Select(v => Math.Round(v, 12))];

    private static TabularPolicy Policy(PlantedTask task) =>
        TabularPolicy.Softmax(task, [.. Enumerable.Range(0, task.TableSize).Select(i => 2 * Seeds.Uniform(11, i))]);

    [Fact]
    public void Worked_groups()
    {
        Assert.Equal([1.5, -0.5, -0.5, -0.5], Rounded(GroupCredit.Normalised([1, 0, 0, 0])));
        Assert.Equal([0, 0], GroupCredit.Normalised([1, 1]));
        Assert.Equal([0], GroupCredit.Normalised([1]));
        Assert.Equal<int[]>([[2, 2, 1], [2, 2, 1, 1], [1]], GroupCredit.Sharing([[5, 6, 7], [5, 6, 8, 9], [6]]));
        Assert.Equal([0, 2, 4, 5], GroupCredit.Cuts(5, 2));
        Assert.Equal([0, 1, 2], GroupCredit.Cuts(2, 1));
        Assert.Equal([0, 3], GroupCredit.Cuts(3, 7));
        Assert.Equal([0.2, 0.2, 0.5], Rounded(GroupCredit.Advantages([0.3, 0.5, 1], 3, 2)));
        Assert.Equal([0.2, -0.3], Rounded(GroupCredit.Advantages([0.3, 0.5, 0.2], 2, 1)));
        Assert.Throws<ArgumentException>(() => GroupCredit.Advantages([0.3, 0.5], 2, 1));
    }

    /// <summary>
    /// Of binary outcomes GRPO climbs a multiple of the plain gradient: E[A | right] − E[A | wrong], over how many of the others are right.
    /// </summary>
    [Fact]
    public void Mean_gradient_of_normalised_outcomes_is_a_multiple_of_the_plain_one()
    {
        var policy = Policy(Planted);
        var p = ExactValues.From(policy).Accuracy;
        double Expected(int own)
        {
            var (sum, chance) = (0.0, Math.Pow(1 - p, Size - 1));
            for (var c = 0; c < Size; c++)
            {
                double n = c + own;
                var deviation = Math.Sqrt(n * (Size - n) / Size / (Size - 1));
                sum += deviation == 0 ? 0 : chance * (own - (n / Size)) / deviation;
                chance *= (Size - 1.0 - c) / (c + 1) * p / (1 - p);
            }

            return sum;
        }

        var factor = Expected(1) - Expected(0);
        Assert.InRange(factor, 1, 1 / (p * (1 - p)));
        var exact = TabularGradient.Exact(policy, StepReward.Outcome, 0, ExactValues.From(policy)).Select(g => factor * g).ToArray();
        Same(policy, exact, 2500, Size, "grpo", (group, _) =>
        {
            var normalised = GroupCredit.Normalised([.. group.Select(e => (double)e.Rex(Planted))]);
            return [.. group.Select((e, i) => Enumerable.Repeat(normalised[i], e.Steps).ToArray())];
        });
    }

    /// <summary>Values by completions, shared by equal prefixes: the exact gradient of the outcome, whatever k and the segments.</summary>
    [Theory, InlineData(3, 1), InlineData(9, 1), InlineData(3, 2), InlineData(2, 3)]
    public void Mean_gradient_of_segment_advantages_is_the_plain_one(int k, int segment)
    {
        var policy = Policy(Planted);
        var values = ExactValues.From(policy);
        Same(policy, TabularGradient.Exact(policy, StepReward.Outcome, 0, values), 2500, Size, $"vine {k} {segment}", (group, g) =>
        [
            .. group.Select(e => GroupCredit.Advantages(
                [.. GroupCredit.Cuts(e.Steps, segment).Select(t => Value(e, t, g))], e.Steps, segment)),
        ]);

        double Value(Episode e, int t, int g) => t == e.Steps ? e.Rex(Planted)
            : values.Rollouts(t, e.States[t], k, Seeds.Derive(7, string.Join(" ", e.Tokens.Take(t)), "value", g)).Value;
    }

    /// <summary>With α·(1 − V^μ(x)) the exact gradient is that of this smaller α, although V and the prover's other values are counted by
    /// the same few completions.</summary>
    [Theory, InlineData(2), InlineData(9)]
    public void Mean_gradient_with_alpha_by_value_is_that_of_the_smaller_alpha(int k)
    {
        const double alpha = 3;
        var policy = Policy(Planted);
        var prover = ExactValues.From(TabularPolicy.Softmax(
            Planted, [.. Enumerable.Range(0, Planted.TableSize).Select(i => 3 * Seeds.Uniform(12, i))]));
        Assert.InRange(prover.Accuracy, 0.05, 0.95);
        var share = ProblemAlpha.Share(AlphaRule.Value, prover.Accuracy);
        Same(policy, TabularGradient.Exact(policy, StepReward.AMu, alpha * share, prover), 4000, Size, $"by value {k}", (group, g) =>
        [
            .. group.Select(e =>
            {
                double[] q = [.. e.States.Select((state, t) => prover.Rollouts(
                    t, state, k, Seeds.Derive(8, string.Join(" ", e.Tokens.Take(t)), "value", g)).Value)];
                return StepCredit.OfSteps(StepReward.AMu, e.Rex(Planted), alpha * ProblemAlpha.Share(AlphaRule.Value, q[0]), q);
            }),
        ]);
    }

    /// <summary>λ-GRPO, its definition written down a second time and summed over all pairs of traces of a smaller task.</summary>
    [Fact]
    public void Mean_gradient_of_shared_prefixes_is_that_of_all_pairs()
    {
        var task = new PlantedTask([2, 0], length: 3, vocabulary: 4);
        var policy = Policy(task);
        var all = All(policy, [], [0], 1).ToList();
        Assert.Equal(1, all.Sum(x => x.Chance), 9);
        var exact = new double[task.TableSize];
        foreach (var (one, chance) in all)
            foreach (var (other, otherChance) in all)
            {
                // Half the difference over a standard deviation of 1/√2.
                var a = (one.Rex(task) - other.Rex(task)) / 2.0 * Math.Sqrt(2);
                var weights = one.Tokens.Select((_, t) => a / (other.Tokens.Take(t + 1).SequenceEqual(one.Tokens.Take(t + 1)) ? 2 : 1));
                TabularGradient.Reinforce(policy, one, [.. weights.Select(w => chance * otherChance * w)], exact);
            }

        Same(policy, exact, 20000, 2, "lambda", (group, _) =>
        {
            var normalised = GroupCredit.Normalised([.. group.Select(e => (double)e.Rex(task))]);
            var sharing = GroupCredit.Sharing([.. group.Select(e => e.Tokens)]);
            return [.. sharing.Select((counts, i) => counts.Select(n => normalised[i] / n).ToArray())];
        });

        static IEnumerable<(Episode Trace, double Chance)> All(TabularPolicy policy, int[] tokens, int[] states, double chance) =>
            !policy.Task.IsLive(tokens.Length, states[^1]) ? [(new Episode(tokens, states), chance)]
                : Enumerable.Range(0, policy.Task.Vocabulary).SelectMany(a => All(
                    policy, [.. tokens, a], [.. states, policy.Task.Next(states[^1], a)],
                    chance * policy.At(tokens.Length, states[^1])[a]));
    }

    /// <summary>The mean of Σ_h credit_h·∇log π is the exact gradient, within three standard errors but for one logit at most.</summary>
    private static void Same(
        TabularPolicy policy, double[] exact, int groups, int size, string name,
        Func<IReadOnlyList<Episode>, int, IReadOnlyList<double[]>> credit)
    {
        var (sum, squares) = (new double[exact.Length], new double[exact.Length]);
        for (var g = 0; g < groups; g++)
        {
            Episode[] group = [.. Enumerable.Range(0, size).Select(i => policy.Play(Seeds.Derive(3, name, "episode", (g * size) + i)))];
            var gradient = new double[exact.Length];
            foreach (var (episode, credits) in group.Zip(credit(group, g))) TabularGradient.Reinforce(policy, episode, credits, gradient);
            for (var i = 0; i < exact.Length; i++)
            {
                sum[i] += gradient[i] / size;
                squares[i] += gradient[i] / size * gradient[i] / size;
            }
        }

        double[] errors = [.. sum.Select((s, i) => Math.Sqrt(((squares[i] / groups) - (s / groups * s / groups)) / groups))];
        double[] off = [.. exact.Select((e, i) => Math.Abs((sum[i] / groups) - e) / (errors[i] + 1e-12))];
        Assert.True(off.Max() < 4 && off.Count(o => o > 3) <= 1, $"{name}: off by {off.Max():0.0} standard errors");
        Assert.True(exact.Max(Math.Abs) > 20 * errors.Max(), $"{name}: {exact.Max(Math.Abs)} is no more than noise of {errors.Max()}");
    }
}
