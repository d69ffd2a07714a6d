using System.Text.Json.Serialization;

namespace Pav;

/// <summary>How a learned verifier errs.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<NoiseKind>))]
internal enum NoiseKind
{
    [JsonStringEnumMemberName("none")] None,

    /// <summary>At every state anew.</summary>
    [JsonStringEnumMemberName("independent")] Independent,

    /// <summary>
    /// Begins with the first step and stays along the path: each step's error has correlation 0.9 with that of the step before.
    /// </summary>
    [JsonStringEnumMemberName("path")] Path,

    /// <summary>The same for all next steps of a state, anew in the next.</summary>
    [JsonStringEnumMemberName("state")] State,

    /// <summary>
    /// With the given chance a step that is not the best of its state is taken for the best, and so is all that follows it.
    /// </summary>
    [JsonStringEnumMemberName("undetected")] Undetected,
}

/// <summary>A noise model of a learned verifier.</summary>
/// <param name="Size">Standard deviation in logits; for undetected mistakes their chance, 0 to 1.</param>
internal sealed record VerifierNoise(NoiseKind Kind, double Size)
{
    /// <summary>A noisy verifier is never surer than this; one without noise may be.</summary>
    private const double Surest = 0.005;

    private const double Persistence = 0.9;

    public static VerifierNoise None { get; } = new(NoiseKind.None, 0);

    /// <summary>What the verifier says of every node.</summary>
    /// <param name="values">True values of all nodes.</param>
    /// <param name="seed">Equal seeds err equally.</param>
    public double[] Read(TokenTree tree, double[] values, ulong seed) => Kind switch
    {
        NoiseKind.None => values,
        NoiseKind.Undetected => Blind(tree, values, seed),
        _ => Shifted(tree, values, seed),
    };

    private double[] Shifted(TokenTree tree, double[] values, ulong seed)
    {
        var chance = new Chance(seed);
        var error = new double[values.Length];
        var read = new double[values.Length];
        for (var node = 0; node < values.Length; node++)
        {
            var parent = (node - 1) / tree.Steps;
            error[node] = Kind switch
            {
                NoiseKind.State when node > 0 && (node - 1) % tree.Steps != 0 => error[node - 1],
                NoiseKind.Path when parent > 0 =>
                    Persistence * error[parent] + Math.Sqrt(1 - Persistence * Persistence) * Size * chance.Normal(),
                _ => Size * chance.Normal(),
            };
            var v = Math.Clamp(values[node], Surest, 1 - Surest);
            read[node] = 1 / (1 + (1 - v) / v * Math.Exp(-error[node]));
        }

        return read;
    }

    private double[] Blind(TokenTree tree, double[] values, ulong seed)
    {
        var chance = new Chance(seed);
        var takenFor = new int[values.Length];
        for (var s = 0; s < tree.States; s++)
        {
            var image = takenFor[s];
            var best = Enumerable.Range(0, tree.Steps).MaxBy(a => values[tree.Child(image, a)]);
            for (var a = 0; a < tree.Steps; a++)
            {
                var unseen = values[tree.Child(image, a)] < values[tree.Child(image, best)] && chance.Uniform() < Size;
                takenFor[tree.Child(s, a)] = tree.Child(image, unseen ? best : a);
            }
        }

        return [.. takenFor.Select(node => values[node])];
    }
}
