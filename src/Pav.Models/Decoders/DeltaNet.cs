namespace Pav.Models.Decoders;

/// <summary>
/// Gated DeltaNet (Yang et al. 2024) in the place of attention: each value head keeps a matrix S [key size, value size] that a token
/// first fades, S ← αS, then corrects at its key, S ← S + k·(β(v − Sᵀk))ᵀ, and reads at its query, Sᵀq. Queries, keys and values come
/// through a causal convolution of each channel over <see cref="Width"/> tokens; queries and keys have length 1.
/// </summary>
/// <param name="KeyHeads">Of queries and keys.</param>
/// <param name="ValueHeads">A multiple of them: neighbours share a key head.</param>
/// <param name="KeySize">Of a head's queries and keys, a multiple of 8.</param>
/// <param name="ValueSize">Of a head's values, a multiple of 8.</param>
public sealed record DeltaNet(int KeyHeads, int ValueHeads, int KeySize, int ValueSize)
{
    /// <summary>Tokens that the convolution sees, the current one included.</summary>
    public const int Width = 4;

    /// <summary>What a layer's tensors are called, after its own name.</summary>
    internal const string Prefix = "linear_attn.";

    /// <summary>Under the root of the length of queries and keys.</summary>
    internal const float LengthEps = 1e-6f;

    /// <summary>Value heads of a key head.</summary>
    internal int Group => ValueHeads / KeyHeads;

    /// <summary>Values of all heads.</summary>
    internal int Values => ValueHeads * ValueSize;

    /// <summary>Queries, keys and values, which are convolved.</summary>
    internal int Channels => 2 * KeyHeads * KeySize + Values;

    /// <summary>Every parameter's name, after the layer's, and shape.</summary>
    internal IEnumerable<(string Name, long[] Shape)> Shapes(long hidden) =>
    [
        (Prefix + "in_proj_qkv.weight", [Channels, hidden]), (Prefix + "in_proj_z.weight", [Values, hidden]),
        (Prefix + "in_proj_b.weight", [ValueHeads, hidden]), (Prefix + "in_proj_a.weight", [ValueHeads, hidden]),
        (Prefix + "conv1d.weight", [Channels, 1, Width]), (Prefix + "A_log", [ValueHeads]), (Prefix + "dt_bias", [ValueHeads]),
        (Prefix + "norm.weight", [ValueSize]), (Prefix + "out_proj.weight", [hidden, Values]),
    ];

    /// <summary>Parameters that begin in a way of their own.</summary>
    internal static bool Starts(string name) => name.EndsWith(Prefix + "norm.weight", StringComparison.Ordinal)
        || name.EndsWith("conv1d.weight", StringComparison.Ordinal) || name.EndsWith("dt_bias", StringComparison.Ordinal)
        || name.EndsWith("A_log", StringComparison.Ordinal);

    /// <summary>The convolution begins uniform in ±1/√width, e^A_log uniform in (0, 16], the others at 1.</summary>
    internal static void Start(string name, float[] values, ulong seed)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var uniform = Seeds.Uniform(seed, i);
            values[i] = name.EndsWith("A_log", StringComparison.Ordinal) ? (float)Math.Log(16 * (1 - uniform))
                : name.EndsWith("conv1d.weight", StringComparison.Ordinal) ? (float)((2 * uniform - 1) / Math.Sqrt(Width)) : 1;
        }
    }
}
