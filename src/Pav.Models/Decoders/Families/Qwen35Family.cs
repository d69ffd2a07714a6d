using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>
/// The text models of Qwen 3.5: Gated DeltaNet in most layers, in every fourth attention whose output is gated and of whose heads a part
/// turns. They are published inside models for images, of which the rest is passed over, and saved by themselves.
/// </summary>
internal static class Qwen35Family
{
    private const string Outer = "qwen3_5", Part = "partial_rotary_factor", Every = "full_attention_interval", Kinds = "layer_types";

    public static readonly Family Family = new("qwen3_5_text", "Qwen3_5", Read, Write);

    /// <summary>What a config.json says of the text model, and the place that errors name; another family's as it is.</summary>
    public static (JsonObject Text, string File) Text(JsonObject json, string file)
    {
        if (json["model_type"]?.ToString() is not { } type || (type != Outer && type != Family.ModelType)) return (json, file);
        var text = json.DeepClone().AsObject();
        if (json["text_config"] is JsonObject inner)
        {
            text = inner.DeepClone().AsObject();
            var keys = new ConfigKeys(json, file);
            keys.Ignore("text_config", "vision_config", "image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id",
                "language_model_only");
            keys.Require("architectures", new JsonArray("Qwen3_5ForConditionalGeneration"));
            foreach (var (key, value) in json)
                if (key is "tie_word_embeddings" or "bos_token_id" or "eos_token_id" or "pad_token_id" or "quantization_config")
                    text[key] = value?.DeepClone() ?? text[key]?.DeepClone();
                else if (!keys.Used.Contains(key) && !HarmlessKeys.Has(key))
                    throw keys.Refuse(key, $"this program does not know it beside a text_config; {Family.Serve}");
            text["architectures"] = new JsonArray("Qwen3_5ForCausalLM");
            file += ", text_config";
        }

        text["model_type"] = Family.ModelType;
        if (text["rope_parameters"] is not JsonObject rope) return (text, file);
        // The three positions of a text's token are one number, so it does not matter which frequencies each of them turns.
        foreach (var key in (string[])["mrope_section", "mrope_interleaved"]) rope.Remove(key);
        if (rope[Part]?.DeepClone() is { } part)
        {
            if (text[Part] is { } other && other.ToJsonString() != part.ToJsonString())
                throw new ConfigKeys(text, file).Refuse(Part, $"rope_parameters says {part.ToJsonString()}");
            text[Part] = part;
            rope.Remove(Part);
        }

        return (text, file);
    }

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        keys.Require("attention_bias", false);
        keys.Require("attn_output_gate", true);
        keys.Require("output_gate_type", "swish");
        keys.Require("linear_conv_kernel_dim", DeltaNet.Width);
        keys.RequireNone("mlp_only_layers");
        keys.Ignore("mamba_ssm_dtype", "mtp_num_hidden_layers", "mtp_use_dedicated_embeddings");
        var kinds = keys.Strings(Kinds);
        var every = keys.Size(Every, 4096, kinds.Length > 0 ? Math.Max(1, Array.IndexOf(kinds, "full_attention") + 1) : 4);
        if (every > shared.Layers) throw keys.Refuse(Every, $"no layer of {shared.Layers} would have attention");
        var heads = keys.Size("linear_num_key_heads", 4096, 16);
        var size = keys.Size("head_dim", 4096, 256);
        var rotary = size * keys.Double(Part, 0.25);
        if (rotary != Math.Floor(rotary) || rotary % 2 != 0 || rotary <= 0 || rotary > size)
            throw keys.Refuse(Part, $"of {size} values of a head an even number is to turn");
        var config = shared with
        {
            HeadSize = size, RotarySize = (int)rotary, QueryKeyNorm = true, NormPlusOne = true, OutputGate = true, FullEvery = every,
            DeltaNet = new(heads, keys.Size("linear_num_value_heads", 4096, 32), Eights("linear_key_head_dim"),
                Eights("linear_value_head_dim")),
        };
        if (config.DeltaNet.ValueHeads % heads != 0)
            throw keys.Refuse("linear_num_value_heads", $"it must be a multiple of linear_num_key_heads = {heads}");
        if (kinds.Length > 0 && kinds.Length != config.Layers)
            throw keys.Refuse(Kinds, $"it names {kinds.Length} layers of num_hidden_layers = {config.Layers}");
        for (var i = 0; i < kinds.Length; i++)
            if (kinds[i] != Kind(config, i)) throw keys.Refuse(Kinds, $"layer {i} differs from what {Every} = {every} says");
        return config;

        int Eights(string key) => keys.Size(key, 4096, 128) is var found && found % 8 == 0 ? found
            : throw keys.Refuse(key, "this program wants a multiple of 8");
    }

    private static string Kind(DecoderConfig config, int layer) => config.IsRecurrent(layer) ? "linear_attention" : "full_attention";

    private static void Write(DecoderConfig config, JsonObject json)
    {
        var (net, rope) = (config.DeltaNet!, json["rope_scaling"]?.DeepClone().AsObject() ?? new() { ["rope_type"] = "default" });
        rope["rope_theta"] = config.RopeTheta;
        rope[Part] = (double)config.Rotated / config.HeadSize;
        json.Remove("rope_scaling");
        json.Remove("rope_theta");
        json["rope_parameters"] = rope;
        json["hidden_act"] = "silu";
        json["attention_bias"] = false;
        json["attn_output_gate"] = true;
        json[Every] = config.FullEvery;
        json[Kinds] = new JsonArray([.. Enumerable.Range(0, config.Layers).Select(i => JsonValue.Create(Kind(config, i)))]);
        json["linear_num_key_heads"] = net.KeyHeads;
        json["linear_num_value_heads"] = net.ValueHeads;
        json["linear_key_head_dim"] = net.KeySize;
        json["linear_value_head_dim"] = net.ValueSize;
        json["linear_conv_kernel_dim"] = DeltaNet.Width;
    }
}
