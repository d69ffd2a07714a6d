using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Gemma 2: norms before and after with 1 + weight, scaled embeddings, soft caps, a sliding window in every other layer, tanh
/// GELU, tied.</summary>
internal static class Gemma2Family
{
    public static readonly Family Family = new("gemma2", "Gemma2", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        if (keys.Optional("sliding_window_size", null) is { } size && size != (keys.Optional("sliding_window", size) ?? -1))
            throw keys.Refuse("sliding_window_size", "sliding_window says otherwise");
        var config = keys.Gemma(shared, attentionCap: 50, logitCap: 30) with
        {
            SlidingWindow = (int?)keys.Optional("sliding_window", keys.Optional("sliding_window_size", 4096)), WindowEvery = 2,
        };
        keys.CheckWindows(config, "Gemma 2 has: the window slides in layers 0, 2, 4, …");
        return config;
    }

    private static void Write(DecoderConfig config, JsonObject json) => config.WriteGemma(json);

    /// <summary>What Gemma 2 and 3 have in common; the caps are those where there is no key.</summary>
    public static DecoderConfig Gemma(this ConfigKeys keys, DecoderConfig shared, double? attentionCap, double? logitCap)
    {
        keys.Require("hidden_activation", "gelu_pytorch_tanh");
        keys.Require("use_bidirectional_attention", false);
        keys.Ignore("hidden_act");
        var bias = keys.Bool("attention_bias");
        return shared with
        {
            HeadSize = keys.Int("head_dim", 256), QkvBias = bias, OutputBias = bias, Activation = Activation.GeluTanh,
            NormPlusOne = true, PostNorms = true, ScaledEmbeddings = true,
            QueryPreAttentionScalar = keys.Double("query_pre_attn_scalar", 256),
            AttentionCap = keys.Optional("attn_logit_softcapping", attentionCap),
            LogitCap = keys.Optional("final_logit_softcapping", logitCap),
            TiedEmbeddings = keys.Bool("tie_word_embeddings", true),
        };
    }

    public static void WriteGemma(this DecoderConfig config, JsonObject json)
    {
        json["hidden_activation"] = "gelu_pytorch_tanh";
        json["attention_bias"] = config.QkvBias;
        json["query_pre_attn_scalar"] = config.QueryPreAttentionScalar;
        json["attn_logit_softcapping"] = config.AttentionCap;
        json["final_logit_softcapping"] = config.LogitCap;
        json["sliding_window"] = config.SlidingWindow;
    }
}
