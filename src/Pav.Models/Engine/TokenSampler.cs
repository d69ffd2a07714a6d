using System.Numerics.Tensors;
using System.Runtime.Intrinsics;

namespace Pav.Models.Engine;

/// <summary>One token from next-token logits: the inverse of the cumulative distribution at a given uniform number.</summary>
/// <param name="model">Named when its logits are unusable.</param>
internal sealed class TokenSampler(string model)
{
    private float[] weights = [];
    private int[] order = [];

    /// <summary>
    /// Temperature 0 takes the largest logit, the lowest id among equals. Otherwise p ∝ exp(logit / temperature), cut to the TopK most
    /// likely
    /// ids and then to the smallest set of most likely ones that holds TopP of what is left.
    /// </summary>
    /// <param name="logits">One per id of the vocabulary.</param>
    /// <param name="sampling">Temperature, TopK, TopP.</param>
    /// <param name="uniform">In [0, 1).</param>
    public int Draw(ReadOnlySpan<float> logits, Sampling sampling, double uniform)
    {
        var best = TensorPrimitives.IndexOfMax(logits); // of a NaN, if there is one
        if (!float.IsFinite(logits[best])) throw new UserError($"{model}: the logit of token {best} is {logits[best]}; the checkpoint is "
            + "damaged or its training diverged");
        if (sampling.Temperature == 0) return best;
        if (weights.Length < logits.Length + 8) weights = new float[logits.Length + 8];
        Exponentials(logits, logits[best], (float)(1 / sampling.Temperature));
        if (sampling.TopK > 0 || sampling.TopP < 1) Cut(logits.Length, sampling);
        double total = 0, below = 0;
        for (var i = 0; i < logits.Length; i++) total += weights[i];
        var target = uniform * total;
        for (var i = 0; i < logits.Length; i++)
            if ((below += weights[i]) > target) return i;
        return best;
    }

    private void Exponentials(ReadOnlySpan<float> logits, float max, float scale)
    {
        var i = 0;
        var (shift, factor) = (Vector256.Create(max), Vector256.Create(scale));
        for (; i + 8 <= logits.Length; i += 8) Vector256.Exp((Vector256.Create(logits.Slice(i, 8)) - shift) * factor).CopyTo(weights, i);
        Span<float> last = stackalloc float[8];
        last.Fill(float.MinValue);
        logits[i..].CopyTo(last);
        Vector256.Exp((Vector256.Create<float>(last) - shift) * factor).CopyTo(weights, i);
    }

    private void Cut(int count, Sampling sampling)
    {
        if (order.Length != count) order = new int[count];
        for (var i = 0; i < count; i++) order[i] = i;
        Array.Sort(order, (a, b) => weights[b].CompareTo(weights[a]) is not 0 and var c ? c : a.CompareTo(b));
        var keep = sampling.TopK > 0 ? Math.Min(sampling.TopK, count) : count;
        double total = 0, sum = 0;
        for (var i = 0; i < keep; i++) total += weights[order[i]];
        var kept = 0;
        while (kept < keep && (kept == 0 || sum < sampling.TopP * total)) sum += weights[order[kept++]];
        for (var i = kept; i < count; i++) weights[order[i]] = 0;
    }
}
