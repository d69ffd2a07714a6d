using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Decoders;

/// <summary>
/// A Llama-architecture decoder for training: RMSNorm, rotary positions, grouped-query attention, SwiGLU. Parameters carry the names of a
/// Hugging Face checkpoint. Generation and scoring run on <see cref="Inference.CpuRunner"/>, which packs the same weights.
/// </summary>
public sealed class DecoderModel : IDisposable
{
    private readonly SortedDictionary<string, Tensor> parameters;
    private readonly DecoderLayer[] layers;
    private readonly Tensor embedding, finalNorm, cos, sin;

    /// <param name="config">The architecture.</param>
    /// <param name="parameters">A tensor for each of <see cref="Shapes"/>; owned by the model from now on.</param>
    internal DecoderModel(DecoderConfig config, IReadOnlyDictionary<string, Tensor> parameters)
    {
        Config = config;
        this.parameters = new(parameters.ToDictionary(), StringComparer.Ordinal);
        foreach (var p in parameters.Values) p.DetachFromDisposeScope().requires_grad = true;
        embedding = parameters["model.embed_tokens.weight"];
        finalNorm = parameters["model.norm.weight"];
        HeadWeight = parameters[HeadName(config)];
        layers = [.. Enumerable.Range(0, config.Layers).Select(i => new DecoderLayer(config, parameters, $"model.layers.{i}."))];
        (cos, sin) = functional.rotary_tables(Rotary.Frequencies(config), config.MaxPositions);
        cos.DetachFromDisposeScope();
        sin.DetachFromDisposeScope();
    }

    public DecoderConfig Config { get; }

    /// <summary>Name → weight, in the order of the names. A tied head has no entry of its own.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => parameters;

    /// <summary>[vocabulary or labels, hidden].</summary>
    internal Tensor HeadWeight { get; }

    /// <summary>Final hidden states [B, T, hidden] of <paramref name="input_ids"/> [B, T] (int64), which continue what the cache holds. Batches are padded on the right: causality keeps padding out of what precedes it.</summary>
    public Tensor forward(Tensor input_ids, KvCache? cache = null)
    {
        var (start, length) = (cache?.Length ?? 0, input_ids.size(1));
        if (start + length > Config.MaxPositions)
            throw new UserError($"a sequence of {start + length} tokens is longer than the model's max_position_embeddings = {Config.MaxPositions}; shorten it or use another model");
        using var scope = NewDisposeScope();
        var place = embedding.device;
        var (c, s) = (Angles(cos), Angles(sin));
        var mask = length == 1 ? null : full([length, start + length], double.NegativeInfinity, embedding.dtype, place).triu(start + 1);
        var x = functional.embedding(input_ids, embedding);
        for (var i = 0; i < layers.Length; i++) x = layers[i].forward(x, c, s, mask, cache, i);
        cache?.Advance(length);
        return scope.MoveToOuter(functional.rms_norm(x, finalNorm, Config.NormEps));

        Tensor Angles(Tensor table) => table.narrow(0, start, length).unsqueeze(1).to(place, embedding.dtype);
    }

    /// <summary>Next-token logits [.., vocabulary] of hidden states.</summary>
    public Tensor logits(Tensor hidden) => Project(hidden, DecoderHead.CausalLM);

    /// <summary>Raw scores [.., labels] of hidden states; a probability is their sigmoid.</summary>
    public Tensor scores(Tensor hidden) => Project(hidden, DecoderHead.SequenceClassification);

    /// <summary>The same trunk, copied, under a fresh score head of zeros: what a verifier is trained from.</summary>
    public DecoderModel WithScoreHead(int labels = 1)
    {
        var config = Config with { Head = DecoderHead.SequenceClassification, Labels = labels };
        return new(config, Shapes(config).ToDictionary(s => s.Key, s => parameters.TryGetValue(s.Key, out var weight) && s.Key != "score.weight" ? Copied(weight) : zeros(s.Value)));
    }

    /// <summary>A copy with weights of its own.</summary>
    public DecoderModel Clone() => new(Config, parameters.ToDictionary(p => p.Key, p => Copied(p.Value)));

    /// <summary>Fresh weights: normal with deviation 0.02, output projections smaller by √(2·layers), norms one, biases zero.</summary>
    public static DecoderModel RandomInit(DecoderConfig config, ulong seed)
    {
        var made = new Dictionary<string, Tensor>();
        foreach (var (name, shape) in Shapes(config))
        {
            var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            if (name.EndsWith("norm.weight", StringComparison.Ordinal)) values.AsSpan().Fill(1);
            else if (!name.EndsWith(".bias", StringComparison.Ordinal))
            {
                var deviation = 0.02 / (name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal) ? Math.Sqrt(2 * config.Layers) : 1);
                var own = Seeds.Of(seed, name, "init", 0);
                for (var i = 0; i < values.Length; i++)
                    values[i] = (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - Seeds.Uniform(own, 2 * i))) * Math.Cos(2 * Math.PI * Seeds.Uniform(own, 2 * i + 1)));
            }

            made[name] = tensor(values, shape);
        }

        return new(config, made);
    }

    /// <summary>Every parameter's name and shape, as in the checkpoint.</summary>
    public static IReadOnlyDictionary<string, long[]> Shapes(DecoderConfig config)
    {
        long hidden = config.HiddenSize, q = config.Heads * config.HeadSize, kv = config.KvHeads * config.HeadSize, inner = config.IntermediateSize;
        var shapes = new Dictionary<string, long[]> { ["model.embed_tokens.weight"] = [config.VocabSize, hidden] };
        for (var i = 0; i < config.Layers; i++)
        {
            var layer = $"model.layers.{i}.";
            shapes[layer + "input_layernorm.weight"] = [hidden];
            shapes[layer + "post_attention_layernorm.weight"] = [hidden];
            Linear("self_attn.q_proj", q, hidden, config.AttentionBias);
            Linear("self_attn.k_proj", kv, hidden, config.AttentionBias);
            Linear("self_attn.v_proj", kv, hidden, config.AttentionBias);
            Linear("self_attn.o_proj", hidden, q, config.AttentionBias);
            Linear("mlp.gate_proj", inner, hidden, config.MlpBias);
            Linear("mlp.up_proj", inner, hidden, config.MlpBias);
            Linear("mlp.down_proj", hidden, inner, config.MlpBias);

            void Linear(string name, long outputs, long inputs, bool bias)
            {
                shapes[layer + name + ".weight"] = [outputs, inputs];
                if (bias) shapes[layer + name + ".bias"] = [outputs];
            }
        }

        shapes["model.norm.weight"] = [hidden];
        if (config.Head == DecoderHead.SequenceClassification) shapes["score.weight"] = [config.Labels, hidden];
        else if (!config.TiedEmbeddings) shapes["lm_head.weight"] = [config.VocabSize, hidden];
        return shapes;
    }

    /// <summary>The parameter that the head multiplies with.</summary>
    private static string HeadName(DecoderConfig config) =>
        config.Head == DecoderHead.SequenceClassification ? "score.weight" : config.TiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";

    private static Tensor Copied(Tensor weight)
    {
        using var off = no_grad();
        return weight.detach().clone();
    }

    private Tensor Project(Tensor hidden, DecoderHead wanted) =>
        Config.Head == wanted ? functional.linear(hidden, HeadWeight) : throw new UserError($"the model has a {Config.Head} head, and a {wanted} head is needed; give the other kind of checkpoint");

    public void Dispose()
    {
        foreach (var p in parameters.Values) p.Dispose();
        cos.Dispose();
        sin.Dispose();
    }
}

/// <summary>One decoder layer; fields are named as in the checkpoint.</summary>
internal sealed class DecoderLayer(DecoderConfig config, IReadOnlyDictionary<string, Tensor> weights, string prefix)
{
    private readonly Tensor input_layernorm = weights[prefix + "input_layernorm.weight"], post_attention_layernorm = weights[prefix + "post_attention_layernorm.weight"];
    private readonly (Tensor weight, Tensor? bias) q_proj = At(weights, prefix + "self_attn.q_proj"), k_proj = At(weights, prefix + "self_attn.k_proj"),
        v_proj = At(weights, prefix + "self_attn.v_proj"), o_proj = At(weights, prefix + "self_attn.o_proj"),
        gate_proj = At(weights, prefix + "mlp.gate_proj"), up_proj = At(weights, prefix + "mlp.up_proj"), down_proj = At(weights, prefix + "mlp.down_proj");

    /// <param name="x">[B, T, hidden].</param>
    /// <param name="cos">[T, 1, head size].</param>
    /// <param name="sin">[T, 1, head size].</param>
    /// <param name="mask">[T, past + T], −∞ where attention is forbidden; none for a single row.</param>
    /// <param name="cache">Keys and values of the past.</param>
    /// <param name="layer">This layer's place in the cache.</param>
    public Tensor forward(Tensor x, Tensor cos, Tensor sin, Tensor? mask, KvCache? cache, int layer)
    {
        x = x + attention(functional.rms_norm(x, input_layernorm, config.NormEps), cos, sin, mask, cache, layer);
        var h = functional.rms_norm(x, post_attention_layernorm, config.NormEps);
        return x + linear(linear(h, gate_proj).silu() * linear(h, up_proj), down_proj);
    }

    private Tensor attention(Tensor x, Tensor cos, Tensor sin, Tensor? mask, KvCache? cache, int layer)
    {
        var (batch, length) = (x.size(0), x.size(1));
        var q = functional.rotary(linear(x, q_proj).reshape(batch, length, config.Heads, config.HeadSize), cos, sin).transpose(1, 2);
        var k = functional.rotary(linear(x, k_proj).reshape(batch, length, config.KvHeads, config.HeadSize), cos, sin).transpose(1, 2);
        var v = linear(x, v_proj).reshape(batch, length, config.KvHeads, config.HeadSize).transpose(1, 2);
        if (cache is not null) (k, v) = cache.Append(layer, k, v);
        return linear(functional.attention(q, k, v, mask).transpose(1, 2).reshape(batch, length, config.Heads * config.HeadSize), o_proj);
    }

    private static Tensor linear(Tensor x, (Tensor weight, Tensor? bias) w) => functional.linear(x, w.weight, w.bias);

    private static (Tensor, Tensor?) At(IReadOnlyDictionary<string, Tensor> weights, string name) => (weights[name + ".weight"], weights.GetValueOrDefault(name + ".bias"));
}
