namespace Pav;

/// <summary>p_i = exp(x_i) / Σ_j exp(x_j). Worked: (0, ln 3) gives (0.25, 0.75).</summary>
internal static class Softmax
{
    /// <summary>Probabilities that sum to 1, of at least one finite value.</summary>
    public static double[] From(IReadOnlyList<double> values)
    {
        var highest = values.Max();
        var weights = values.Select(v => Math.Exp(v - highest)).ToArray();
        var sum = weights.Sum();
        return [.. weights.Select(w => w / sum)];
    }
}
