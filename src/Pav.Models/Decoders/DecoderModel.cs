using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Decoders;

/// <summary>
/// A decoder in libtorch, for training and for GPUs: RMSNorm, rotary positions, grouped-query attention, gated feed-forward parts, and the
/// choices that
/// <see cref="DecoderConfig"/> makes among them. Parameters carry the names of a Hugging Face checkpoint. On the CPU generation and scoring
/// run on
/// <see cref="Inference.CpuRunner"/>, which packs the same weights.
/// </summary>
public sealed class DecoderModel : IDisposable
{
    private readonly SortedDictionary<string, Tensor> parameters, trained;
    private readonly IReadOnlyDictionary<string, Tensor> adapters;
    private readonly DecoderLayer[] layers;
    private readonly Tensor embedding, finalNorm;
    private readonly Linear[] head;
    private readonly Rotary rotary;
    private readonly List<Tape> tapes = [];

    /// <param name="config">The architecture.</param>
    /// <param name="parameters">A tensor for each of <see cref="Shapes"/>; owned by the model from now on.</param>
    /// <param name="lora">With it the parameters are frozen, but for a score head.</param>
    /// <param name="adapters">A tensor for each of the adapter's shapes; owned, too.</param>
    internal DecoderModel(DecoderConfig config, IReadOnlyDictionary<string, Tensor> parameters, Lora? lora = null,
        IReadOnlyDictionary<string, Tensor>? adapters = null)
    {
        (Config, Lora, this.adapters) = (config, lora, adapters ?? new Dictionary<string, Tensor>());
        this.parameters = new(parameters.ToDictionary(), StringComparer.Ordinal);
        trained = new(parameters.Where(p => lora is null || p.Key.StartsWith("score.", StringComparison.Ordinal)).Concat(this.adapters)
            .ToDictionary(), StringComparer.Ordinal);
        foreach (var (name, p) in parameters.Concat(this.adapters)) p.DetachFromDisposeScope().requires_grad = trained.ContainsKey(name);
        embedding = parameters["model.embed_tokens.weight"];
        finalNorm = parameters["model.norm.weight"];
        head = [.. HeadNames(config)
            .Select(name => new Linear(parameters[name + ".weight"], parameters.GetValueOrDefault(name + ".bias")))];
        layers = [.. Enumerable.Range(0, config.Layers).Select(i =>
            new DecoderLayer(config, i, parameters, name => Lora.PairOn(this.adapters, name), lora?.Scale ?? 1))];
        rotary = new(config, embedding.device);
        ComputeType = embedding.dtype;
        Native = embedding.device.IsCpu && ComputeType == float32;
    }

    public DecoderConfig Config { get; }

    /// <summary>Name → weight, in the order of the names. A tied head has no entry of its own.</summary>
    internal IReadOnlyDictionary<string, Tensor> Parameters => parameters;

    /// <summary>What training changes: all parameters, or under LoRA the adapters and a score head.</summary>
    internal IReadOnlyDictionary<string, Tensor> Trained => trained;

    public Lora? Lora { get; }

    /// <summary>Under LoRA: the checkpoint that it adapts.</summary>
    internal string BaseFolder { get; set; } = "";

    /// <summary>Where the weights are and inputs belong.</summary>
    public Device Device => embedding.device;

    /// <summary>Type of activations and products; weights of another type are converted as they are used, so that float32 masters can be
    /// trained in bfloat16.</summary>
    internal ScalarType ComputeType { get; set; }

    /// <summary>Keeps only each layer's input for the gradient and computes the rest anew in <see cref="backward"/>: a layer's activations
    /// instead of all layers', for a third more time.</summary>
    internal bool Recompute { get; set; }

    /// <summary>Learns and scores by the CPU's engine, <see cref="Cpu.CpuDecoder"/>, and not by libtorch.</summary>
    internal bool Native { get; set; }

    /// <summary>Final hidden states [B, T, hidden] of <paramref name="input_ids"/> [B, T] (int64). Batches are padded on the right:
    /// causality keeps padding out of what precedes it.</summary>
    internal Tensor forward(Tensor input_ids)
    {
        using var scope = Taped ? null : NewDisposeScope();
        var (cos, sin, attend) = Rows(input_ids.size(1));
        var x = Through(Embed(input_ids), cos, sin, new(attend));
        return Kept(Normed(x), scope);
    }

    /// <summary>Final hidden states [N, hidden] of rows laid end to end without padding, N ids in all. Each row sees itself only, from
    /// position 0 on.</summary>
    internal Tensor forward(IReadOnlyList<int[]> rows)
    {
        using var scope = Taped ? null : NewDisposeScope();
        var (count, longest) = (rows.Sum(row => row.Length), rows.Max(row => row.Length));
        var (ids, positions, spread, back) = (new long[count], new long[count], new long[rows.Count * longest], new long[count]);
        for (var (r, n) = (0, 0); r < rows.Count; r++)
            for (var t = 0; t < rows[r].Length; t++, n++)
                (ids[n], positions[n], spread[r * longest + t], back[n]) = (rows[r][t], t, n, r * longest + t);
        var (_, _, padded) = Rows(longest);
        var (into, from) = (Placed(spread), Placed(back));
        return Kept(forward(Placed(ids), Placed(positions), longest, new Mixing((layer, q, k, v) =>
            Back(padded(layer, Spread(q), Spread(k), Spread(v))), Spread, Back)), scope);

        Tensor Spread(Tensor x) => x.index_select(0, into).reshape([rows.Count, longest, .. x.shape[1..]]);
        Tensor Back(Tensor x) => x.reshape([(long)spread.Length, .. x.shape[2..]]).index_select(0, from);
        Tensor Placed(long[] numbers) => tensor(numbers).to(Device);
    }

    /// <summary>Final hidden states [N, hidden] of tokens in a row, whose attention someone else arranges.</summary>
    /// <param name="ids">[N], int64.</param>
    /// <param name="positions">[N], int64, each below <paramref name="end"/>.</param>
    /// <param name="end">Positions needed.</param>
    /// <param name="mixing">What each token sees.</param>
    internal Tensor forward(Tensor ids, Tensor positions, long end, Mixing mixing)
    {
        using var scope = Taped ? null : NewDisposeScope();
        var (cos, sin) = rotary.At(positions, end, ComputeType);
        return Kept(Normed(Through(Embed(ids), cos, sin, mixing)), scope);
    }

    /// <summary>Adds the gradient of a loss of hidden states to the trained parameters'. Within the scope in which those were
    /// computed.</summary>
    internal void backward(Tensor loss)
    {
        loss.backward();
        foreach (var tape in tapes) tape.Backward(layers);
        tapes.Clear();
    }

    /// <summary>Next-token logits [.., vocabulary] of hidden states.</summary>
    internal Tensor logits(Tensor hidden)
    {
        if (Config.Head != DecoderHead.CausalLM)
            throw new UserError("the model has a score head, and a language-model head is needed; give the other kind of checkpoint");
        var raw = head[0].forward(hidden);
        if (Config.LogitDivisor != 1) raw = raw / Config.LogitDivisor;
        return Config.LogitCap is { } cap ? (raw / cap).tanh() * cap : raw;
    }

    /// <summary>Raw scores [.., labels] of hidden states; a probability is their sigmoid.</summary>
    internal Tensor scores(Tensor hidden)
    {
        if (Config.Head == DecoderHead.CausalLM)
            throw new UserError("the model has a language-model head, and a score head is needed; give the other kind of checkpoint");
        var first = head[0].forward(hidden);
        return head.Length == 1 ? first : head[1].forward(first.relu());
    }

    /// <summary>The same trunk, copied and with an adapter merged, under a fresh score head of zeros: what a verifier is trained
    /// from.</summary>
    public DecoderModel WithScoreHead(int labels = 1) => WithScoreHead(labels, name =>
    {
        using var scope = NewDisposeScope();
        return scope.Detach(Copied(Effective(name)));
    });

    /// <summary>The same on this model's own weights, for when it is not used any more.</summary>
    /// <param name="labels">Of the score head.</param>
    /// <param name="spread">Seed of the head's first values, normal with deviation 0.5/√hidden; null: zeros.</param>
    internal DecoderModel BecomeScorer(int labels = 1, ulong? spread = null) => WithScoreHead(labels, Effective, spread);

    /// <summary>
    /// The same model as a verifier that answers with two tokens: its two labels are the logits of the wrong one and of the right one. It
    /// takes this model's own weights.
    /// </summary>
    internal DecoderModel BecomeScorer(AnswerTokens answers)
    {
        answers.Check(Config);
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var rows = parameters[HeadNames(Config)[0] + ".weight"]
            .index_select(0, tensor(new long[] { answers.Wrong, answers.Right }).to(Device));
        var config = Config with { Head = DecoderHead.SequenceClassification, Labels = 2 };
        return new(config, Shapes(config).Keys.ToDictionary(name => name,
            name => (name == "score.weight" ? rows : parameters[name].detach()).DetachFromDisposeScope())) { ComputeType = ComputeType };
    }

    private static float[] Normals(long count, double deviation, ulong seed) => [.. Enumerable.Range(0, (int)count).Select(i =>
        (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - Seeds.Uniform(seed, 2 * i)))
            * Math.Cos(2 * Math.PI * Seeds.Uniform(seed, 2 * i + 1))))];

    private DecoderModel WithScoreHead(int labels, Func<string, Tensor> trunk, ulong? spread = null)
    {
        var config = Config with { Head = DecoderHead.SequenceClassification, Labels = labels };
        float[] First(long count) =>
            spread is { } seed ? Normals(count, 0.5 / Math.Sqrt(Config.HiddenSize), Seeds.Derive(seed, "score.weight", "heads", 0))
                : new float[count];
        return new(config, Shapes(config).ToDictionary(s => s.Key, s => parameters.ContainsKey(s.Key) && s.Key != "score.weight"
            ? trunk(s.Key)
            : tensor(First(s.Value.Aggregate(1L, (product, size) => product * size)), s.Value).to(Device)))
        {
            ComputeType = ComputeType, Native = Native,
        };
    }

    /// <summary>An adapter on this model's own weights, which it freezes; it begins as the same function.</summary>
    /// <param name="lora">Rank, scale, places.</param>
    /// <param name="folder">Where the weights were read from; the adapter names it as its base.</param>
    /// <param name="seed">Of A's values.</param>
    internal DecoderModel WithLora(Lora lora, string folder, ulong seed) =>
        new(Config, parameters.ToDictionary(p => p.Key, p => p.Value.detach()), lora,
            lora.Init(Config, Device, seed)) { BaseFolder = folder, ComputeType = ComputeType, Native = Native };

    /// <summary>A copy with weights of its own, on another device or of another type if one is given; an adapter is merged into
    /// them.</summary>
    public DecoderModel Clone(Device? device = null, ScalarType? type = null)
    {
        var made = new DecoderModel(Config, parameters.Keys.ToDictionary(name => name, name =>
        {
            using var scope = NewDisposeScope();
            return scope.Detach(Copied(Effective(name), device, type));
        }));
        made.Native &= Native;
        return made;
    }

    /// <summary>The weight of that name with what an adapter adds to it, in its own type.</summary>
    internal Tensor Effective(string name)
    {
        const string suffix = ".weight";
        using var scope = NewDisposeScope();
        var weight = parameters[name].detach();
        return scope.MoveToOuter(name.EndsWith(suffix, StringComparison.Ordinal)
            && Lora.PairOn(adapters, name[..^suffix.Length]) is var (a, b)
            ? Native && weight.dtype == float32 ? Merged(weight, a, b)
                : (weight.cast(float32) + b.detach().mm(a.detach()) * Lora!.Scale).cast(weight.dtype)
            : weight);
    }

    private unsafe Tensor Merged(Tensor weight, Tensor a, Tensor b)
    {
        var merged = tensor(weight.to_array<float>(), weight.shape);
        Cpu.Projection.Merge((float*)merged.data_ptr, (float*)a.data_ptr, (float*)b.data_ptr, (int)b.size(0), (int)a.size(0),
            (int)a.size(1), (float)Lora!.Scale);
        return merged;
    }

    /// <summary>Fresh weights: normal with deviation 0.02, output projections smaller by √(2·layers), norms neutral, biases zero.</summary>
    public static DecoderModel RandomInit(DecoderConfig config, ulong seed)
    {
        var made = new Dictionary<string, Tensor>();
        foreach (var (name, shape) in Shapes(config))
        {
            var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
            if (DeltaNet.Starts(name)) DeltaNet.Start(name, values, Seeds.Derive(seed, name, "init", 0));
            else if (name.EndsWith("norm.weight", StringComparison.Ordinal)) values.AsSpan().Fill(config.NormPlusOne ? 0 : 1);
            else if (!name.EndsWith(".bias", StringComparison.Ordinal))
            {
                var deviation = 0.02 / (name.EndsWith("o_proj.weight", StringComparison.Ordinal)
                    || name.EndsWith("out_proj.weight", StringComparison.Ordinal)
                    || name.EndsWith("down_proj.weight", StringComparison.Ordinal) ? Math.Sqrt(2 * config.Layers) : 1);
                values = Normals(values.Length, deviation, Seeds.Derive(seed, name, "init", 0));
            }

            made[name] = tensor(values, shape);
        }

        return new(config, made);
    }

    /// <summary>Every parameter's name and shape, as in the checkpoint.</summary>
    public static IReadOnlyDictionary<string, long[]> Shapes(DecoderConfig config)
    {
        long hidden = config.HiddenSize, q = config.Heads * config.HeadSize, kv = config.KvHeads * config.HeadSize,
            inner = config.IntermediateSize;
        var shapes = new Dictionary<string, long[]> { ["model.embed_tokens.weight"] = [config.VocabSize, hidden] };
        for (var i = 0; i < config.Layers; i++)
        {
            var layer = $"model.layers.{i}.";
            if (config.PreNorms) shapes[layer + "input_layernorm.weight"] = [hidden];
            shapes[layer + "post_attention_layernorm.weight"] = [hidden];
            if (config is { PostNorms: true, PreNorms: true }) shapes[layer + "pre_feedforward_layernorm.weight"] = [hidden];
            if (config.PostNorms) shapes[layer + "post_feedforward_layernorm.weight"] = [hidden];
            if (config.IsRecurrent(i)) foreach (var (name, shape) in config.DeltaNet!.Shapes(hidden)) shapes[layer + name] = shape;
            else Attention(layer + "self_attn.");
            if (config.IsSparse(i))
            {
                foreach (var (name, shape) in config.Experts!.Shapes(hidden)) shapes[layer + name] = shape;
                continue;
            }

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

        void Attention(string at)
        {
            if (config.QueryKeyNorm) shapes[at + "q_norm.weight"] = [config.WholeQueryKeyNorm ? q : config.HeadSize];
            if (config.QueryKeyNorm) shapes[at + "k_norm.weight"] = [config.WholeQueryKeyNorm ? kv : config.HeadSize];
            Linear(at + "q_proj", config.OutputGate ? 2 * q : q, hidden, config.QkvBias);
            Linear(at + "k_proj", kv, hidden, config.QkvBias);
            Linear(at + "v_proj", kv, hidden, config.QkvBias);
            Linear(at + "o_proj", hidden, q, config.OutputBias);
        }

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
        var (cos, sin, attend) = Rows(input_ids.size(1));
        List<Tensor> states = [Embed(input_ids)];
        foreach (var layer in layers) states.Add(layer.forward(states[^1], cos, sin, new(attend)));
        states[^1] = Normed(states[^1]);
        return [.. states];
    }

    private bool Taped => Recompute && is_grad_enabled();

    private static Tensor Kept(Tensor made, DisposeScope? scope) => scope?.MoveToOuter(made) ?? made;

    /// <summary>The stream after the last layer.</summary>
    private Tensor Through(Tensor x, Tensor cos, Tensor sin, Mixing mixing)
    {
        if (Taped)
        {
            tapes.Add(new(x, cos, sin, mixing));
            return tapes[^1].Forward(layers);
        }

        foreach (var layer in layers)
        {
            using var scope = NewDisposeScope();
            x = scope.MoveToOuter(layer.forward(x, cos, sin, mixing));
        }

        return x;
    }

    private Tensor Embed(Tensor input_ids)
    {
        var x = functional.embedding(input_ids, embedding).cast(ComputeType);
        return Config.EmbeddingScale != 1 ? x * Config.EmbeddingScale : x;
    }

    private Tensor Normed(Tensor x) => functional.rms_norm(x, finalNorm, Config.NormEps, Config.NormPlusOne);

    /// <summary>Angles and causal attention for equally long rows [B, T, ..].</summary>
    private (Tensor cos, Tensor sin, Attention attend) Rows(long length)
    {
        if (length > Config.MaxPositions)
            throw new UserError($"a sequence of {length} tokens is longer than the model's max_position_embeddings = "
                + $"{Config.MaxPositions}; shorten it or use another model");
        var (cos, sin) = rotary.First(length, ComputeType);
        var causal = length == 1 ? null : Forbidden().triu(1);
        var windowed = Config.SlidingWindow is { } window && length > window ? Forbidden().tril(-window) : null;
        if (windowed is not null && causal is not null) windowed = windowed + causal;
        return (cos, sin, (layer, q, k, v) =>
        {
            (k, v) = (k.transpose(1, 2), v.transpose(1, 2));
            var mask = Config.WindowOf(layer) is null ? causal : windowed ?? causal;
            return functional.attention(q.transpose(1, 2), k, v, mask, Config.AttentionScale, Config.AttentionCap).transpose(1, 2);
        });

        Tensor Forbidden() => full([length, length], double.NegativeInfinity, ComputeType, Device);
    }

    private static Tensor Copied(Tensor weight, Device? device = null, ScalarType? type = null)
    {
        using var detached = weight.detach();
        var (place, kind) = (device ?? weight.device, type ?? weight.dtype);
        return place == weight.device && kind == weight.dtype ? detached.clone() : detached.to(place, kind);
    }

    public void Dispose()
    {
        foreach (var p in parameters.Values.Concat(adapters.Values)) p.Dispose();
        rotary.Dispose();
    }
}
