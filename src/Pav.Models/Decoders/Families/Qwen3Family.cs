using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Qwen3: no biases as a rule; queries and keys are normalised per head.</summary>
internal static class Qwen3Family
{
    public static readonly Family Family = new("qwen3", "Qwen3", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        var bias = keys.Bool("attention_bias");
        return keys.QwenWindow(shared with { QueryKeyNorm = true, QkvBias = bias, OutputBias = bias,
            HeadSize = keys.Int("head_dim", 128) });
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_act"] = "silu";
        json["attention_bias"] = config.QkvBias;
        config.WriteQwenWindow(json);
    }
}
