using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>SmolLM3: a Llama of which every fourth layer has no rotary positions.</summary>
internal static class SmolLm3Family
{
    public static readonly Family Family = new("smollm3", "SmolLM3", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        keys.Require("use_sliding_window", false);
        keys.Ignore("sliding_window", "max_window_layers", "pretraining_tp");
        var (bias, every) = (keys.Bool("attention_bias"), keys.Int("no_rope_layer_interval", 4));
        var config = shared with { QkvBias = bias, OutputBias = bias, MlpBias = keys.Bool("mlp_bias"), UnrotatedEvery = every };
        config = config with { TiedEmbeddings = keys.Bool("tie_word_embeddings", true) };
        var rotated = keys.Ids("no_rope_layers");
        for (var i = 0; i < rotated.Length; i++)
            if (rotated[i] != 1 - config.RotaryOf(i))
                throw keys.Refuse("no_rope_layers", $"layer {i} differs from what no_rope_layer_interval = {every} says");
        keys.CheckWindows(config, "use_sliding_window says");
        return config;
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_act"] = "silu";
        json["attention_bias"] = config.QkvBias;
        json["mlp_bias"] = config.MlpBias;
        json["use_sliding_window"] = false;
        json["no_rope_layer_interval"] = config.UnrotatedEvery;
        json["no_rope_layers"] =
            new JsonArray([.. Enumerable.Range(0, config.Layers).Select(i => JsonValue.Create(1 - config.RotaryOf(i)))]);
    }
}
