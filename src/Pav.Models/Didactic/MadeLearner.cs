using System.Numerics.Tensors;
using Pav.Models.Cpu;

namespace Pav.Models.Didactic;

/// <summary>Moves the weights of a <see cref="MadePolicy"/> along gradients of batches, by Adam or by plain descent.</summary>
internal sealed unsafe class MadeLearner : IDisposable
{
    private const double Beta1 = 0.9, Beta2 = 0.999;

    private readonly MadePolicy policy;
    private readonly double rate;
    private readonly Floats masked, gradient, scratch = new();
    private readonly Floats? first, second;
    private readonly Projection[] layers;
    private readonly Rows[] units, slopes;
    private long steps;

    public MadeLearner(MadePolicy policy, double rate, bool adam)
    {
        (this.policy, this.rate) = (policy, rate);
        var count = policy.Values.Length;
        (masked, gradient) = (new(count), new(count));
        if (adam) (first, second) = (new(count), new(count));
        layers = [.. policy.Layers.Select(l => new Projection(
            new(masked.Data + l.Weights, l.Outputs, l.Inputs, l.Weights), new(masked.Data + l.Biases, 1, l.Outputs, l.Biases)))];
        units = [.. layers.Select(l => new Rows(l.Inputs)).Append(new Rows(layers[^1].Outputs))];
        slopes = [.. units.Select(u => new Rows(u.Columns))];
    }

    /// <summary>One step against the gradient of −1/B·Σ (weight·log π(a_h|s_h) + Σ_a π(a|s_h)·credit(a)).</summary>
    public void Step(SequenceBatch batch)
    {
        Gradient(batch);
        steps++;
        fixed (float* values = policy.Values)
            if (first is null || second is null) RowKernels.Add(gradient.Data, values, policy.Values.Length, -(float)rate);
            else
                AdamWKernel.Step(values, gradient.Data, first.Data, second.Data, policy.Values.Length, new(
                    1, 1, (float)Beta1, (float)Beta2, (float)(1 / Math.Sqrt(1 - Math.Pow(Beta2, steps))), 1e-8f,
                        (float)(rate / (1 - Math.Pow(Beta1, steps)))));
    }

    /// <summary>The gradient of all weights; masked ones have none.</summary>
    public ReadOnlySpan<float> Gradient(SequenceBatch batch)
    {
        var size = batch.Size;
        Forward(batch.Inputs, size);
        batch.LogitGradient(Logits, LogitSlopes);
        gradient.Clear();
        for (var i = layers.Length - 1; i >= 0; i--)
        {
            layers[i].WeightGradient(units[i].Data, units[i].Stride, slopes[i + 1].Data, slopes[i + 1].Stride, size, gradient.Data,
                scratch);
            if (i == 0) break;
            layers[i].InputGradient(slopes[i + 1].Data, slopes[i + 1].Stride, size, slopes[i].Data, slopes[i].Stride, false, scratch);
            for (var index = 0; index < size * units[i].Stride; index++)
                if (units[i].Data[index] <= 0) slopes[i].Data[index] = 0;
        }

        var found = new Span<float>(gradient.Data, policy.Values.Length);
        TensorPrimitives.Multiply(found, policy.Mask, found);
        return found;
    }

    /// <summary>Logits [L·vocabulary] of one row of one-hot tokens.</summary>
    public float[] Forward(float[] tokens)
    {
        Forward(tokens, 1);
        return Logits(0).ToArray();
    }

    private void Forward(float[] inputs, int size)
    {
        TensorPrimitives.Multiply(policy.Values, policy.Mask, new Span<float>(masked.Data, policy.Values.Length));
        foreach (var rows in units.Concat(slopes)) rows.Grow(size);
        var width = units[0].Columns;
        fixed (float* given = inputs) RowKernels.Copy(given, width, units[0].Data, units[0].Stride, size, width);
        for (var i = 0; i < layers.Length; i++)
        {
            layers[i].Pack();
            layers[i].Forward(units[i].Data, units[i].Stride, size, units[i + 1].Data, units[i + 1].Stride, false, scratch);
            if (i + 1 == layers.Length) return;
            var all = new Span<float>(units[i + 1].Data, size * units[i + 1].Stride);
            TensorPrimitives.Max(all, 0, all);
        }
    }

    private ReadOnlySpan<float> Logits(int row) => new(units[^1].Data + (long)row * units[^1].Stride, units[^1].Columns);

    private Span<float> LogitSlopes(int row) => new(slopes[^1].Data + (long)row * slopes[^1].Stride, slopes[^1].Columns);

    public void Dispose()
    {
        foreach (var layer in layers) layer.Dispose();
        foreach (var rows in units.Concat(slopes)) rows.Dispose();
        foreach (var memory in new[] { masked, gradient, scratch, first, second }) memory?.Dispose();
    }
}
