using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>
/// What a layer's queries see: q [.., heads, size], k and v [.., kv heads, size] of the same tokens, rotated → [.., heads, size]. How
/// tokens lie in batches
/// and where keys and values of the past are kept is its affair.
/// </summary>
internal delegate Tensor Attention(int layer, Tensor q, Tensor k, Tensor v);

/// <summary>How a layer's tokens mix.</summary>
/// <param name="Attend">By attention.</param>
/// <param name="Spread">Tokens laid end to end, [N, ..], as rows [B, T, ..] padded on the right; null: they lie so.</param>
/// <param name="Back">The tokens of such rows laid end to end.</param>
internal sealed record Mixing(Attention Attend, Func<Tensor, Tensor>? Spread = null, Func<Tensor, Tensor>? Back = null);

/// <summary>y = x·Wᵀ + b, computed in x's type; with an adapter also + scale·x·Aᵀ·Bᵀ.</summary>
internal sealed record Linear(Tensor weight, Tensor? bias, (Tensor A, Tensor B)? adapter = null, double scale = 1)
{
    public Tensor forward(Tensor x)
    {
        if (adapter is not var (a, b)) return functional.linear(x, weight.cast(x.dtype), bias?.cast(x.dtype));
        using var scope = torch.NewDisposeScope();
        var y = functional.linear(x, weight.cast(x.dtype), bias?.cast(x.dtype));
        return scope.MoveToOuter(y + functional.linear(functional.linear(x, a.cast(x.dtype)), b.cast(x.dtype)) * scale);
    }
}

/// <summary>One decoder layer; fields are named as in the checkpoint.</summary>
internal sealed class DecoderLayer
{
    private readonly DecoderConfig config;
    private readonly int index;
    private readonly Tensor post_attention_layernorm;
    private readonly Tensor? input_layernorm, pre_feedforward_layernorm, post_feedforward_layernorm, q_norm, k_norm;
    private readonly Linear? q_proj, k_proj, v_proj, o_proj;
    private readonly Linear? gate_proj, up_proj, down_proj;
    private readonly ExpertLayer? mlp;
    private readonly DeltaNetLayer? linear_attn;

    public DecoderLayer(DecoderConfig config, int index, IReadOnlyDictionary<string, Tensor> weights,
        Func<string, (Tensor A, Tensor B)?> adapter, double scale)
    {
        (this.config, this.index) = (config, index);
        var prefix = $"model.layers.{index}.";
        (input_layernorm, post_attention_layernorm) = (Maybe("input_layernorm.weight"),
            weights[prefix + "post_attention_layernorm.weight"]);
        (pre_feedforward_layernorm, post_feedforward_layernorm) = (Maybe("pre_feedforward_layernorm.weight"),
            Maybe("post_feedforward_layernorm.weight"));
        (q_norm, k_norm) = (Maybe("self_attn.q_norm.weight"), Maybe("self_attn.k_norm.weight"));
        if (config.IsRecurrent(index)) linear_attn = new(config, At, name => weights[prefix + DeltaNet.Prefix + name]);
        else
            (q_proj, k_proj, v_proj, o_proj) = (At("self_attn.q_proj"), At("self_attn.k_proj"), At("self_attn.v_proj"),
                At("self_attn.o_proj"));
        if (config.IsSparse(index)) mlp = new(config.Experts!, At);
        else (gate_proj, up_proj, down_proj) = (At("mlp.gate_proj"), At("mlp.up_proj"), At("mlp.down_proj"));

        Tensor? Maybe(string name) => weights.GetValueOrDefault(prefix + name);
        Linear At(string name) => new(weights[prefix + name + ".weight"], Maybe(name + ".bias"), adapter(prefix + name), scale);
    }

    /// <param name="x">[.., hidden].</param>
    /// <param name="cos">[kinds, ..], of which the layer's kind broadcasts against [.., heads, head size].</param>
    /// <param name="sin">The same.</param>
    /// <param name="mixing">Attention over rotated queries, keys and values.</param>
    public Tensor forward(Tensor x, Tensor cos, Tensor sin, Mixing mixing)
    {
        var mixed = linear_attn is null ? attention(before(x, input_layernorm), chosen(cos), chosen(sin), mixing.Attend)
            : linear_attn.forward(before(x, input_layernorm), mixing);
        if (!config.PostNorms)
        {
            x = x + scaled(mixed);
            return x + scaled(feed_forward(norm(x, post_attention_layernorm)));
        }

        x = x + scaled(norm(mixed, post_attention_layernorm));
        return x + scaled(norm(feed_forward(before(x, pre_feedforward_layernorm)), post_feedforward_layernorm!));
    }

    private Tensor chosen(Tensor kinds) => kinds.narrow(0, config.RotaryOf(index), 1).reshape(kinds.shape[1..]);

    private Tensor before(Tensor x, Tensor? weight) => weight is null ? x : norm(x, weight);

    private Tensor scaled(Tensor x) => config.ResidualMultiplier == 1 ? x : x * config.ResidualMultiplier;

    private Tensor attention(Tensor x, Tensor cos, Tensor sin, Attention attend)
    {
        long[] outer = x.shape[..^1];
        var (q, gate) = queries();
        var k = heads(k_proj!, config.KvHeads, config.WholeQueryKeyNorm ? k_norm : null);
        var v = heads(v_proj!, config.KvHeads, null);
        if (q_norm is not null && !config.WholeQueryKeyNorm) (q, k) = (norm(q, q_norm), norm(k, k_norm!));
        var seen = attend(index, turned(q), turned(k), v);
        if (gate is not null) seen = seen * gate.sigmoid();
        return o_proj!.forward(seen.reshape([.. outer, config.Heads * config.HeadSize]));

        (Tensor, Tensor?) queries()
        {
            if (!config.OutputGate) return (heads(q_proj!, config.Heads, config.WholeQueryKeyNorm ? q_norm : null), null);
            var both = q_proj!.forward(x).reshape([.. outer, config.Heads, 2 * config.HeadSize])
                .split([config.HeadSize, config.HeadSize], -1);
            return (both[0], both[1]);
        }

        Tensor turned(Tensor heads)
        {
            if (config.Rotated == config.HeadSize) return functional.rotary(heads, cos, sin);
            var parts = heads.split([config.Rotated, config.HeadSize - config.Rotated], -1);
            return torch.cat([functional.rotary(parts[0], cos, sin), parts[1]], -1);
        }

        Tensor heads(Linear projection, int count, Tensor? whole) =>
            before(projection.forward(x), whole).reshape([.. outer, count, config.HeadSize]);
    }

    private Tensor feed_forward(Tensor h)
    {
        if (mlp is not null) return mlp.forward(h);
        var gate = gate_proj!.forward(h);
        return down_proj!.forward((config.Activation == Activation.Silu ? gate.silu() : gate.gelu("tanh")) * up_proj!.forward(h));
    }

    private Tensor norm(Tensor x, Tensor weight) => functional.rms_norm(x, weight, config.NormEps, config.NormPlusOne);
}
