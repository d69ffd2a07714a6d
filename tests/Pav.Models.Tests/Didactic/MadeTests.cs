using Pav.Didactic;
using Pav.Models.Didactic;
using Pav.Torch;

namespace Pav.Models.Tests.Didactic;

public class MadeTests
{
    private static readonly PlantedTask Short = PlantedTask.Random(3, 1);

    [Fact]
    public void Logits_see_earlier_tokens_alone_and_all_of_them()
    {
        var policy = MadePolicy.RandomInit(Short, 3);
        int[] tokens = [1, 4, 2, 9, 14, 0, 7, 7, 3, 5];
        var before = Rows(policy, tokens);
        for (var changed = 0; changed < 10; changed++)
        {
            var other = tokens.ToArray();
            other[changed] = (other[changed] + 1) % 15;
            var after = Rows(policy, other);
            for (var t = 0; t < 10; t++)
            {
                var same = before[t].SequenceEqual(after[t]);
                Assert.True(same == (t <= changed), $"token {changed} changed, logits of position {t} {(same ? "did not" : "did")}");
            }
        }
    }

    [Fact]
    public void The_first_position_is_more_than_a_bias()
    {
        var policy = MadePolicy.RandomInit(Short, 3);
        var rows = new SequenceBatch(Short, 1);
        rows.Set(0, new([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], new int[11]), t => t == 0 ? 1 : 0);
        using var learner = new MadeLearner(policy, 1, adam: false);
        var gradient = learner.Gradient(rows).ToArray();
        foreach (var layer in policy.Layers.Skip(1)) Assert.Contains(gradient[layer.Weights..layer.Biases], g => g != 0);
        Assert.All(gradient[policy.Layers[0].Weights..policy.Layers[0].Biases], g => Assert.Equal(0, g));
    }

    [Fact]
    public void The_sampler_computes_what_libtorch_computes()
    {
        using var scope = torch.NewDisposeScope();
        var policy = MadePolicy.RandomInit(Short, 5);
        var sampler = new MadeSampler(policy);
        // A sequence of the full length, so that every position is compared.
        var (seed, episode) = Enumerable.Range(0, 200).Select(i => ((ulong)i, sampler.Play((ulong)i))).First(x => x.Item2.Steps == 10);
        using var parameter = torch.tensor(policy.Values);
        var probabilities = Forward(policy, parameter,
            torch.tensor(OneHot(episode.Tokens), 1, 150)).softmax(-1).flatten().to_array<float>();
        sampler.Play(seed);
        for (var t = 9; t >= 0; t--)
        {
            var row = sampler.Probabilities(t);
            for (var a = 0; a < 15; a++) Assert.Equal(probabilities[t * 15 + a], row[a], 1e-6f);
        }

        Assert.Equal(episode.Tokens, sampler.Play(seed).Tokens);
    }

    [Fact]
    public void Sequences_follow_the_policy()
    {
        var policy = MadeSft.Run(Short, 2, iterations: 150);
        var sampler = new MadeSampler(policy);
        const int N = 20_000;
        var hits = Enumerable.Range(0, N).Count(i => sampler.Play(Seeds.Mix((ulong)i)).Rex(Short) == 1);
        var p = sampler.Accuracy(2000, 7);
        Assert.InRange(p, 0.005, 0.5);
        Assert.InRange((double)hits / N, p - 4 * Math.Sqrt(p / N), p + 4 * Math.Sqrt(p / N));
    }

    [Fact]
    public void Rollouts_of_the_policy_continue_its_prefixes()
    {
        var policy = MadeSft.Run(Short, 2, iterations: 400);
        var sampler = new MadeSampler(policy);
        var episode = Enumerable.Range(0, 500).Select(i => sampler.Play((ulong)i)).First(e => e.Rex(Short) == 1 && e.Steps >= 5);
        var counts = sampler.Rollouts(episode, 4000, 11);
        Assert.Equal(1, counts[^1].Value);
        var start = sampler.Accuracy(4000, 5);
        Assert.InRange(counts[0].Value, start - 0.03, start + 0.03);
        Assert.True(counts[^2].Value > counts[0].Value);
    }

    [Fact]
    public void The_gradient_over_all_actions_is_the_mean_of_sampled_ones()
    {
        // At the first position alone (sequences of one token), where the state is always the same.
        var task = new PlantedTask([2], length: 1, vocabulary: 4);
        var policy = MadePolicy.RandomInit(task, 4, hidden: 16);
        var prover = ExactValues.From(TabularPolicy.Prover(task, 10));
        var sampler = new MadeSampler(policy);
        double[] Bias(Action<SequenceBatch, int, Episode> credit)
        {
            const int B = 20_000;
            var rows = new SequenceBatch(task, B);
            for (var b = 0; b < B; b++)
            {
                var episode = sampler.Play(Seeds.Mix((ulong)b));
                rows.Set(b, episode, _ => 0);
                credit(rows, b, episode);
            }

            using var learner = new MadeLearner(policy, 1, adam: false);
            var gradient = learner.Gradient(rows);
            return [.. gradient[policy.Layers[^1].Biases..].ToArray().Select(g => (double)g)];
        }

        var sampled = Bias((rows, b, e) => rows.Set(b, e, h => prover.A(0, 0, e.Tokens[0])));
        var all = Bias((rows, b, e) =>
        {
            for (var a = 0; a < 4; a++) rows.SetAction(b, 0, a, prover.Q(0, 0, a));
        });
        Assert.True(all.Max(Math.Abs) > 0.05);
        for (var i = 0; i < 4; i++) Assert.Equal(all[i], sampled[i], 0.01);
    }

    [Fact]
    public void The_start_is_as_rare_as_it_should_be()
    {
        // 1/(64·p₀) iterations are what outcome reward waits for its first hit.
        Assert.InRange(StartOf(3), 2e-3, 8e-3);
        Assert.InRange(StartOf(6), 1e-7, 1.5e-6);

        static double StartOf(int length)
        {
            var policy = MadeSft.Run(PlantedTask.Random(length, 1), 1);
            return new MadeSampler(policy).Accuracy(400, 3);
        }
    }

    [Fact]
    public void Progress_over_all_actions_finds_six_tokens_and_outcome_alone_does_not_begin()
    {
        var task = PlantedTask.Random(6, 1);
        var start = MadeSft.Run(task, 1);
        Assert.True(Trained(start, new() { Reward = StepReward.AMuAllActions, Seed = 1 }, 300) >= 0.99);
        Assert.True(Trained(start, new() { Reward = StepReward.Outcome, Seed = 1 }, 300) < 0.01);
    }

    [Fact]
    public void Every_reward_and_both_optimizers_train()
    {
        var start = MadeSft.Run(Short, 1, iterations: 100);
        var before = new MadeSampler(start).Accuracy(1000, 1);
        foreach (var reward in Enum.GetValues<StepReward>())
            foreach (var (adam, rollouts) in new[] { (true, 0), (false, 5) })
            {
                var rate = adam ? 1e-3 : 0.5;
                var options = new PolicyGradientOptions { Reward = reward, Adam = adam, Rate = rate, Batch = 16, Rollouts = rollouts };
                Assert.True(Trained(start, options, 5) > before, $"{reward}, Adam: {adam}");
            }
    }

    [Fact]
    public void Equal_seeds_train_alike()
    {
        var start = MadeSft.Run(Short, 1);
        var options = new PolicyGradientOptions { Reward = StepReward.AMu, Rollouts = 10, Seed = 5 };
        Assert.Equal(Trained(start, options, 20), Trained(start, options, 20));
        Assert.NotEqual(Trained(start, options, 20), Trained(start, options with { Seed = 6 }, 20));
    }

    private static double Trained(MadePolicy start, PolicyGradientOptions options, int iterations)
    {
        var policy = start.Clone();
        using var gradient = new MadePolicyGradient(policy, options);
        for (var i = 0; i < iterations; i++) gradient.Step();
        return new MadeSampler(policy).Accuracy(1000, 1);
    }

    /// <summary>Weights of ∇log π and credits of all actions: value by value libtorch's gradient, masked weights included.</summary>
    [Fact]
    public void Gradients_are_those_of_libtorch()
    {
        const int size = 5;
        using var scope = torch.NewDisposeScope();
        var policy = MadePolicy.RandomInit(Short, 6);
        var (sampler, rows) = (new MadeSampler(policy), new SequenceBatch(Short, size));
        var (weights, actions) = (new float[size * 150], new float[size * 150]);
        for (var b = 0; b < size; b++)
        {
            var episode = sampler.Play((ulong)b);
            rows.Set(b, episode, t => weights[b * 150 + t * 15 + episode.Tokens[t]] = t - 1.5f);
            for (var t = 0; t < episode.Steps; t++)
                for (var a = 0; a < 15; a++) rows.SetAction(b, t, a, actions[b * 150 + t * 15 + a] = a % 4);
        }

        var parameter = torch.tensor(policy.Values).requires_grad_();
        var log = Forward(policy, parameter, torch.tensor(rows.Inputs, size, 150)).log_softmax(-1);
        var gain = (log * torch.tensor(weights, size, 10, 15)).sum() + (log.exp() * torch.tensor(actions, size, 10, 15)).sum();
        (gain * (-1.0 / size)).backward();
        using var learner = new MadeLearner(policy, 1, adam: false);
        var (wanted, found) = (parameter.grad!.to_array<float>(), learner.Gradient(rows).ToArray());
        Assert.InRange(wanted.Zip(found, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-5 * wanted.Max(Math.Abs));
        Assert.Contains(found, g => Math.Abs(g) > 0.01);
    }

    private static float[][] Rows(MadePolicy policy, int[] tokens)
    {
        using var learner = new MadeLearner(policy, 1, adam: false);
        return [.. learner.Forward(OneHot(tokens)).Chunk(15)];
    }

    /// <summary>The network in libtorch: logits [B, L, vocabulary] of one-hot tokens [B, L·vocabulary].</summary>
    private static Tensor Forward(MadePolicy policy, Tensor parameter, Tensor tokens)
    {
        long[] sizes = [.. policy.Layers.SelectMany(l => new long[] { l.Outputs * l.Inputs, l.Outputs })];
        var (x, parts) = (tokens, (parameter * torch.tensor(policy.Mask)).split(sizes));
        for (var i = 0; i < policy.Layers.Count; i++)
        {
            x = functional.linear(x, parts[2 * i].view(policy.Layers[i].Outputs, policy.Layers[i].Inputs), parts[2 * i + 1]);
            if (i < policy.Layers.Count - 1) x = x.relu();
        }

        return x.view(tokens.size(0), policy.Task.Length, policy.Task.Vocabulary);
    }

    private static float[] OneHot(int[] tokens)
    {
        var values = new float[150];
        for (var t = 0; t < tokens.Length; t++) values[t * 15 + tokens[t]] = 1;
        return values;
    }
}
