using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>What a hidden state is turned into: next-token logits, or one score per label (<c>score.weight</c>, no bias).</summary>
public enum DecoderHead
{
    CausalLM,
    SequenceClassification,
}

/// <summary>How rotary angles are stretched: <c>linear</c> divides every frequency by Factor, <c>llama3</c> the low ones only.</summary>
public sealed record RopeScaling(string Type, double Factor, double LowFreqFactor = 1, double HighFreqFactor = 4, int OriginalContext = 0);

/// <summary>A Hugging Face <c>config.json</c> of the Llama architecture. A key that this program neither uses nor knows to be harmless is refused.</summary>
public sealed record DecoderConfig
{
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
    public bool AttentionBias { get; init; }
    public bool MlpBias { get; init; }
    public bool TiedEmbeddings { get; init; }
    public int? Bos { get; init; }
    public IReadOnlyList<int> Eos { get; init; } = [];
    public int? Pad { get; init; }
    public DecoderHead Head { get; init; } = DecoderHead.CausalLM;

    /// <summary>Outputs of the score head.</summary>
    public int Labels { get; init; } = 1;

    /// <summary>Number of weights, a tied head counted once.</summary>
    public long Parameters => DecoderModel.Shapes(this).Sum(s => s.Value.Aggregate(1L, (a, b) => a * b));

    private static readonly HashSet<string> Harmless =
    [
        "_name_or_path", "architectures", "attention_dropout", "dtype", "hidden_act", "id2label", "initializer_range", "label2id", "model_type", "pretraining_tp",
        "problem_type", "rope_parameters", "torch_dtype", "transformers_version", "use_cache",
    ];

    /// <summary>Reads <c>config.json</c> in a checkpoint's folder.</summary>
    public static DecoderConfig Load(string folder)
    {
        var file = Path.Combine(folder, "config.json");
        if (!File.Exists(file)) throw new UserError($"{file} is missing; a checkpoint's folder holds config.json, model.safetensors and tokenizer.json");
        try
        {
            if (JsonNode.Parse(File.ReadAllText(file)) is JsonObject json) return Parse(json, file);
        }
        catch (JsonException e)
        {
            throw new UserError($"{file}: not valid JSON ({e.Message})", e);
        }

        throw new UserError($"{file}: expected one JSON object");
    }

    /// <param name="json">The object in the file.</param>
    /// <param name="file">Named in errors.</param>
    internal static DecoderConfig Parse(JsonObject json, string file)
    {
        var keys = new ConfigKeys(json, file);
        keys.Require("model_type", "llama");
        keys.Require("hidden_act", "silu");
        keys.Require("attention_dropout", 0);
        keys.Require("pretraining_tp", 1);
        if (json["rope_parameters"] is not null) throw keys.Refuse("rope_parameters", "use rope_theta and rope_scaling");
        var head = keys.Strings("architectures") switch
        {
            [] or ["LlamaForCausalLM"] => DecoderHead.CausalLM,
            ["LlamaForSequenceClassification"] => DecoderHead.SequenceClassification,
            _ => throw keys.Refuse("architectures", "this program runs LlamaForCausalLM and LlamaForSequenceClassification"),
        };
        var hidden = keys.Int("hidden_size");
        var heads = keys.Int("num_attention_heads");
        var config = new DecoderConfig
        {
            VocabSize = keys.Int("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = keys.Int("intermediate_size"),
            Layers = keys.Int("num_hidden_layers"),
            Heads = heads,
            KvHeads = keys.Int("num_key_value_heads", heads),
            HeadSize = keys.Int("head_dim", hidden / heads),
            MaxPositions = keys.Int("max_position_embeddings", 2048),
            NormEps = keys.Double("rms_norm_eps", 1e-6),
            RopeTheta = keys.Double("rope_theta", 10_000),
            RopeScaling = keys.RopeScaling(),
            AttentionBias = keys.Bool("attention_bias"),
            MlpBias = keys.Bool("mlp_bias"),
            TiedEmbeddings = keys.Bool("tie_word_embeddings"),
            Bos = keys.Ids("bos_token_id") is [var bos, ..] ? bos : null,
            Eos = keys.Ids("eos_token_id"),
            Pad = keys.Ids("pad_token_id") is [var pad, ..] ? pad : null,
            Head = head,
            Labels = json["id2label"] is JsonObject labels && head == DecoderHead.SequenceClassification ? labels.Count : keys.Int("num_labels", head == DecoderHead.SequenceClassification ? 2 : 1),
        };
        foreach (var (key, _) in json)
            if (!keys.Used.Contains(key) && !Harmless.Contains(key)) throw keys.Refuse(key, "this program does not know it, and leaving it out could change the model");
        if (config.KvHeads == 0 || config.Heads % config.KvHeads != 0) throw keys.Refuse("num_key_value_heads", $"it must divide num_attention_heads = {heads}");
        if (config.HeadSize % 4 != 0) throw keys.Refuse("head_dim", "this program wants a multiple of 4");
        return config;
    }

    /// <summary>The object that <see cref="Load"/> reads back.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray(Head == DecoderHead.CausalLM ? "LlamaForCausalLM" : "LlamaForSequenceClassification"),
            ["model_type"] = "llama",
            ["vocab_size"] = VocabSize,
            ["hidden_size"] = HiddenSize,
            ["intermediate_size"] = IntermediateSize,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KvHeads,
            ["head_dim"] = HeadSize,
            ["max_position_embeddings"] = MaxPositions,
            ["hidden_act"] = "silu",
            ["rms_norm_eps"] = NormEps,
            ["rope_theta"] = RopeTheta,
            ["rope_scaling"] = RopeScaling switch
            {
                null => null,
                { Type: "linear" } s => new JsonObject { ["rope_type"] = s.Type, ["factor"] = s.Factor },
                var s => new JsonObject
                {
                    ["rope_type"] = s.Type, ["factor"] = s.Factor, ["low_freq_factor"] = s.LowFreqFactor, ["high_freq_factor"] = s.HighFreqFactor,
                    ["original_max_position_embeddings"] = s.OriginalContext,
                },
            },
            ["attention_bias"] = AttentionBias,
            ["mlp_bias"] = MlpBias,
            ["tie_word_embeddings"] = TiedEmbeddings,
            ["bos_token_id"] = Bos,
            ["eos_token_id"] = Eos switch { [] => null, [var one] => one, _ => new JsonArray([.. Eos.Select(e => JsonValue.Create(e))]) },
            ["pad_token_id"] = Pad,
            ["torch_dtype"] = "float32",
        };
        if (Head == DecoderHead.SequenceClassification)
        {
            json["id2label"] = new JsonObject(Enumerable.Range(0, Labels).Select(i => KeyValuePair.Create(i.ToString(), (JsonNode?)$"LABEL_{i}")));
            json["label2id"] = new JsonObject(Enumerable.Range(0, Labels).Select(i => KeyValuePair.Create($"LABEL_{i}", (JsonNode?)i)));
        }

        return json;
    }
}

/// <summary>Typed look-ups in a config that remember which keys were used and name the file and key when they fail.</summary>
internal sealed class ConfigKeys(JsonObject json, string file)
{
    public HashSet<string> Used { get; } = [];

    public UserError Refuse(string key, string why) => new($"{file}: \"{key}\": {json[key]?.ToJsonString() ?? "null"} cannot be used: {why}");

    public int Int(string key, int? fallback = null) => (int)Number(key, fallback, i => i == Math.Floor(i) && i is >= 0 and <= int.MaxValue, "expected a whole number");

    public double Double(string key, double fallback) => Number(key, fallback, double.IsFinite, "expected a number");

    public bool Bool(string key)
    {
        Used.Add(key);
        return json[key] switch
        {
            null => false,
            JsonValue v when v.TryGetValue(out bool b) => b,
            _ => throw Refuse(key, "expected true or false"),
        };
    }

    /// <summary>One id or a list of them.</summary>
    public int[] Ids(string key)
    {
        Used.Add(key);
        return json[key] switch
        {
            null => [],
            JsonValue v when v.TryGetValue(out int id) => [id],
            JsonArray many when many.All(i => i is JsonValue v && v.TryGetValue(out int _)) => [.. many.Select(i => i!.GetValue<int>())],
            _ => throw Refuse(key, "expected a token id"),
        };
    }

    public string[] Strings(string key) => json[key] is JsonArray list ? [.. list.Select(s => s?.ToString() ?? "")] : [];

    public void Require(string key, JsonNode value)
    {
        if (json[key] is { } found && !(found is JsonValue f && f.TryGetValue(out double number) ? value.GetValueKind() == JsonValueKind.Number && number == (int)value : found.ToString() == value.ToString()))
            throw Refuse(key, $"this program runs {value.ToJsonString()}");
    }

    public RopeScaling? RopeScaling()
    {
        const string key = "rope_scaling";
        Used.Add(key);
        if (json[key] is null) return null;
        if (json[key] is not JsonObject scaling) throw Refuse(key, "expected an object or null");
        var inner = new ConfigKeys(scaling, $"{file}, {key}");
        var type = (scaling["rope_type"] ?? scaling["type"])?.ToString();
        inner.Used.UnionWith(["rope_type", "type"]);
        var result = type switch
        {
            "default" => null,
            "linear" => new RopeScaling("linear", inner.Double("factor", double.NaN)),
            "llama3" => new RopeScaling(
                "llama3", inner.Double("factor", double.NaN), inner.Double("low_freq_factor", double.NaN), inner.Double("high_freq_factor", double.NaN), inner.Int("original_max_position_embeddings")),
            _ => throw Refuse(key, "this program knows the rope types default, linear and llama3"),
        };
        foreach (var (name, _) in scaling)
            if (!inner.Used.Contains(name)) throw inner.Refuse(name, $"not a key of rope type {type}");
        return result;
    }

    private double Number(string key, double? fallback, Func<double, bool> good, string wanted)
    {
        Used.Add(key);
        if (json[key] is null)
        {
            if (fallback is { } value && !double.IsNaN(value)) return value;
            throw new UserError($"{file}: the key \"{key}\" is missing");
        }

        return json[key] is JsonValue v && v.TryGetValue(out double number) && good(number) ? number : throw Refuse(key, wanted);
    }
}
