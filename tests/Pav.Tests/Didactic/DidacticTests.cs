using Pav.Didactic;

namespace Pav.Tests.Didactic;

public class DidacticTests
{
    /// <summary>Four tokens, sequences of four, y* = 2 0: small enough to enumerate.</summary>
    private static readonly PlantedTask Small = new([2, 0], length: 4, vocabulary: 4);

    public static TheoryData<object> Rewards => [.. Enum.GetValues<StepReward>()];

    [Fact]
    public void The_automaton_agrees_with_a_search_for_the_substring()
    {
        foreach (var task in new[] { Small, PlantedTask.Random(3, 5), PlantedTask.Random(6, 6),
            new PlantedTask([1], length: 3, vocabulary: 3) })
            for (ulong seed = 0; seed < 2000; seed++)
            {
                // Tokens of y* are drawn more often than others, so that matches and near misses are frequent.
                var tokens = Enumerable.Range(0, task.Length).Select(t => Seeds.Uniform(seed, 2 * t) < 0.9
                    ? task.Target[(int)(Seeds.Uniform(seed, 2 * t + 1) * task.Target.Count)]
                        : (int)(Seeds.Uniform(seed, 2 * t + 1) * task.Vocabulary)).ToArray();
                var before = tokens.TakeWhile(a => a != task.EndOfSequence).ToArray();
                var found = Enumerable.Range(0, Math.Max(0, before.Length - task.Target.Count + 1))
                    .Any(i => before.Skip(i).Take(task.Target.Count).SequenceEqual(task.Target));
                var state = tokens.Aggregate(0, task.Next);
                Assert.Equal(found ? task.Found : before.Length < tokens.Length ? task.Lost : LongestMatch(task, tokens), state);
            }
    }

    [Fact]
    public void The_prover_gives_the_next_token_weight_gamma()
    {
        var task = PlantedTask.Random(3, 1);
        var probabilities = TabularPolicy.Prover(task, 10).At(4, 2);
        Assert.Equal(10.0 / 24, probabilities[task.Target[2]], 12);
        Assert.Equal(1.0 / 24, probabilities[task.EndOfSequence], 12);
        Assert.Equal(1, probabilities.ToArray().Sum(), 12);
        Assert.InRange(ExactValues.From(TabularPolicy.Prover(task, 1e9)).Accuracy, 1 - 1e-6, 1);
    }

    [Fact]
    public void Exact_values_are_those_of_an_enumeration()
    {
        var policy = Some(Small, 3);
        var values = ExactValues.From(policy);
        for (var k = 0; k < Small.LiveStates; k++)
            for (var t = 0; t < Small.Length; t++)
                Assert.Equal(Enumerated(policy, t, k), values.V(t, k), 14);
        Assert.Equal(values.V(2, 1), values.Q(1, 0, 2), 14);
        Assert.Equal(0, values.Q(1, 0, Small.EndOfSequence));
    }

    [Fact]
    public void Nothing_is_gained_on_average_under_the_policy_itself()
    {
        var policy = Some(PlantedTask.Random(4, 2), 9);
        var values = ExactValues.From(policy);
        for (var t = 0; t < 10; t++)
            for (var k = 0; k < 4; k++)
                Assert.True(Math.Abs(policy.At(t, k).ToArray().Select((p, a) => p * values.A(t, k, a)).Sum()) < 1e-12);
    }

    [Fact]
    public void Progress_telescopes()
    {
        var task = PlantedTask.Random(3, 8);
        var (policy, prover) = (TabularPolicy.Prover(task, 3), ExactValues.From(TabularPolicy.Prover(task, 10)));
        for (ulong seed = 0; seed < 500; seed++)
        {
            var episode = policy.Play(seed);
            var (q, rex) = (prover.Along(episode), episode.Rex(task));
            Assert.True(Math.Abs(Advantage.OfSteps(q).Sum() - (rex - prover.Accuracy)) < 1e-12);
            Assert.Equal(rex, q[^1]);
            var toGo = StepCredit.OfSteps(StepReward.AMuToGo, rex, 2, q);
            for (var h = 0; h < episode.Steps; h++)
            {
                Assert.True(Math.Abs(toGo[h] - (rex + 2 * (rex - prover.V(h, episode.States[h])))) < 1e-12);
                Assert.True(Math.Abs(toGo[h] - rex - 2 * Advantage.OfSteps(q)[h..].Sum()) < 1e-12);
            }
        }
    }

    [Fact]
    public void Credits_of_a_worked_sequence()
    {
        double[] q = [0.3, 0.5, 1];
        void Credited(StepReward reward, double first, double second)
        {
            var weights = StepCredit.OfSteps(reward, 1, 2, q);
            Assert.Equal(first, weights[0], 14);
            Assert.Equal(second, weights[1], 14);
        }

        Credited(StepReward.Outcome, 1, 1);
        Credited(StepReward.AMu, 1.4, 2);
        Credited(StepReward.APi, 1.4, 2);
        Credited(StepReward.QMu, 2, 3);
        Credited(StepReward.AMuToGo, 2.4, 2);
        Credited(StepReward.QMuToGo, 4, 3);
    }

    [Fact]
    public void Progress_under_the_policy_itself_is_outcome_reward_at_a_larger_rate()
    {
        var (policy, prover) = Pair(PlantedTask.Random(3, 4));
        var outcome = TabularGradient.Exact(policy, StepReward.Outcome, 0, prover);
        AssertClose(outcome.Select(g => 3.5 * g), TabularGradient.Exact(policy, StepReward.APi, 2.5, prover));
        AssertClose(outcome.Select(g => 3.5 * g), TabularGradient.Exact(policy, StepReward.AMuToGo, 2.5, prover));
    }

    [Fact]
    public void Values_and_progress_of_a_prover_have_the_same_expected_gradient()
    {
        var (policy, prover) = Pair(PlantedTask.Random(3, 4));
        AssertClose(TabularGradient.Exact(policy, StepReward.AMu, 2.5, prover), TabularGradient.Exact(policy, StepReward.QMu, 2.5, prover));
        var toGo = TabularGradient.Exact(policy, StepReward.QMuToGo, 2.5, prover);
        Assert.True(TabularGradient.Exact(policy, StepReward.AMu, 2.5, prover).Zip(toGo, (a, b) => Math.Abs(a - b)).Max() > 0.01);
    }

    [Fact]
    public void The_gradient_of_the_outcome_is_that_of_the_accuracy()
    {
        var logits = Logits(Small, 3);
        var policy = TabularPolicy.Softmax(Small, logits);
        var gradient = TabularGradient.Exact(policy, StepReward.Outcome, 1, ExactValues.From(policy));
        for (var i = 0; i < logits.Length; i++)
        {
            double At(double step)
            {
                var moved = logits.ToArray();
                moved[i] += step;
                return ExactValues.From(TabularPolicy.Softmax(Small, moved)).Accuracy;
            }

            Assert.Equal((At(1e-5) - At(-1e-5)) / 2e-5, gradient[i], 9);
        }
    }

    [Theory, MemberData(nameof(Rewards))]
    public void Reinforce_is_the_exact_gradient_on_average(object each)
    {
        var reward = (StepReward)each;
        const int Episodes = 20_000;
        const double Alpha = 1.5;
        var (policy, prover) = Pair(Small);
        var values = reward == StepReward.APi ? ExactValues.From(policy) : prover;
        var exact = TabularGradient.Exact(policy, reward, Alpha, prover);
        foreach (var baseline in new Func<int, int, double>[] { (_, _) => 0, (t, k) => 0.4 + 0.1 * t - 0.2 * k })
        {
            var (sum, squares) = (new double[exact.Length], new double[exact.Length]);
            for (ulong seed = 0; seed < Episodes; seed++)
            {
                var episode = policy.Play(Seeds.Mix(seed));
                var weights = StepCredit.OfSteps(reward, episode.Rex(Small), Alpha, values.Along(episode))
                    .Select((w, t) => w - baseline(t, episode.States[t])).ToArray();
                var gradient = new double[exact.Length];
                TabularGradient.Reinforce(policy, episode, weights, gradient);
                for (var i = 0; i < exact.Length; i++)
                    (sum[i], squares[i]) = (sum[i] + gradient[i], squares[i] + gradient[i] * gradient[i]);
            }

            for (var i = 0; i < exact.Length; i++)
            {
                var mean = sum[i] / Episodes;
                var error = Math.Sqrt((squares[i] / Episodes - mean * mean) / Episodes);
                Assert.True(Math.Abs(mean - exact[i]) <= 4 * error + 1e-12, $"{reward}, logit {i}: {mean} ± {error}, exactly {exact[i]}");
            }
        }
    }

    [Fact]
    public void Rollouts_are_those_that_the_policy_plays()
    {
        const int Draws = 4000, N = 20;
        var task = PlantedTask.Random(3, 4);
        var policy = TabularPolicy.Prover(task, 12);
        var values = ExactValues.From(policy);
        double[] drawn = [.. Enumerable.Range(0, Draws).Select(i => values.Rollouts(2, 1, N, Seeds.Mix((ulong)i)).Value)];
        var played = Enumerable.Range(0, Draws).Average(i => (double)policy.Play(Seeds.Mix((ulong)i + 77), 2, 1).Rex(task));
        var (q, mean) = (values.V(2, 1), drawn.Average());
        Assert.InRange(played, q - 3 * Math.Sqrt(q * (1 - q) / Draws), q + 3 * Math.Sqrt(q * (1 - q) / Draws));
        Assert.InRange(mean, q - 3 * Math.Sqrt(q * (1 - q) / N / Draws), q + 3 * Math.Sqrt(q * (1 - q) / N / Draws));
        Assert.InRange(drawn.Sum(x => (x - mean) * (x - mean)) / Draws / (q * (1 - q) / N), 0.93, 1.07);
    }

    [Fact]
    public void Bad_tasks_are_refused()
    {
        foreach (Action bad in new Action[]
        {
            () => _ = new PlantedTask([1, 2, 1]), () => _ = new PlantedTask([14]), () => _ = new PlantedTask([]), () =>
                _ = new PlantedTask([1, 2, 3], length: 2),
            () => PlantedTask.Random(11, 1), () => TabularPolicy.Prover(Small, 0), () => TabularPolicy.Prover(Small, double.NaN),
        }) Assert.Throws<UserError>(bad);
    }

    [Fact]
    public void Planted_sequences_differ_by_seed_and_are_valid()
    {
        var targets = Enumerable.Range(0, 50).Select(i => string.Join(" ", PlantedTask.Random(6, Seeds.Mix((ulong)i)).Target)).ToList();
        Assert.Equal(50, targets.Distinct().Count());
    }

    private static int LongestMatch(PlantedTask task, int[] tokens) =>
        Enumerable.Range(0, task.Target.Count).Reverse().First(k => k <= tokens.Length && tokens[^k..].SequenceEqual(task.Target.Take(k)));

    private static double[] Logits(PlantedTask task, ulong seed) =>
        [.. Enumerable.Range(0, task.TableSize).Select(i => 2 * Seeds.Uniform(seed, i))];

    private static TabularPolicy Some(PlantedTask task, ulong seed) => TabularPolicy.Softmax(task, Logits(task, seed));

    private static (TabularPolicy Policy, ExactValues Prover) Pair(PlantedTask task) =>
        (Some(task, 11), ExactValues.From(TabularPolicy.Prover(task, 6)));

    private static double Enumerated(TabularPolicy policy, int t, int k)
    {
        var task = policy.Task;
        if (k >= task.Found || t == task.Length) return k == task.Found ? 1 : 0;
        var sum = 0.0;
        for (var a = 0; a < task.Vocabulary; a++) sum += policy.At(t, k)[a] * Enumerated(policy, t + 1, task.Next(k, a));
        return sum;
    }

    private static void AssertClose(IEnumerable<double> expected, IEnumerable<double> actual) =>
        Assert.True(expected.Zip(actual, (a, b) => Math.Abs(a - b)).Max() < 1e-12);
}
