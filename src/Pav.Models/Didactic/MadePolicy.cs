using Pav.Didactic;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Didactic;

/// <summary>
/// The policy network of the planted task (App. B): a MADE, three hidden layers of 128 ReLU units between L one-hot tokens and L rows of logits, masked so that the
/// logits of position t see tokens before t alone. A hidden unit of degree d = 0 … L − 1 sees tokens before position d; without degree 0 the first position would be a
/// bare bias. Units are in the order of their degrees, so what a unit sees of a layer is a prefix of it.
/// </summary>
public sealed class MadePolicy : IDisposable
{
    private const int Output = 3;
    private readonly Tensor[] weights, biases, masks;

    private MadePolicy(PlantedTask task, int hidden, float[][] weights, float[][] biases)
    {
        (Task, Hidden) = (task, hidden);
        long inputs = task.Length * task.Vocabulary;
        long[][] shapes = [[hidden, inputs], [hidden, hidden], [hidden, hidden], [inputs, hidden]];
        this.weights = [.. shapes.Select((shape, i) => Parameter(weights[i], shape))];
        this.biases = [.. shapes.Select((shape, i) => Parameter(biases[i], shape[0]))];
        masks = [.. shapes.Select((shape, i) => tensor(Mask(i, shape), shape).DetachFromDisposeScope())];
    }

    public PlantedTask Task { get; }

    /// <summary>Units of each of the three hidden layers.</summary>
    public int Hidden { get; }

    /// <summary>Name and tensor: weights [out, in] (masked entries are there and have no effect), biases [out].</summary>
    public IEnumerable<(string Name, Tensor Parameter)> Parameters =>
        weights.Select((w, i) => ($"{i}.weight", w)).Concat(biases.Select((b, i) => ($"{i}.bias", b)));

    /// <summary>Weights and biases uniform in ±1/√(inputs of the layer).</summary>
    public static MadePolicy RandomInit(PlantedTask task, ulong seed, int hidden = 128)
    {
        var inputs = task.Length * task.Vocabulary;
        (int Out, int In)[] layers = [(hidden, inputs), (hidden, hidden), (hidden, hidden), (inputs, hidden)];
        float[] Uniform(string purpose, int layer, int count)
        {
            var own = Seeds.Of(seed, "made", purpose, layer);
            return [.. Enumerable.Range(0, count).Select(i => (float)((2 * Seeds.Uniform(own, i) - 1) / Math.Sqrt(layers[layer].In)))];
        }

        return new(task, hidden, [.. layers.Select((l, i) => Uniform("weight", i, l.Out * l.In))], [.. layers.Select((l, i) => Uniform("bias", i, l.Out))]);
    }

    /// <summary>A copy with weights of its own.</summary>
    public MadePolicy Clone() => new(Task, Hidden, [.. weights.Select(w => w.to_array<float>())], [.. biases.Select(b => b.to_array<float>())]);

    /// <summary>Logits [B, L, vocabulary] of one-hot tokens [B, L·vocabulary].</summary>
    public Tensor forward(Tensor tokens)
    {
        var x = tokens;
        for (var i = 0; i < weights.Length; i++)
        {
            x = functional.linear(x, weights[i] * masks[i], biases[i]);
            if (i < weights.Length - 1) x = x.relu();
        }

        return x.view(tokens.size(0), Task.Length, Task.Vocabulary);
    }

    /// <summary>How many units of a hidden layer have a degree up to this one; 0 for −1.</summary>
    public int UnitsUpTo(int degree) => ((degree + 1) * Hidden + Task.Length - 1) / Task.Length;

    public void CopyTo(float[][] weights, float[][] biases)
    {
        for (var i = 0; i < weights.Length; i++)
        {
            this.weights[i].data<float>().CopyTo(weights[i]);
            this.biases[i].data<float>().CopyTo(biases[i]);
        }
    }

    public void Dispose()
    {
        foreach (var tensor in weights.Concat(biases).Concat(masks)) tensor.Dispose();
    }

    private int Degree(int unit) => unit * Task.Length / Hidden;

    private float[] Mask(int layer, long[] shape)
    {
        var mask = new float[shape[0] * shape[1]];
        for (var o = 0; o < shape[0]; o++)
            for (var i = 0; i < shape[1]; i++)
            {
                var degree = layer == Output ? o / Task.Vocabulary : Degree(o);
                if (layer == 0 ? i / Task.Vocabulary < degree : Degree(i) <= degree) mask[o * shape[1] + i] = 1;
            }

        return mask;
    }

    private static Tensor Parameter(float[] values, params long[] shape)
    {
        var parameter = tensor(values, shape).DetachFromDisposeScope();
        parameter.requires_grad = true;
        return parameter;
    }
}
