using System.Numerics.Tensors;
using Pav.Models.Cpu;
using Pav.Torch;
using static Pav.Torch.torch;
using Tensor = Pav.Torch.Tensor;

namespace Pav.Models.Training;

/// <summary>What a policy's update looks at, at each generated token of a pass.</summary>
/// <param name="Targets">The ids generated.</param>
/// <param name="Advantages">Of their steps.</param>
/// <param name="Before">Their log-probabilities before the first update of a batch that has several; null: this is the only one.</param>
/// <param name="Start">The logits of the policy that RL started from, token by token.</param>
internal sealed record PolicyTokens(int[] Targets, float[] Advantages, float[]? Before, float[] Start);

/// <summary>
/// factor·Σ (kl·KL(π‖π₀) − gain), where the gain is Adv·log π, or with old probabilities PPO's min(ρ·Adv, clip(ρ)·Adv). Keeps what a pass saw: entropies, KL, shares clipped.
/// </summary>
internal sealed class PolicyLoss(IReadOnlyList<ReadRow> rows, PolicyTokens tokens, double kl, double clipRatio, double factor) : RowLoss(rows)
{
    private readonly (double Entropy, double Kl, bool Clipped)[] seen = new (double, double, bool)[tokens.Targets.Length];

    /// <summary>Sums of entropies and of KL, and how many ratios were clipped.</summary>
    public (double Entropy, double Kl, double Clipped) Sums => (seen.Sum(s => s.Entropy), seen.Sum(s => s.Kl), seen.Count(s => s.Clipped));

    internal override double At(int place, ReadOnlySpan<float> values, Span<float> gradient)
    {
        var n = values.Length;
        var buffer = System.Buffers.ArrayPool<float>.Shared.Rent(4 * n);
        try
        {
            Span<float> log = buffer.AsSpan(0, n), p = buffer.AsSpan(n, n), start = buffer.AsSpan(2 * n, n);
            Softmax(tokens.Start.AsSpan(place * n, n), start, p);
            Softmax(values, log, p);
            var (entropy, divergence) = (0.0, 0.0);
            for (var i = 0; i < n; i++)
            {
                entropy -= (double)p[i] * log[i];
                divergence += (double)p[i] * (log[i] - start[i]);
            }

            var (chosen, advantage) = (log[tokens.Targets[place]], (double)tokens.Advantages[place]);
            var (gain, slope, clipped) = (advantage * chosen, advantage, false);
            if (tokens.Before is { } before)
            {
                var ratio = Math.Exp(chosen - before[place]);
                var kept = Math.Clamp(ratio, 1 - clipRatio, 1 + clipRatio);
                clipped = kept != ratio;
                (gain, slope) = ratio * advantage <= kept * advantage ? (ratio * advantage, ratio * advantage) : (kept * advantage, 0);
            }

            seen[place] = (entropy, divergence, clipped);
            // ∂KL/∂z = p∘(log p − log p₀ − KL); ∂log π(a)/∂z = 1_a − p.
            for (var i = 0; i < n; i++) gradient[i] = (float)(factor * p[i] * (kl * (log[i] - start[i] - divergence) + slope));
            gradient[tokens.Targets[place]] -= (float)(factor * slope);
            return factor * (kl * divergence - gain);
        }
        finally
        {
            System.Buffers.ArrayPool<float>.Shared.Return(buffer);
        }
    }

    internal override Tensor Sum(Tensor values)
    {
        var (log, count) = (values.log_softmax(-1), tokens.Targets.Length);
        var start = On(values, tensor(tokens.Start, count, values.size(1))).log_softmax(-1);
        var chosen = log.gather(1, On(values, tensor(tokens.Targets.Select(id => (long)id).ToArray(), count, 1))).squeeze(-1);
        var (probabilities, advantages) = (log.exp(), On(values, tensor(tokens.Advantages)));
        var divergence = (probabilities * (log - start)).sum(-1);
        var (gain, clipped) = (advantages * chosen, new float[count]);
        if (tokens.Before is { } before)
        {
            var ratio = (chosen - On(values, tensor(before))).exp();
            var kept = ratio.clamp(1 - clipRatio, 1 + clipRatio);
            gain = (ratio * advantages).minimum(kept * advantages);
            clipped = kept.ne(ratio).to(float32).to_array<float>();
        }

        var (entropies, divergences) = (-(probabilities * log).sum(-1).detach(), divergence.detach());
        foreach (var (i, (e, k)) in entropies.to_array<float>().Zip(divergences.to_array<float>()).Index()) seen[i] = (e, k, clipped[i] > 0);
        return (divergence.sum() * kl - gain.sum()) * factor;
    }

    /// <summary>log π of the generated ids.</summary>
    public static float[] LogProbabilities(float[] logits, int[] targets)
    {
        var width = logits.Length / Math.Max(1, targets.Length);
        var (log, p) = (new float[width], new float[width]);
        return [.. targets.Select((id, place) =>
        {
            Softmax(logits.AsSpan(place * width, width), log, p);
            return log[id];
        })];
    }
}
