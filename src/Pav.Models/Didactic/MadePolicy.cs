using Pav.Didactic;

namespace Pav.Models.Didactic;

/// <summary>
/// The policy network of the planted task (App. B): a MADE, three hidden layers of 128 ReLU units between L one-hot tokens and L rows of
/// logits, masked so that the
/// logits of position t see tokens before t alone. A hidden unit of degree d = 0 … L − 1 sees tokens before position d; without degree 0
/// the first position would be a
/// bare bias. Units are in the order of their degrees, so what a unit sees of a layer is a prefix of it.
/// </summary>
internal sealed class MadePolicy
{
    private MadePolicy(PlantedTask task, int hidden, float[] values)
    {
        (Task, Layers, Values) = (task, MadeLayer.All(task, hidden), values);
        Mask = Masked();
    }

    public PlantedTask Task { get; }

    /// <summary>All weights and biases in one vector, as <see cref="Layers"/> say; masked weights are there and have no effect.</summary>
    public float[] Values { get; }

    /// <summary>1 for each of them that has an effect.</summary>
    internal float[] Mask { get; }

    /// <summary>Three hidden layers and the output.</summary>
    internal IReadOnlyList<MadeLayer> Layers { get; }

    /// <summary>Weights and biases uniform in ±1/√(inputs of the layer).</summary>
    public static MadePolicy RandomInit(PlantedTask task, ulong seed, int hidden = 128)
    {
        var derived = Seeds.Derive(seed, "made", "init", 0);
        var layers = MadeLayer.All(task, hidden);
        var values = new float[layers[^1].End];
        foreach (var layer in layers)
            for (var i = layer.Weights; i < layer.End; i++)
                values[i] = (float)((2 * Seeds.Uniform(derived, i) - 1) / Math.Sqrt(layer.Inputs));
        return new(task, hidden, values);
    }

    /// <summary>A copy with weights of its own.</summary>
    public MadePolicy Clone() => new(Task, Layers[0].Outputs, [.. Values]);

    private float[] Masked()
    {
        var values = new float[Layers[^1].End];
        foreach (var layer in Layers)
        {
            for (var o = 0; o < layer.Outputs; o++)
                for (var i = 0; i < layer.Seen(layer.DegreeOf(o)); i++) values[layer.Weights + o * layer.Inputs + i] = 1;
            values.AsSpan(layer.Biases, layer.Outputs).Fill(1);
        }

        return values;
    }
}

/// <summary>One layer of a MADE: where its weights [out, in] and biases [out] lie in the vector of all parameters, and what its units
/// see.</summary>
internal sealed record MadeLayer(int Degrees, int Inputs, int Outputs, int Weights, bool First)
{
    public int Biases => Weights + Outputs * Inputs;

    public int End => Biases + Outputs;

    public int DegreeOf(int output) => output * Degrees / Outputs;

    /// <summary>The first output of a degree, and, for degree L, the end of all.</summary>
    public int OutputsBefore(int degree) => (degree * Outputs + Degrees - 1) / Degrees;

    /// <summary>How many inputs an output of a degree sees: tokens before its position, or units up to its own degree.</summary>
    public int Seen(int degree) => First ? degree * Inputs / Degrees : ((degree + 1) * Inputs + Degrees - 1) / Degrees;

    public static IReadOnlyList<MadeLayer> All(PlantedTask task, int hidden)
    {
        var (degrees, width) = (task.Length, task.Length * task.Vocabulary);
        var first = new MadeLayer(degrees, width, hidden, 0, true);
        var second = new MadeLayer(degrees, hidden, hidden, first.End, false);
        var third = new MadeLayer(degrees, hidden, hidden, second.End, false);
        return [first, second, third, new MadeLayer(degrees, hidden, width, third.End, false)];
    }
}
