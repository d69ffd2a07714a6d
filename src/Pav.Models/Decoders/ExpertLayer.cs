using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>A mixture of <see cref="Experts"/> in libtorch.</summary>
internal sealed class ExpertLayer
{
    private readonly Experts experts;
    private readonly Linear router;
    private readonly (Linear Gate, Linear Up, Linear Down)[] parts;

    /// <param name="experts">How many, and how they are chosen.</param>
    /// <param name="projection">By its name after the layer's.</param>
    public ExpertLayer(Experts experts, Func<string, Linear> projection)
    {
        (this.experts, router) = (experts, projection(Experts.Router));
        parts = [.. Enumerable.Range(0, experts.Count).Select(Experts.Names)
            .Select(n => (projection(n.Gate), projection(n.Up), projection(n.Down)))];
    }

    /// <param name="x">[.., hidden].</param>
    public Tensor forward(Tensor x)
    {
        var (hidden, k) = (x.size(-1), experts.PerToken);
        var rows = x.reshape(-1, hidden);
        var count = (int)rows.size(0);
        var probabilities = router.forward(rows).cast(torch.float32).softmax(-1);
        var chosen = Chosen(probabilities, count);
        var places = Enumerable.Range(0, count * k).OrderBy(place => chosen[place]).ToArray();
        var back = new long[places.Length];
        for (var i = 0; i < places.Length; i++) back[places[i]] = i;
        var read = places.GroupBy(place => chosen[place]).Select(group =>
        {
            var (gate, up, down) = parts[group.Key];
            var seen = rows.index_select(0, Placed([.. group.Select(place => (long)(place / k))]));
            return down.forward(gate.forward(seen).silu() * up.forward(seen));
        }).ToArray();
        var weights = probabilities.reshape(-1)
            .index_select(0, Placed([.. chosen.Select((e, place) => (long)(place / k) * experts.Count + e)])).reshape(count, k);
        if (experts.Normalised) weights = weights / weights.sum(-1, keepdim: true);
        var outputs = torch.cat(read).index_select(0, Placed(back)).reshape(count, k, hidden);
        return (outputs * weights.cast(x.dtype).unsqueeze(-1)).sum(1).reshape(x.shape);

        Tensor Placed(long[] numbers) => torch.tensor(numbers).to(x.device);
    }

    private int[] Chosen(Tensor probabilities, int rows)
    {
        using var off = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var values = probabilities.detach().cpu().contiguous().to_array<float>();
        var (chosen, weights) = (new int[rows * experts.PerToken], new float[experts.PerToken]);
        for (var r = 0; r < rows; r++)
            experts.Route(values.AsSpan(r * experts.Count, experts.Count), chosen.AsSpan(r * experts.PerToken, experts.PerToken), weights);
        return chosen;
    }
}
