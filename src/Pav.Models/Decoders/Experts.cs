namespace Pav.Models.Decoders;

/// <summary>
/// A mixture of experts in the place of a layer's feed-forward part: a router's softmax over all experts; the most probable few read a
/// token, and their outputs are added, weighed by their probabilities.
/// </summary>
/// <param name="Count">Experts of a layer.</param>
/// <param name="PerToken">Of them read a token.</param>
/// <param name="Size">Inner size of one.</param>
/// <param name="Normalised">The weights of a token's experts are divided by their sum.</param>
/// <param name="Every">Every so many layers one has a mixture, the last of them.</param>
/// <param name="Dense">Layers that have none all the same.</param>
public sealed record Experts(int Count, int PerToken, int Size, bool Normalised, int Every, IReadOnlyList<int> Dense)
{
    internal const string Router = "mlp.gate";

    internal bool IsIn(int layer) => (layer + 1) % Every == 0 && !Dense.Contains(layer);

    /// <summary>Names of an expert's three projections after the layer's prefix.</summary>
    internal static (string Gate, string Up, string Down) Names(int expert) =>
        ($"mlp.experts.{expert}.gate_proj", $"mlp.experts.{expert}.up_proj", $"mlp.experts.{expert}.down_proj");

    /// <summary>A layer's weights by their names after its prefix.</summary>
    internal IEnumerable<(string Name, long[] Shape)> Shapes(long hidden)
    {
        yield return ($"{Router}.weight", [Count, hidden]);
        for (var e = 0; e < Count; e++)
        {
            var (gate, up, down) = Names(e);
            yield return ($"{gate}.weight", [Size, hidden]);
            yield return ($"{up}.weight", [Size, hidden]);
            yield return ($"{down}.weight", [hidden, Size]);
        }
    }

    /// <summary>
    /// The most probable experts in the order of their numbers, and their weights; of equals the first. Worked: probabilities 0.1, 0.5,
    /// 0.1, 0.3 and two experts: 1 and 3 with 0.5 and 0.3, normalised 0.625 and 0.375.
    /// </summary>
    internal void Route(ReadOnlySpan<float> probabilities, Span<int> chosen, Span<float> weights)
    {
        for (var place = 0; place < PerToken; place++)
        {
            var best = -1;
            for (var e = 0; e < Count; e++)
                if ((best < 0 || probabilities[e] > probabilities[best]) && !chosen[..place].Contains(e)) best = e;
            chosen[place] = best;
        }

        chosen[..PerToken].Sort();
        var sum = 0f;
        for (var i = 0; i < PerToken; i++) sum += weights[i] = probabilities[chosen[i]];
        for (var i = 0; Normalised && i < PerToken; i++) weights[i] /= sum;
    }
}
