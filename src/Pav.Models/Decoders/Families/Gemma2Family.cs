using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Gemma 2: norms before and after with 1 + weight, scaled embeddings, soft caps, a sliding window in every other layer, tanh
/// GELU, tied.</summary>
internal static class Gemma2Family
{
    public static readonly Family Family = new("gemma2", "Gemma2", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_activation", "gelu_pytorch_tanh");
        keys.Require("use_bidirectional_attention", false);
        keys.Ignore("hidden_act");
        var bias = keys.Bool("attention_bias");
        if (keys.Optional("sliding_window_size", null) is { } size && size != (keys.Optional("sliding_window", size) ?? -1))
            throw keys.Refuse("sliding_window_size", "sliding_window says otherwise");
        var config = shared with
        {
            HeadSize = keys.Int("head_dim", 256), QkvBias = bias, OutputBias = bias, Activation = Activation.GeluTanh, NormPlusOne = true,
                PostNorms = true, ScaledEmbeddings = true,
            QueryPreAttentionScalar = keys.Double("query_pre_attn_scalar", 256),
                AttentionCap = keys.Optional("attn_logit_softcapping", 50), LogitCap = keys.Optional("final_logit_softcapping", 30),
            SlidingWindow = (int?)keys.Optional("sliding_window", keys.Optional("sliding_window_size", 4096)), WindowEvery = 2,
                TiedEmbeddings = keys.Bool("tie_word_embeddings", true),
        };
        var layers = keys.Strings("layer_types");
        for (var i = 0; i < layers.Length; i++)
            if (layers[i] != (i % 2 == 0 ? "sliding_attention" : "full_attention"))
                throw keys.Refuse("layer_types", "this program slides the window in layers 0, 2, 4, …");
        return config;
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_activation"] = "gelu_pytorch_tanh";
        json["attention_bias"] = config.QkvBias;
        json["query_pre_attn_scalar"] = config.QueryPreAttentionScalar;
        json["attn_logit_softcapping"] = config.AttentionCap;
        json["final_logit_softcapping"] = config.LogitCap;
        json["sliding_window"] = config.SlidingWindow;
    }
}
