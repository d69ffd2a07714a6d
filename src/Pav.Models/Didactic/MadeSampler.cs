using System.Numerics;
using System.Runtime.InteropServices;
using Pav.Didactic;

namespace Pav.Models.Didactic;

/// <summary>
/// Draws sequences from a <see cref="MadePolicy"/>. A unit of degree d depends on the tokens before d alone, so each position computes its
/// own units and the whole
/// sequence costs one forward pass; going back to an earlier position costs nothing.
/// </summary>
internal sealed class MadeSampler
{
    private readonly PlantedTask task;
    private readonly MadePolicy policy;
    private readonly MadeLayer[] layers;
    private readonly float[] values, probabilities;
    private readonly float[][] units;
    private readonly int[] tokens;

    public MadeSampler(MadePolicy policy)
    {
        (this.policy, task, layers) = (policy, policy.Task, [.. policy.Layers]);
        values = new float[layers[^1].End];
        units = [.. layers[..^1].Select(l => new float[l.Outputs])];
        probabilities = new float[task.Vocabulary];
        tokens = new int[task.Length];
        Read();
    }

    /// <summary>Takes up the policy's weights as they are now.</summary>
    public void Read() => policy.Values.CopyTo(values, 0);

    /// <summary>One sequence with the randomness of a seed.</summary>
    public Episode Play(ulong seed)
    {
        Span<int> states = stackalloc int[task.Length + 1];
        var steps = Continue(seed, 0, 0, states);
        return new(tokens[..steps], states[..(steps + 1)].ToArray());
    }

    /// <summary>
    /// For each prefix of a sequence, the number right of n sequences that the policy draws from there on: H + 1 counts. The sequence
    /// itself is over, so its last
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
    /// The chance that the policy finds y*, from n sequences: for each of them and each start, if y* was not found and the sequence not
    /// ended before, the probability of
    /// writing y* right there. Unbiased (tokens of y* differ, so a first match at one start excludes all others), and exact enough where
    /// hits are too rare to be counted.
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
        var largest = float.NegativeInfinity;
        for (var i = 0; i < layers.Length; i++)
        {
            var layer = layers[i];
            var (first, end, seen) = (layer.OutputsBefore(t), layer.OutputsBefore(t + 1), layer.Seen(t));
            for (var o = first; o < end; o++)
            {
                var sum = values[layer.Biases + o] + (i == 0
                    ? OfTokens(layer.Weights + o * layer.Inputs, t)
                    : Dot(values.AsSpan(layer.Weights + o * layer.Inputs, seen), units[i - 1]));
                if (i < units.Length) units[i][o] = MathF.Max(0, sum);
                else largest = MathF.Max(largest, probabilities[o - first] = sum);
            }
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
            var distribution = Probabilities(t);
            while (a < distribution.Length - 1 && (u -= distribution[a]) >= 0) a++;
            tokens[t] = a;
            states[++steps] = k = task.Next(k, a);
        }

        return steps;
    }

    /// <summary>A row of the first layer's weights times the one-hot tokens before t.</summary>
    private float OfTokens(int row, int t)
    {
        var sum = 0f;
        for (var i = 0; i < t; i++) sum += values[row + i * task.Vocabulary + tokens[i]];
        return sum;
    }

    private static float Dot(ReadOnlySpan<float> a, float[] b)
    {
        var left = MemoryMarshal.Cast<float, Vector<float>>(a);
        var right = MemoryMarshal.Cast<float, Vector<float>>(b.AsSpan(0, a.Length));
        var (even, odd, i) = (Vector<float>.Zero, Vector<float>.Zero, 0);
        for (; i + 1 < left.Length; i += 2)
        {
            even = Vector.FusedMultiplyAdd(left[i], right[i], even);
            odd = Vector.FusedMultiplyAdd(left[i + 1], right[i + 1], odd);
        }

        if (i < left.Length) even = Vector.FusedMultiplyAdd(left[i], right[i], even);
        var sum = Vector.Sum(even + odd);
        for (i = left.Length * Vector<float>.Count; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
