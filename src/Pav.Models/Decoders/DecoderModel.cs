using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Decoders;

/// <summary>
/// A decoder in libtorch, for training and for GPUs: RMSNorm, rotary positions, grouped-query attention, gated feed-forward parts, and the choices that
/// <see cref="DecoderConfig"/> makes among them. Parameters carry the names of a Hugging Face checkpoint. On the CPU generation and scoring run on
/// <see cref="Inference.CpuRunner"/>, which packs the same weights.
/// </summary>
public sealed class DecoderModel : IDisposable
{
    private readonly SortedDictionary<string, Tensor> parameters;
    private readonly DecoderLayer[] layers;
    private readonly Tensor embedding, finalNorm;
    private readonly Linear[] head;
    private readonly Rotary rotary;

    /// <param name="config">The architecture.</param>
    /// <param name="parameters">A tensor for each of <see cref="Shapes"/>; owned by the model from now on.</param>
    internal DecoderModel(DecoderConfig config, IReadOnlyDictionary<string, Tensor> parameters)
    {
        Config = config;
        this.parameters = new(parameters.ToDictionary(), StringComparer.Ordinal);
        foreach (var p in parameters.Values) p.DetachFromDisposeScope().requires_grad = true;
        embedding = parameters["model.embed_tokens.weight"];
        finalNorm = parameters["model.norm.weight"];
        head = [.. HeadNames(config).Select(name => new Linear(parameters[name + ".weight"], parameters.GetValueOrDefault(name + ".bias")))];
        layers = [.. Enumerable.Range(0, config.Layers).Select(i => new DecoderLayer(config, i, parameters))];
        rotary = new(config, embedding.device);
        ComputeType = embedding.dtype;
    }

    public DecoderConfig Config { get; }

    /// <summary>Name → weight, in the order of the names. A tied head has no entry of its own.</summary>
    public IReadOnlyDictionary<string, Tensor> Parameters => parameters;

    /// <summary>Where the weights are and inputs belong.</summary>
    public Device Device => embedding.device;

    /// <summary>Type of activations and products; weights of another type are converted as they are used, so that float32 masters can be trained in bfloat16.</summary>
    public ScalarType ComputeType { get; init; }

    /// <summary>Final hidden states [B, T, hidden] of <paramref name="input_ids"/> [B, T] (int64), which continue what the cache holds. Batches are padded on the right: causality keeps padding out of what precedes it.</summary>
    public Tensor forward(Tensor input_ids, KvCache? cache = null)
    {
        using var scope = NewDisposeScope();
        var (cos, sin, attend) = Rows(cache, input_ids.size(1));
        var x = Embed(input_ids);
        foreach (var layer in layers) x = layer.forward(x, cos, sin, attend);
        cache?.Advance(input_ids.size(1));
        return scope.MoveToOuter(Normed(x));
    }

    /// <summary>Final hidden states [N, hidden] of tokens in a row, whose attention someone else arranges.</summary>
    /// <param name="ids">[N], int64.</param>
    /// <param name="positions">[N], int64, each below <paramref name="end"/>.</param>
    /// <param name="end">Positions needed.</param>
    /// <param name="attend">What each token sees.</param>
    internal Tensor forward(Tensor ids, Tensor positions, long end, Attention attend)
    {
        using var scope = NewDisposeScope();
        var (cos, sin) = rotary.At(positions, end, ComputeType);
        var x = Embed(ids);
        foreach (var layer in layers) x = layer.forward(x, cos, sin, attend);
        return scope.MoveToOuter(Normed(x));
    }

    /// <summary>Next-token logits [.., vocabulary] of hidden states.</summary>
    public Tensor logits(Tensor hidden)
    {
        if (Config.Head != DecoderHead.CausalLM) throw new UserError("the model has a score head, and a language-model head is needed; give the other kind of checkpoint");
        var raw = head[0].forward(hidden);
        return Config.LogitCap is { } cap ? (raw / cap).tanh() * cap : raw;
    }

    /// <summary>Raw scores [.., labels] of hidden states; a probability is their sigmoid.</summary>
    public Tensor scores(Tensor hidden)
    {
        if (Config.Head == DecoderHead.CausalLM) throw new UserError("the model has a language-model head, and a score head is needed; give the other kind of checkpoint");
        var first = head[0].forward(hidden);
        return head.Length == 1 ? first : head[1].forward(first.relu());
    }

    /// <summary>The same trunk, copied, under a fresh score head of zeros: what a verifier is trained from.</summary>
    public DecoderModel WithScoreHead(int labels = 1)
    {
        var config = Config with { Head = DecoderHead.SequenceClassification, Labels = labels };
        return new(config, Shapes(config).ToDictionary(s => s.Key, s => parameters.TryGetValue(s.Key, out var weight) && s.Key != "score.weight" ? Copied(weight) : zeros(s.Value, embedding.dtype, Device)));
    }

    /// <summary>A copy with weights of its own, on a device if one is given.</summary>
    public DecoderModel Clone(Device? device = null) => new(Config, parameters.ToDictionary(p => p.Key, p => Copied(p.Value, device)));

    /// <summary>Fresh weights: normal with deviation 0.02, output projections smaller by √(2·layers), norms neutral, biases zero.</summary>
    public static DecoderModel RandomInit(DecoderConfig config, ulong seed)
    {
        var made = new Dictionary<string, Tensor>();
        foreach (var (name, shape) in Shapes(config))
        {
            var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            if (name.EndsWith("norm.weight", StringComparison.Ordinal)) values.AsSpan().Fill(config.NormPlusOne ? 0 : 1);
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
            if (config.PostNorms) shapes[layer + "pre_feedforward_layernorm.weight"] = shapes[layer + "post_feedforward_layernorm.weight"] = [hidden];
            if (config.QueryKeyNorm) shapes[layer + "self_attn.q_norm.weight"] = shapes[layer + "self_attn.k_norm.weight"] = [config.HeadSize];
            Linear(layer + "self_attn.q_proj", q, hidden, config.QkvBias);
            Linear(layer + "self_attn.k_proj", kv, hidden, config.QkvBias);
            Linear(layer + "self_attn.v_proj", kv, hidden, config.QkvBias);
            Linear(layer + "self_attn.o_proj", hidden, q, config.OutputBias);
            Linear(layer + "mlp.gate_proj", inner, hidden, config.MlpBias);
            Linear(layer + "mlp.up_proj", inner, hidden, config.MlpBias);
            Linear(layer + "mlp.down_proj", hidden, inner, config.MlpBias);
        }

        shapes["model.norm.weight"] = [hidden];
        switch (config.Head)
        {
            case DecoderHead.CausalLM when !config.TiedEmbeddings:
                Linear("lm_head", config.VocabSize, hidden, bias: false);
                break;
            case DecoderHead.SequenceClassification or DecoderHead.TokenClassification:
                Linear("score", config.Labels, hidden, bias: config.Head == DecoderHead.TokenClassification);
                break;
            case DecoderHead.ProcessRewardModel or DecoderHead.RewardModel:
                Linear("score.0", hidden, hidden, bias: true);
                Linear("score.2", config.Labels, hidden, bias: true);
                break;
        }

        return shapes;

        void Linear(string name, long outputs, long inputs, bool bias)
        {
            shapes[name + ".weight"] = [outputs, inputs];
            if (bias) shapes[name + ".bias"] = [outputs];
        }
    }

    /// <summary>Names, without <c>.weight</c>, of the one or two products of the head.</summary>
    internal static string[] HeadNames(DecoderConfig config) => config.Head switch
    {
        DecoderHead.CausalLM => [config.TiedEmbeddings ? "model.embed_tokens" : "lm_head"],
        DecoderHead.ProcessRewardModel or DecoderHead.RewardModel => ["score.0", "score.2"],
        _ => ["score"],
    };

    /// <summary>Embeddings, then the stream after each layer, the last one after the final norm.</summary>
    internal Tensor[] hidden_states(Tensor input_ids)
    {
        var (cos, sin, attend) = Rows(null, input_ids.size(1));
        List<Tensor> states = [Embed(input_ids)];
        foreach (var layer in layers) states.Add(layer.forward(states[^1], cos, sin, attend));
        states[^1] = Normed(states[^1]);
        return [.. states];
    }

    private Tensor Embed(Tensor input_ids)
    {
        var x = functional.embedding(input_ids, embedding).cast(ComputeType);
        return Config.ScaledEmbeddings ? x * Config.EmbeddingScale : x;
    }

    private Tensor Normed(Tensor x) => functional.rms_norm(x, finalNorm, Config.NormEps, Config.NormPlusOne);

    /// <summary>Angles and causal attention for equally long rows [B, T, ..] after a cache.</summary>
    private (Tensor cos, Tensor sin, Attention attend) Rows(KvCache? cache, long length)
    {
        var start = cache?.Length ?? 0;
        var end = start + length;
        if (end > Config.MaxPositions)
            throw new UserError($"a sequence of {end} tokens is longer than the model's max_position_embeddings = {Config.MaxPositions}; shorten it or use another model");
        var (cos, sin) = rotary.At(start, length, ComputeType);
        var causal = length == 1 ? null : Forbidden().triu(start + 1);
        var windowed = Config.SlidingWindow is { } window && end > window ? Forbidden().tril(start - window) : null;
        if (windowed is not null && causal is not null) windowed = windowed + causal;
        return (cos, sin, (layer, q, k, v) =>
        {
            (k, v) = (k.transpose(1, 2), v.transpose(1, 2));
            if (cache is not null) (k, v) = cache.Append(layer, k, v);
            var mask = Config.WindowOf(layer) is null ? causal : windowed ?? causal;
            return functional.attention(q.transpose(1, 2), k, v, mask, Config.AttentionScale, Config.AttentionCap).transpose(1, 2);
        });

        Tensor Forbidden() => full([length, end], double.NegativeInfinity, ComputeType, Device);
    }

    private static Tensor Copied(Tensor weight, Device? device = null)
    {
        using var off = no_grad();
        using var own = weight.detach();
        return device is { } other && other != weight.device ? own.to(other) : own.clone();
    }

    public void Dispose()
    {
        foreach (var p in parameters.Values) p.Dispose();
        rotary.Dispose();
    }
}
