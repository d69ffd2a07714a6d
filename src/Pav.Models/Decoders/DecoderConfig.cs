using System.Text.Json.Nodes;
using Pav.Models.Files;

namespace Pav.Models.Decoders;

/// <summary>What a hidden state is turned into: next-token logits, or one score per label.</summary>
public enum DecoderHead
{
    CausalLM,

    /// <summary><c>score.weight</c>, no bias: the native layout of verifiers.</summary>
    SequenceClassification,

    /// <summary><c>score.weight</c> and <c>score.bias</c>.</summary>
    TokenClassification,

    /// <summary><c>score.0</c>, ReLU, <c>score.2</c>, two labels (Qwen2.5-Math-PRM).</summary>
    ProcessRewardModel,

    /// <summary>The same with one label (Qwen2.5-Math-RM).</summary>
    RewardModel,
}

/// <summary>What stands between a feed-forward part's two products: x·σ(x), or GELU by its tanh approximation.</summary>
public enum Activation
{
    Silu,
    GeluTanh,
}

/// <summary>How rotary angles are stretched: <c>linear</c> divides every frequency by Factor, <c>llama3</c> the low ones only.</summary>
public sealed record RopeScaling(string Type, double Factor, double LowFreqFactor = 1, double HighFreqFactor = 4, int OriginalContext = 0)
{
    /// <summary>Of <c>yarn</c>, which divides frequencies that turn less than BetaSlow times in the original context, leaves those that
    /// turn more than BetaFast times, and blends between.</summary>
    public double BetaFast { get; init; } = 32;

    public double BetaSlow { get; init; } = 1;

    /// <summary>Of <c>longrope</c>: what each frequency is divided by in sequences no longer than the original context.</summary>
    public IReadOnlyList<double> ShortFactors { get; init; } = [];

    /// <summary>The same in longer ones, which this program does not run.</summary>
    public IReadOnlyList<double> LongFactors { get; init; } = [];

    /// <summary>Factor of cosines and sines.</summary>
    public double Attention { get; init; } = 1;

    /// <summary>Where the blend begins and ends is rounded to whole frequencies.</summary>
    public bool Truncate { get; init; } = true;
}

/// <summary>
/// A Hugging Face <c>config.json</c>: sizes, and the choices by which families of decoders differ. A key that this program neither uses nor
/// knows to be
/// harmless is refused.
/// </summary>
public sealed record DecoderConfig
{
    /// <summary>Which keys config.json has and what class a checkpoint belongs to.</summary>
    internal Family Family { get; init; } = Family.Llama;

    public required int VocabSize { get; init; }
    public required int HiddenSize { get; init; }
    public required int IntermediateSize { get; init; }
    public required int Layers { get; init; }
    public required int Heads { get; init; }
    public required int KvHeads { get; init; }
    public required int HeadSize { get; init; }
    public int MaxPositions { get; init; } = 2048;
    public double NormEps { get; init; } = 1e-6;
    public double RopeTheta { get; init; } = 10_000;
    public RopeScaling? RopeScaling { get; init; }

    /// <summary>Base of the rotary angles, unstretched, in the layers with a window; null: as in the others.</summary>
    public double? LocalRopeTheta { get; init; }

    /// <summary>Every so many layers one has no rotary positions, the last of them; 0: none.</summary>
    public int UnrotatedEvery { get; init; }

    /// <summary>Values of a head, the first, that rotary positions turn; null: all.</summary>
    public int? RotarySize { get; init; }

    /// <summary>What attention gives is multiplied by σ of a gate, which <c>q_proj</c> makes after each head's query.</summary>
    public bool OutputGate { get; init; }

    /// <summary>What stands in the place of the feed-forward part where <see cref="IsSparse"/> says; null: nothing.</summary>
    public Experts? Experts { get; init; }

    /// <summary>What stands in the place of attention where <see cref="IsRecurrent"/> says; null: nothing.</summary>
    public DeltaNet? DeltaNet { get; init; }

    /// <summary>Biases of the query, key and value projections.</summary>
    public bool QkvBias { get; init; }

    /// <summary>Bias of attention's output projection.</summary>
    public bool OutputBias { get; init; }

    public bool MlpBias { get; init; }

    /// <summary>Queries and keys are normalised per head before they are rotated.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Those norms go over all heads together.</summary>
    public bool WholeQueryKeyNorm { get; init; }

    public Activation Activation { get; init; }

    /// <summary>Norms multiply by 1 + weight.</summary>
    public bool NormPlusOne { get; init; }

    /// <summary>The outputs of attention and of the feed-forward part are normalised, too, before they join the stream.</summary>
    public bool PostNorms { get; init; }

    /// <summary>The inputs of attention and of the feed-forward part are normalised.</summary>
    public bool PreNorms { get; init; } = true;

    /// <summary>What attention and the feed-forward part add to the stream is multiplied by it.</summary>
    public double ResidualMultiplier { get; init; } = 1;

    /// <summary>Next-token logits are divided by it.</summary>
    public double LogitDivisor { get; init; } = 1;

    /// <summary>Embeddings are multiplied by √hidden.</summary>
    public bool ScaledEmbeddings { get; init; }

    /// <summary>Embeddings are multiplied by it, where not by √hidden.</summary>
    public double EmbeddingMultiplier { get; init; } = 1;

    /// <summary>Attention scores are multiplied by it; null: see <see cref="QueryPreAttentionScalar"/>.</summary>
    public double? AttentionMultiplier { get; init; }

    /// <summary>Attention scores are divided by its root; null: the head size.</summary>
    public double? QueryPreAttentionScalar { get; init; }

    /// <summary>c in c·tanh(x/c) of attention scores.</summary>
    public double? AttentionCap { get; init; }

    /// <summary>c in c·tanh(x/c) of next-token logits.</summary>
    public double? LogitCap { get; init; }

    /// <summary>A position sees itself and so many less one before it, in the layers WindowFrom, WindowFrom + WindowEvery, …</summary>
    public int? SlidingWindow { get; init; }

    public int WindowFrom { get; init; }
    public int WindowEvery { get; init; } = 1;

    /// <summary>Every so many layers one sees all positions, the last of them; 0: none beside what WindowEvery leaves. With a
    /// <see cref="DeltaNet"/> those are the layers that have attention.</summary>
    public int FullEvery { get; init; }

    public bool TiedEmbeddings { get; init; }
    public int? Bos { get; init; }
    public IReadOnlyList<int> Eos { get; init; } = [];
    public int? Pad { get; init; }

    /// <summary>In the files query, key and value are one matrix, and gate and up another; they are saved apart.</summary>
    internal bool FusedProjections { get; init; }
    public DecoderHead Head { get; init; } = DecoderHead.CausalLM;

    /// <summary>Outputs of the score head.</summary>
    public int Labels { get; init; } = 1;

    /// <summary>Factor of attention scores.</summary>
    public double AttentionScale => AttentionMultiplier ?? 1 / Math.Sqrt(QueryPreAttentionScalar ?? HeadSize);

    /// <summary>Factor of embeddings.</summary>
    public double EmbeddingScale => ScaledEmbeddings ? Math.Sqrt(HiddenSize) : EmbeddingMultiplier;

    /// <summary>Number of weights, a tied head counted once.</summary>
    public long Parameters => DecoderModel.Shapes(this).Sum(s => s.Value.Aggregate(1L, (a, b) => a * b));

    /// <summary>Positions that a layer's attention sees; null: all.</summary>
    public int? WindowOf(int layer) =>
        layer >= WindowFrom && (layer - WindowFrom) % WindowEvery == 0 && !IsLastOf(FullEvery, layer) ? SlidingWindow : null;

    /// <summary>A layer without attention, which carries a state from token to token.</summary>
    public bool IsRecurrent(int layer) => DeltaNet is not null && !IsLastOf(FullEvery, layer);

    /// <summary>A layer with a mixture of experts.</summary>
    public bool IsSparse(int layer) => Experts?.IsIn(layer) ?? false;

    /// <summary>Values of a head that rotary positions turn.</summary>
    internal int Rotated => RotarySize ?? HeadSize;

    /// <summary>Which of <see cref="Rotary.Kinds"/> a layer has.</summary>
    internal int RotaryOf(int layer) =>
        IsLastOf(UnrotatedEvery, layer) || (LocalRopeTheta is not null && WindowOf(layer) is not null) ? 1 : 0;

    private static bool IsLastOf(int every, int layer) => every > 0 && (layer + 1) % every == 0;

    /// <summary>
    /// Reads <c>config.json</c> in a checkpoint's folder, and the end-of-sequence ids that <c>generation_config.json</c> adds.
    /// </summary>
    public static DecoderConfig Load(string folder)
    {
        var file = Path.Combine(folder, "config.json");
        if (!File.Exists(file))
            throw new UserError($"{file} is missing; a checkpoint's folder holds config.json, model.safetensors and tokenizer.json");
        var config = Parse(StrictJson.Read(file), file);
        var generation = Path.Combine(folder, "generation_config.json");
        return !File.Exists(generation) ? config
            : config with { Eos = [.. config.Eos.Union(new ConfigKeys(StrictJson.Read(generation), generation).Ids("eos_token_id"))] };
    }

    /// <param name="json">The object in the file.</param>
    /// <param name="file">Named in errors.</param>
    internal static DecoderConfig Parse(JsonObject json, string file)
    {
        (json, file) = Qwen35Family.Text(json, file);
        var keys = new ConfigKeys(json, file);
        var type = json["model_type"]?.ToString() ?? Family.Llama.ModelType;
        var family = Family.All.FirstOrDefault(f => f.ModelType == type) ?? throw keys.Refuse("model_type", Family.WhyNot(type));
        if (!keys.IsNone("quantization_config")) throw new UserError($"{file}: the weights are quantised (\"quantization_config\"), and "
            + $"this program reads float32, bfloat16 and float16; take the plain checkpoint, or {Family.Serve}");
        var head = HeadOf(keys, family);
        HarmlessKeys.Check(keys);
        var hidden = keys.Size("hidden_size", 1 << 17);
        var heads = keys.Size("num_attention_heads", 4096);
        var config = family.Read(keys, new DecoderConfig
        {
            Family = family,
            VocabSize = keys.Size("vocab_size", 1 << 22),
            HiddenSize = hidden,
            IntermediateSize = keys.Size("intermediate_size", 1 << 20),
            Layers = keys.Size("num_hidden_layers", 4096),
            Heads = heads,
            KvHeads = keys.Size("num_key_value_heads", 4096, heads),
            HeadSize = keys.Size("head_dim", 4096, hidden / heads),
            MaxPositions = keys.Size("max_position_embeddings", 1 << 27),
            NormEps = keys.Double("rms_norm_eps", 1e-6),
            RopeTheta = keys.RopeTheta(),
            RopeScaling = keys.RopeScaling(json["max_position_embeddings"]),
            TiedEmbeddings = keys.Bool("tie_word_embeddings"),
            Bos = keys.Ids("bos_token_id") is [var bos, ..] ? bos : null,
            Eos = keys.Ids("eos_token_id"),
            Pad = keys.Ids("pad_token_id") is [var pad, ..] ? pad : null,
            Head = head,
            Labels = head == DecoderHead.CausalLM ? 1
                : json["id2label"] is JsonObject labels ? labels.Count
                : keys.Size("num_labels", 1 << 16, head == DecoderHead.RewardModel ? 1 : 2),
        });
        foreach (var (key, _) in json)
            if (!keys.Used.Contains(key) && !HarmlessKeys.Has(key))
                throw keys.Refuse(key, $"this program does not know it, and leaving it out could change the model; {Family.Serve}");
        if (config.Heads % config.KvHeads != 0) throw keys.Refuse("num_key_value_heads", $"it must divide num_attention_heads = {heads}");
        if (config.RopeScaling is { Type: "yarn" } yarn)
        {
            var stretched = (int)Math.Min(1 << 27, yarn.Factor * yarn.OriginalContext);
            config = config with { MaxPositions = Math.Max(config.MaxPositions, stretched) };
        }

        if (config.RopeScaling is { Type: "longrope" } longRope)
        {
            if (longRope.ShortFactors.Count != config.Rotated / 2 || longRope.LongFactors.Count != config.Rotated / 2)
                throw keys.Refuse("rope_scaling", $"short_factor and long_factor need {config.Rotated / 2} numbers each");
            config = config with { MaxPositions = Math.Min(config.MaxPositions, longRope.OriginalContext) };
        }

        if (config.HeadSize == 0 || config.HeadSize % 4 != 0) throw keys.Refuse("head_dim", "this program wants a multiple of 4");
        return config;
    }

    /// <summary>The object that <see cref="Load"/> reads back. Defaults that differ between families are written out.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray($"{Family.ClassName}For{Head}"),
            ["model_type"] = Family.ModelType,
            ["vocab_size"] = VocabSize,
            ["hidden_size"] = HiddenSize,
            ["intermediate_size"] = IntermediateSize,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KvHeads,
            ["head_dim"] = HeadSize,
            ["max_position_embeddings"] = MaxPositions,
            ["rms_norm_eps"] = NormEps,
            ["rope_theta"] = RopeTheta,
            ["rope_scaling"] = RopeScaling switch
            {
                null => null,
                { Type: "linear" } s => new JsonObject { ["rope_type"] = s.Type, ["factor"] = s.Factor },
                { Type: "yarn" } s => new JsonObject
                {
                    ["rope_type"] = s.Type, ["factor"] = s.Factor, ["original_max_position_embeddings"] = s.OriginalContext,
                    ["beta_fast"] = s.BetaFast, ["beta_slow"] = s.BetaSlow, ["attention_factor"] = s.Attention, ["truncate"] = s.Truncate,
                },
                { Type: "longrope" } s => new JsonObject
                {
                    ["rope_type"] = s.Type, ["short_factor"] = Numbers(s.ShortFactors), ["long_factor"] = Numbers(s.LongFactors),
                    ["attention_factor"] = s.Attention,
                },
                var s => new JsonObject
                {
                    ["rope_type"] = s.Type, ["factor"] = s.Factor, ["low_freq_factor"] = s.LowFreqFactor,
                        ["high_freq_factor"] = s.HighFreqFactor,
                    ["original_max_position_embeddings"] = s.OriginalContext,
                },
            },
            ["tie_word_embeddings"] = TiedEmbeddings,
            ["bos_token_id"] = Bos,
            ["eos_token_id"] = Eos switch { [] => null, [var one] => one, _ => new JsonArray([.. Eos.Select(e => JsonValue.Create(e))]) },
            ["pad_token_id"] = Pad,
            ["torch_dtype"] = "float32",
        };
        Family.Write(this, json);
        if (Head != DecoderHead.CausalLM)
        {
            json["id2label"] = new JsonObject(Enumerable.Range(0, Labels)
                .Select(i => KeyValuePair.Create(i.ToString(), (JsonNode?)$"LABEL_{i}")));
            json["label2id"] = new JsonObject(Enumerable.Range(0, Labels).Select(i => KeyValuePair.Create($"LABEL_{i}", (JsonNode?)i)));
        }

        return json;

        static JsonArray Numbers(IReadOnlyList<double> values) => new([.. values.Select(v => JsonValue.Create(v))]);
    }

    private static DecoderHead HeadOf(ConfigKeys keys, Family family)
    {
        var names = keys.Strings("architectures");
        if (names.Length == 0) return DecoderHead.CausalLM;
        foreach (var head in Enum.GetValues<DecoderHead>())
            if (names is [var name] && name == $"{family.ClassName}For{head}") return head;
        throw keys.Refuse("architectures", $"for model_type {family.ModelType} this program runs "
            + $"{string.Join(", ", Enum.GetNames<DecoderHead>().Select(head => $"{family.ClassName}For{head}"))}");
    }
}
