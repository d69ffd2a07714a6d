using System.Numerics;
using Pav.Didactic;

namespace Pav.Models.Didactic;

/// <summary>
/// Draws sequences from a <see cref="MadePolicy"/>. A unit of degree d depends on the tokens before d alone, so each position computes its own units and the whole
/// sequence costs one forward pass; going back to an earlier position costs nothing.
/// </summary>
public sealed class MadeSampler
{
    private readonly PlantedTask task;
    private readonly MadePolicy policy;
    private readonly float[][] weights, biases, units;
    private readonly float[] probabilities;
    private readonly int[] tokens;

    public MadeSampler(MadePolicy policy)
    {
        (this.policy, task) = (policy, policy.Task);
        var (inputs, hidden) = (task.Length * task.Vocabulary, policy.Hidden);
        weights = [new float[hidden * inputs], new float[hidden * hidden], new float[hidden * hidden], new float[inputs * hidden]];
        biases = [new float[hidden], new float[hidden], new float[hidden], new float[inputs]];
        units = [new float[hidden], new float[hidden], new float[hidden]];
        probabilities = new float[task.Vocabulary];
        tokens = new int[task.Length];
        Read();
    }

    /// <summary>Takes up the policy's weights as they are now.</summary>
    public void Read() => policy.CopyTo(weights, biases);

    /// <summary>One sequence with the randomness of a seed.</summary>
    public Episode Play(ulong seed)
    {
        Span<int> states = stackalloc int[task.Length + 1];
        var steps = Continue(seed, 0, 0, states);
        return new(tokens[..steps], states[..(steps + 1)].ToArray());
    }

    /// <summary>
    /// For each prefix of a sequence, the number right of n sequences that the policy draws from there on: H + 1 counts. The sequence itself is over, so its last
    /// value has no noise.
    /// </summary>
    public QEstimate[] Rollouts(Episode episode, int n, ulong seed)
    {
        Span<int> states = stackalloc int[task.Length + 1];
        var counts = new QEstimate[episode.Steps + 1];
        counts[^1] = new(n, n * episode.Rex(task));
        episode.Tokens.CopyTo(tokens, 0);
        for (var t = 0; t < episode.Steps; t++) Probabilities(t);
        for (var h = episode.Steps - 1; h >= 0; h--)
        {
            var right = 0;
            for (var i = 0; i < n; i++)
            {
                var steps = Continue(Seeds.Mix(seed + (ulong)(h * n + i)), h, episode.States[h], states[h..]);
                if (states[h + steps] == task.Found) right++;
            }

            counts[h] = new(n, right);
        }

        return counts;
    }

    /// <summary>
    /// The chance that the policy finds y*, from n sequences: for each of them and each start, if y* was not found and the sequence not ended before, the probability of
    /// writing y* right there. Unbiased (tokens of y* differ, so a first match at one start excludes all others), and exact enough where hits are too rare to be counted.
    /// </summary>
    public double Accuracy(int n, ulong seed)
    {
        var (sum, length) = (0.0, task.Target.Count);
        for (var i = 0; i < n; i++)
        {
            var episode = Play(Seeds.Mix(seed + (ulong)i));
            // Every state but the last is live. From the last start back: what a start writes over lies behind every earlier one.
            for (var start = Math.Min(episode.Steps - 1, task.Length - length); start >= 0; start--)
            {
                var probability = 1.0;
                for (var j = 0; j < length; j++)
                {
                    probability *= Probabilities(start + j)[task.Target[j]];
                    tokens[start + j] = task.Target[j];
                }

                sum += probability;
            }
        }

        return sum / n;
    }

    /// <summary>π(· | the tokens before t), where those before t have been asked for in order.</summary>
    internal ReadOnlySpan<float> Probabilities(int t)
    {
        var (first, end) = (policy.UnitsUpTo(t - 1), policy.UnitsUpTo(t));
        var (inputs, hidden) = (task.Length * task.Vocabulary, policy.Hidden);
        for (var j = first; j < end; j++)
        {
            var sum = biases[0][j];
            for (var i = 0; i < t; i++) sum += weights[0][j * inputs + i * task.Vocabulary + tokens[i]];
            units[0][j] = MathF.Max(0, sum);
        }

        for (var layer = 1; layer < 3; layer++)
            for (var j = first; j < end; j++)
                units[layer][j] = MathF.Max(0, biases[layer][j] + Dot(weights[layer].AsSpan(j * hidden, end), units[layer - 1]));

        var largest = float.NegativeInfinity;
        for (var a = 0; a < probabilities.Length; a++)
        {
            var row = t * task.Vocabulary + a;
            probabilities[a] = biases[3][row] + Dot(weights[3].AsSpan(row * hidden, end), units[2]);
            largest = MathF.Max(largest, probabilities[a]);
        }

        var total = 0f;
        foreach (ref var p in probabilities.AsSpan()) total += p = MathF.Exp(p - largest);
        foreach (ref var p in probabilities.AsSpan()) p /= total;
        return probabilities;
    }

    /// <summary>Draws tokens from position t and state k on; writes the states from there and answers how many tokens it drew.</summary>
    private int Continue(ulong seed, int t, int k, Span<int> states)
    {
        var steps = 0;
        states[0] = k;
        for (; task.IsLive(t, k); t++)
        {
            var (u, a) = ((float)Seeds.Uniform(seed, t), 0);
            var of = Probabilities(t);
            while (a < of.Length - 1 && (u -= of[a]) >= 0) a++;
            tokens[t] = a;
            states[++steps] = k = task.Next(k, a);
        }

        return steps;
    }

    private static float Dot(ReadOnlySpan<float> a, float[] b)
    {
        var (sum, i, width) = (Vector<float>.Zero, 0, Vector<float>.Count);
        for (; i + width <= a.Length; i += width) sum += new Vector<float>(a[i..]) * new Vector<float>(b, i);
        var rest = Vector.Sum(sum);
        for (; i < a.Length; i++) rest += a[i] * b[i];
        return rest;
    }
}
