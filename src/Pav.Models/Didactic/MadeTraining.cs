using System.Numerics.Tensors;
using Pav.Didactic;

namespace Pav.Models.Didactic;

/// <summary>Settings of a policy gradient on the planted task (App. B).</summary>
internal sealed record PolicyGradientOptions
{
    public required StepReward Reward { get; init; }

    /// <summary>Strength of the prover.</summary>
    public double Gamma { get; init; } = 10;

    /// <summary>Weight of the step rewards.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Adam, else plain gradient descent.</summary>
    public bool Adam { get; init; } = true;

    /// <summary>Its learning rate.</summary>
    public double Rate { get; init; } = 1e-3;

    /// <summary>Sequences of an iteration.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>Monte Carlo rollouts of each value; 0 takes exact values (for A^π, which has none, then 2).</summary>
    public int Rollouts { get; init; }

    public ulong Seed { get; init; } = 1;
}

/// <summary>Supervised fine-tuning of a <see cref="MadePolicy"/> on sequences of a prover.</summary>
internal static class MadeSft
{
    /// <summary>A fresh network, taught on iterations × batch sequences of the prover of strength γ with Adam at 1e-3.</summary>
    public static MadePolicy Run(PlantedTask task, ulong seed, int iterations = 50, int batch = 64, double gamma = 5)
    {
        var policy = MadePolicy.RandomInit(task, seed);
        var teacher = TabularPolicy.Prover(task, gamma);
        using var learner = new MadeLearner(policy, 1e-3, adam: true);
        var rows = new SequenceBatch(task, batch);
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            var derived = Seeds.Derive(seed, "made", "sft", iteration);
            for (var b = 0; b < batch; b++)
            {
                var episode = teacher.Play(Seeds.Mix(derived + (ulong)b));
                rows.Set(b, episode, _ => 1);
            }

            learner.Step(rows);
        }

        return policy;
    }
}

/// <summary>
/// Policy gradient on the planted task: Σ_h ∇log π(a_h|s_h)·(Rex − batch mean + α·credit of the step), averaged over a batch of fresh
/// sequences; for
/// <see cref="StepReward.AMuAllActions"/> the credit enters as Σ_a π(a|s_h)·A^μ(s_h, a)·∇log π(a|s_h) over all actions.
/// </summary>
internal sealed class MadePolicyGradient : IDisposable
{
    private const int DefaultOwnRollouts = 2;

    private readonly PlantedTask task;
    private readonly PolicyGradientOptions options;
    private readonly ExactValues prover;
    private readonly MadeSampler sampler;
    private readonly SequenceBatch rows;
    private readonly MadeLearner learner;
    private long iteration;
    private bool moved;

    public MadePolicyGradient(MadePolicy policy, PolicyGradientOptions options)
    {
        (this.options, task) = (options, policy.Task);
        prover = ExactValues.From(TabularPolicy.Prover(task, options.Gamma));
        sampler = new(policy);
        rows = new(task, options.Batch);
        learner = new(policy, options.Rate, options.Adam);
    }

    /// <summary>One iteration; answers the fraction of its sequences that were right.</summary>
    public double Step()
    {
        sampler.Read();
        var derived = Seeds.Derive(options.Seed, "made", "policy gradient", iteration++);
        var (episodes, values) = (new Episode[options.Batch], new double[options.Batch][]);
        for (var b = 0; b < options.Batch; b++)
        {
            var seed = Seeds.Mix(derived + (ulong)b);
            episodes[b] = sampler.Play(seed);
            values[b] = Values(episodes[b], Seeds.Mix(seed + 1));
        }

        var mean = episodes.Average(e => e.Rex(task));
        for (var b = 0; b < options.Batch; b++)
        {
            var (episode, sampled) = (episodes[b], options.Reward == StepReward.AMuAllActions ? StepReward.Outcome : options.Reward);
            var credit = StepCredit.OfSteps(sampled, episode.Rex(task), options.Alpha, values[b]);
            rows.Set(b, episode, h => credit[h] - mean);
            if (options.Reward == StepReward.AMuAllActions) SetAllActions(b, episode, Seeds.Mix(derived ^ (ulong)(b + 1) << 32));
        }

        // Without a gradient so far, as where outcome reward waits for its first hit, a step changes nothing and is left out.
        if (!rows.HasGradient && !moved) return mean;
        moved = true;
        learner.Step(rows);
        return mean;
    }

    public void Dispose() => learner.Dispose();

    /// <summary>H + 1 values along a sequence, of the prover or, for A^π, of the policy itself.</summary>
    private double[] Values(Episode episode, ulong seed)
    {
        if (options.Reward == StepReward.APi)
            return [.. sampler.Rollouts(episode, options.Rollouts > 0 ? options.Rollouts : DefaultOwnRollouts, seed).Select(c => c.Value)];
        if (options.Rollouts == 0 || options.Reward is StepReward.Outcome or StepReward.AMuAllActions) return prover.Along(episode);
        return [.. episode.States.Select((k, t) => prover.Rollouts(t, k, options.Rollouts, Seeds.Mix(seed + (ulong)t)).Value)];
    }

    /// <summary>αA^μ of every action of every state of a sequence; V^μ(s) is left out, because Σ_a ∇π(a|s) = 0.</summary>
    private void SetAllActions(int row, Episode episode, ulong seed)
    {
        for (var t = 0; t < episode.Steps; t++)
            for (var a = 0; a < task.Vocabulary; a++)
            {
                var k = episode.States[t];
                var q = options.Rollouts == 0
                    ? prover.Q(t, k, a)
                    : prover.Rollouts(t + 1, task.Next(k, a), options.Rollouts, Seeds.Mix(seed + (ulong)(t * task.Vocabulary + a))).Value;
                rows.SetAction(row, t, a, options.Alpha * q);
            }
    }
}

/// <summary>A batch of sequences: one-hot tokens, the weight of each step's ∇log π, and, where set, a credit for every action.</summary>
internal sealed class SequenceBatch(PlantedTask task, int size)
{
    private readonly float[] inputs = new float[size * task.Length * task.Vocabulary], p = new float[task.Vocabulary];
    private readonly float[] weights = new float[size * task.Length * task.Vocabulary];
    private readonly float[] actions = new float[size * task.Length * task.Vocabulary];
    private bool allActions;

    public int Size => size;

    public float[] Inputs => inputs;

    /// <summary>Row b: a sequence and the weight of each of its steps. Positions after its end count nothing.</summary>
    public void Set(int b, Episode episode, Func<int, double> weight)
    {
        var width = task.Length * task.Vocabulary;
        inputs.AsSpan(b * width, width).Clear();
        weights.AsSpan(b * width, width).Clear();
        actions.AsSpan(b * width, width).Clear();
        for (var t = 0; t < episode.Steps; t++)
        {
            var index = b * width + t * task.Vocabulary + episode.Tokens[t];
            inputs[index] = 1;
            weights[index] = (float)weight(t);
        }
    }

    public void SetAction(int b, int t, int a, double credit)
    {
        actions[(b * task.Length + t) * task.Vocabulary + a] = (float)credit;
        allActions = true;
    }

    public bool HasGradient => weights.AsSpan().ContainsAnyExcept(0f) || (allActions && actions.AsSpan().ContainsAnyExcept(0f));

    /// <summary>Gradient, by the logits of each row, of −1/B·Σ (weight·log π(a_h|s_h) + Σ_a π(a|s_h)·credit(a)).</summary>
    public void LogitGradient(RowOf logits, SlopesOf slopes)
    {
        for (var b = 0; b < size; b++)
            for (var t = 0; t < task.Length; t++)
            {
                var (from, v) = ((b * task.Length + t) * task.Vocabulary, task.Vocabulary);
                TensorPrimitives.SoftMax(logits(b).Slice(t * v, v), p);
                ReadOnlySpan<float> weight = weights.AsSpan(from, v), credit = actions.AsSpan(from, v);
                var (sum, mean) = (TensorPrimitives.Sum(weight), TensorPrimitives.Dot(p, credit));
                var d = slopes(b).Slice(t * v, v);
                for (var a = 0; a < v; a++) d[a] = -(weight[a] - p[a] * sum + p[a] * (credit[a] - mean)) / size;
            }
    }

    public delegate ReadOnlySpan<float> RowOf(int row);

    public delegate Span<float> SlopesOf(int row);
}
