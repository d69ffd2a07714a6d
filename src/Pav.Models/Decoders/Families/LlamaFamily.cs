using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Llama 2, 3, 3.x; SmolLM and others that are Llamas: optional biases, rope scaling.</summary>
internal static class LlamaFamily
{
    public static readonly Family Family = new("llama", "Llama", Read, Write);

    /// <summary>InternLM 1, a Llama with biases in attention under another key; it is saved as a Llama.</summary>
    public static readonly Family InternLm = new("internlm", "InternLM", ReadInternLm, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        keys.Require("pretraining_tp", 1);
        keys.Require("rope_interleaved", false);
        keys.Ignore("is_llama_config");
        keys.Require("activation", "silu");
        var bias = keys.Bool("attention_bias");
        return shared with { QkvBias = bias, OutputBias = bias, MlpBias = keys.Bool("mlp_bias") };
    }

    private static DecoderConfig ReadInternLm(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        var bias = keys.Bool("bias", true);
        return shared with { Family = Family, QkvBias = bias, OutputBias = bias };
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_act"] = "silu";
        json["attention_bias"] = config.QkvBias;
        json["mlp_bias"] = config.MlpBias;
    }
}
