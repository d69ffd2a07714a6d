using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>Keys and values [B, kv heads, Length, head size] of each layer, for a batch whose rows are equally long.</summary>
public sealed class KvCache : IDisposable
{
    private readonly Dictionary<int, (Tensor keys, Tensor values)> layers = [];

    /// <summary>Positions held.</summary>
    public long Length { get; private set; }

    /// <summary>All keys and values of a layer, the new ones at the end.</summary>
    internal (Tensor keys, Tensor values) Append(int layer, Tensor keys, Tensor values)
    {
        using var scope = torch.NewDisposeScope();
        if (layers.TryGetValue(layer, out var past))
        {
            (keys, values) = (torch.cat([past.keys, keys], 2), torch.cat([past.values, values], 2));
            past.keys.Dispose();
            past.values.Dispose();
        }

        var all = (keys.alias().DetachFromDisposeScope(), values.alias().DetachFromDisposeScope());
        layers[layer] = all;
        return all;
    }

    internal void Advance(long positions) => Length += positions;

    public void Dispose()
    {
        foreach (var (keys, values) in layers.Values)
        {
            keys.Dispose();
            values.Dispose();
        }
    }
}
