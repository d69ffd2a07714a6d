using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Typed look-ups in a config that remember which keys were used and name the file and key when they fail.</summary>
internal sealed class ConfigKeys(JsonObject json, string file)
{
    internal HashSet<string> Used { get; } = [];

    public UserError Refuse(string key, string why) =>
        new($"{file}: \"{key}\": {json[key]?.ToJsonString() ?? "null"} cannot be used: {why}");

    /// <summary>Keys that do not change what a model computes.</summary>
    public void Ignore(params string[] keys) => Used.UnionWith(keys);

    public int Int(string key, int? fallback = null) =>
        (int)Number(key, fallback, i => i == Math.Floor(i) && i is >= 0 and <= int.MaxValue, "expected a whole number");

    /// <summary>A size, from 1: what is far beyond any model is refused before memory is asked for.</summary>
    public int Size(string key, int most, int? fallback = null) =>
        (int)Number(key, fallback, i => i == Math.Floor(i) && i >= 1 && i <= most, $"expected a whole number from 1 to {most}");

    public double Double(string key, double fallback) => Number(key, fallback, double.IsFinite, "expected a number");

    /// <summary>A positive number; null where the key says null, the fallback where there is no key.</summary>
    public double? Optional(string key, double? fallback)
    {
        Used.Add(key);
        if (!json.ContainsKey(key)) return fallback;
        return json[key] is null ? null : Number(key, null, x => double.IsFinite(x) && x > 0, "expected a positive number or null");
    }

    public bool Bool(string key, bool fallback = false)
    {
        Used.Add(key);
        return json[key] switch
        {
            null => fallback,
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

    public string[] Strings(string key)
    {
        Used.Add(key);
        return json[key] is JsonArray list ? [.. list.Select(s => s?.ToString() ?? "")] : [];
    }

    /// <summary>Refuses <c>layer_types</c> that differ from the config's windows; <paramref name="source"/> ends "differs from what".
    /// </summary>
    internal void CheckWindows(DecoderConfig config, string source)
    {
        var layers = Strings("layer_types");
        for (var i = 0; i < layers.Length; i++)
            if (layers[i] != (config.WindowOf(i) is null ? "full_attention" : "sliding_attention"))
                throw Refuse("layer_types", $"layer {i} differs from what {source}");
    }

    /// <summary>Absent, or this.</summary>
    public void Require(string key, JsonNode value)
    {
        Used.Add(key);
        if (json[key] is { } found && !Same(found, value)) throw Refuse(key, $"this program runs {value.ToJsonString()}");
    }

    /// <summary>Absent, null or empty.</summary>
    public void RequireNone(string key)
    {
        Used.Add(key);
        if (!IsNone(key)) throw Refuse(key, "this program does not have it");
    }

    public bool IsNone(string key) => json[key] is null or JsonObject { Count: 0 } or JsonArray { Count: 0 };

    public double RopeTheta() => json["rope_parameters"] is JsonObject inside
        ? new ConfigKeys(inside, $"{file}, rope_parameters").Double("rope_theta", 10_000) : Double("rope_theta", 10_000);

    /// <summary>Of <c>rope_scaling</c>, or of <c>rope_parameters</c>, where newer configs keep it with the base.</summary>
    public RopeScaling? RopeScaling(JsonNode? positions = null)
    {
        var key = json["rope_parameters"] is null ? "rope_scaling" : "rope_parameters";
        Ignore("rope_scaling", "rope_parameters", "rope_theta");
        if (json[key] is null) return null;
        if (json[key] is not JsonObject scaling) throw Refuse(key, "expected an object or null");
        var inner = new ConfigKeys(scaling, $"{file}, {key}");
        var type = (scaling["rope_type"] ?? scaling["type"])?.ToString();
        inner.Ignore("rope_type", "type");
        if (key == "rope_parameters") inner.Ignore("rope_theta");
        var result = type switch
        {
            "default" => null,
            "linear" => new RopeScaling("linear", inner.Double("factor", double.NaN)),
            "llama3" => new RopeScaling(
                "llama3", inner.Double("factor", double.NaN), inner.Double("low_freq_factor", double.NaN),
                    inner.Double("high_freq_factor", double.NaN), inner.Int("original_max_position_embeddings")),
            "yarn" => Yarn(inner, positions),
            "longrope" or "su" => LongRope(inner, positions),
            _ => throw Refuse(key, $"this program knows the rope types default, linear, llama3, yarn and longrope; {Family.Serve}"),
        };
        foreach (var (name, _) in scaling)
            if (!inner.Used.Contains(name)) throw inner.Refuse(name, $"not a key of rope type {type}");
        return result;
    }

    /// <summary>As transformers reads it. <c>attn_factor</c>, which that leaves out and versions of vLLM multiply in, is multiplied
    /// in.</summary>
    private static RopeScaling Yarn(ConfigKeys keys, JsonNode? positions)
    {
        int? all = positions is JsonValue v && v.TryGetValue(out int number) ? number : null;
        var original = keys.Size("original_max_position_embeddings", 1 << 27, all);
        var factor = keys.Double("factor", double.NaN);
        var (scale, whole) = (keys.Optional("mscale", null), keys.Optional("mscale_all_dim", null));
        var attention = scale is { } one && whole is { } other ? Grown(one) / Grown(other) : Grown(1);
        return new("yarn", factor, OriginalContext: original)
        {
            BetaFast = keys.Double("beta_fast", 32), BetaSlow = keys.Double("beta_slow", 1), Truncate = keys.Bool("truncate", true),
            Attention = (keys.Optional("attention_factor", null) ?? attention) * (keys.Optional("attn_factor", null) ?? 1),
        };

        double Grown(double scale) => factor <= 1 ? 1 : (0.1 * scale * Math.Log(factor)) + 1;
    }

    /// <summary>
    /// As transformers reads it: the context has grown from the original one to max_position_embeddings, and cosines and sines by
    /// √(1 + ln growth / ln original). Worked: 4,096 to 131,072 is a growth of 32, and a factor of √(1 + 5/12) = 1.190.
    /// </summary>
    private RopeScaling LongRope(ConfigKeys keys, JsonNode? positions)
    {
        const string first = "original_max_position_embeddings";
        var original = json[first] is null ? keys.Size(first, 1 << 27) : Size(first, 1 << 27);
        keys.Ignore(first, "factor");
        var growth = (positions is JsonValue v && v.TryGetValue(out int all) ? all : original) / (double)original;
        var attention = growth <= 1 ? 1 : Math.Sqrt(1 + Math.Log(growth) / Math.Log(original));
        return new("longrope", growth, OriginalContext: original)
        {
            ShortFactors = keys.Doubles("short_factor"), LongFactors = keys.Doubles("long_factor"),
            Attention = keys.Optional("attention_factor", null) ?? attention,
        };
    }

    private double[] Doubles(string key)
    {
        Used.Add(key);
        return json[key] is JsonArray list && list.All(x => x is JsonValue v && v.TryGetValue(out double d) && d > 0)
            ? [.. list.Select(x => x!.GetValue<double>())] : throw Refuse(key, "expected a list of positive numbers");
    }

    private static bool Same(JsonNode found, JsonNode value) =>
        found is JsonValue f && f.TryGetValue(out double number) && value.GetValueKind() == JsonValueKind.Number
            ? number == (int)value : found.ToJsonString() == value.ToJsonString();

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
