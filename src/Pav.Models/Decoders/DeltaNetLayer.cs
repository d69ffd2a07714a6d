using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>A <see cref="DeltaNet"/> in libtorch, on whole rows; fields are named as in the checkpoint.</summary>
internal sealed class DeltaNetLayer
{
    private readonly DecoderConfig config;
    private readonly DeltaNet net;
    private readonly Linear in_proj_qkv, in_proj_z, in_proj_b, in_proj_a, out_proj;
    private readonly Tensor conv1d, A_log, dt_bias, norm;

    /// <param name="config">Of the model.</param>
    /// <param name="projection">By its name after the layer's.</param>
    /// <param name="weight">By its name after that of the linear attention.</param>
    public DeltaNetLayer(DecoderConfig config, Func<string, Linear> projection, Func<string, Tensor> weight)
    {
        (this.config, net) = (config, config.DeltaNet!);
        (in_proj_qkv, in_proj_z) = (At("in_proj_qkv"), At("in_proj_z"));
        (in_proj_b, in_proj_a, out_proj) = (At("in_proj_b"), At("in_proj_a"), At("out_proj"));
        (conv1d, A_log, dt_bias, norm) = (weight("conv1d.weight"), weight("A_log"), weight("dt_bias"), weight("norm.weight"));

        Linear At(string name) => projection(DeltaNet.Prefix + name);
    }

    /// <param name="x">[B, T, hidden], or [N, hidden] where the mixing spreads it.</param>
    /// <param name="mixing">How tokens lie.</param>
    public Tensor forward(Tensor x, Mixing mixing)
    {
        if (mixing.Spread is { } spread) return mixing.Back!(forward(spread(x)));
        return forward(x);
    }

    private Tensor forward(Tensor x)
    {
        var (b, length, type) = (x.size(0), x.size(1), x.dtype);
        long keys = net.KeyHeads * net.KeySize;
        var parts = convolved(in_proj_qkv.forward(x)).silu().cast(torch.float32).split([keys, keys, net.Values], -1);
        var q = unit(parts[0]) * (1 / Math.Sqrt(net.KeySize));
        var write = in_proj_b.forward(x).cast(torch.float32).sigmoid();
        var fading = (in_proj_a.forward(x).cast(torch.float32) + dt_bias.cast(torch.float32)).softplus();
        var keep = (A_log.cast(torch.float32).exp() * fading * -1).exp();
        var made = functional.gated_delta_rule(q, unit(parts[1]), parts[2].reshape(b, length, net.ValueHeads, net.ValueSize), keep, write);
        var normed = functional.rms_norm(made.cast(type), norm, config.NormEps);
        var z = in_proj_z.forward(x).reshape(b, length, net.ValueHeads, net.ValueSize).cast(torch.float32);
        return out_proj.forward((normed * z.silu()).cast(type).reshape(b, length, net.Values));

        // Of length 1, each head for all the value heads that it serves.
        Tensor unit(Tensor heads)
        {
            var own = heads.reshape(b, length, net.KeyHeads, 1, net.KeySize);
            own = own * (own * own).sum(-1, keepdim: true).add_(DeltaNet.LengthEps).rsqrt();
            return own.expand(b, length, net.KeyHeads, net.Group, net.KeySize).reshape(b, length, net.ValueHeads, net.KeySize);
        }
    }

    private Tensor convolved(Tensor x)
    {
        var (b, length, channels) = (x.size(0), x.size(1), x.size(2));
        var padded = torch.cat([torch.zeros([b, DeltaNet.Width - 1, channels], x.dtype, x.device), x], 1);
        var sum = Seen(0);
        for (var j = 1; j < DeltaNet.Width; j++) sum = sum + Seen(j);
        return sum;

        Tensor Seen(int j) => padded.narrow(1, j, length) * conv1d.cast(x.dtype).narrow(2, j, 1).reshape(channels);
    }
}
