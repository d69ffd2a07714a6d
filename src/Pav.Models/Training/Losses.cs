using System.Numerics.Tensors;
using Pav.Models.Cpu;
using Pav.Torch;
using static Pav.Torch.torch;
using Tensor = Pav.Torch.Tensor;

namespace Pav.Models.Training;

/// <summary>
/// Rows, and the sum of a loss over the places at which the head is read, these numbered through all rows in their order. Each loss is
/// written twice, for the CPU's engine with its gradient and for libtorch, side by side.
/// </summary>
internal abstract class RowLoss
{
    private protected RowLoss(IReadOnlyList<ReadRow> rows) => Rows = rows;

    internal IReadOnlyList<ReadRow> Rows { get; }

    /// <summary>
    /// The loss at one place, of the head's values there, with its gradient; other threads may ask for other places meanwhile.
    /// </summary>
    internal abstract double At(int place, ReadOnlySpan<float> values, Span<float> gradient);

    /// <summary>Told all values of some whole rows before <see cref="At"/> is asked for one of them; null where a place is enough by
    /// itself.</summary>
    internal virtual RowValues? Before => null;

    /// <summary>The sum over all places, of the head's values [places, values].</summary>
    internal abstract Tensor Sum(Tensor values);

    private protected static Tensor On(Tensor like, Tensor made) => like.device.IsCpu ? made : made.to(like.device);

    private protected static Tensor On(Tensor like, IEnumerable<double> values) => On(like, tensor(values.Select(v => (float)v).ToArray()));

    /// <summary>log softmax of the values, and softmax into <paramref name="probabilities"/>.</summary>
    private protected static void Softmax(ReadOnlySpan<float> values, Span<float> log, Span<float> probabilities)
    {
        TensorPrimitives.Subtract(values, TensorPrimitives.Max(values), log);
        TensorPrimitives.Exp(log, probabilities);
        var sum = 0.0;
        foreach (var p in probabilities) sum += p;
        TensorPrimitives.Multiply(probabilities, (float)(1 / sum), probabilities);
        TensorPrimitives.Subtract(log, (float)Math.Log(sum), log);
    }
}

/// <summary>factor·Σ −log p of the id that follows.</summary>
internal sealed class NextTokenLoss(IReadOnlyList<ReadRow> rows, int[] targets, double factor) : RowLoss(rows)
{
    internal override double At(int place, ReadOnlySpan<float> values, Span<float> gradient)
    {
        // The gradient's span holds logarithms until the target's was read.
        TensorPrimitives.Subtract(values, TensorPrimitives.Max(values), gradient);
        var chosen = gradient[targets[place]];
        TensorPrimitives.Exp(gradient, gradient);
        var sum = 0.0;
        foreach (var e in gradient) sum += e;
        TensorPrimitives.Multiply(gradient, (float)(factor / sum), gradient);
        gradient[targets[place]] -= (float)factor;
        return factor * (Math.Log(sum) - chosen);
    }

    internal override Tensor Sum(Tensor values) =>
        functional.cross_entropy(values, On(values, tensor(targets.Select(id => (long)id).ToArray())), "sum") * factor;
}

/// <summary>factor·Σ (value − target)²; keeps what the values were.</summary>
internal sealed class SquaredLoss(IReadOnlyList<ReadRow> rows, float[] targets, double factor) : RowLoss(rows)
{
    /// <summary>The values of the last pass.</summary>
    public float[] Values { get; private set; } = new float[targets.Length];

    internal override double At(int place, ReadOnlySpan<float> values, Span<float> gradient)
    {
        var error = (double)(Values[place] = values[0]) - targets[place];
        gradient[0] = (float)(2 * factor * error);
        return factor * error * error;
    }

    internal override Tensor Sum(Tensor values)
    {
        Values = values.detach().to_array<float>();
        var error = values.squeeze(-1) - On(values, tensor(targets));
        return (error * error).sum() * factor;
    }
}
