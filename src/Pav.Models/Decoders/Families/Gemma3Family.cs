using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>
/// The text model of Gemma 3: as Gemma 2 without soft caps, with norms of queries and keys, and a window in all layers but every sixth,
/// where the rotary angles have another base.
/// </summary>
internal static class Gemma3Family
{
    public static readonly Family Family = new("gemma3_text", "Gemma3", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_activation", "gelu_pytorch_tanh");
        keys.Require("use_bidirectional_attention", false);
        keys.Ignore("hidden_act");
        var bias = keys.Bool("attention_bias");
        var every = keys.Int("_sliding_window_pattern", keys.Int("sliding_window_pattern", 6));
        var config = shared with
        {
            HeadSize = keys.Int("head_dim", 256), QkvBias = bias, OutputBias = bias, Activation = Activation.GeluTanh, NormPlusOne = true,
            PostNorms = true, ScaledEmbeddings = true, QueryKeyNorm = true,
                QueryPreAttentionScalar = keys.Double("query_pre_attn_scalar", 256),
            AttentionCap = keys.Optional("attn_logit_softcapping", null), LogitCap = keys.Optional("final_logit_softcapping", null),
            SlidingWindow = (int?)keys.Optional("sliding_window", 4096), FullEvery = every,
            LocalRopeTheta = keys.Double("rope_local_base_freq", 10_000), TiedEmbeddings = keys.Bool("tie_word_embeddings", true),
        };
        keys.CheckWindows(config, $"sliding_window_pattern says every {every}th");
        return config;
    }

    /// <summary>Refuses a list of the layers' kinds that says otherwise.</summary>
    public static void CheckWindows(this ConfigKeys keys, DecoderConfig config, string why)
    {
        var layers = keys.Strings("layer_types");
        for (var i = 0; i < layers.Length; i++)
            if (layers[i] != (config.WindowOf(i) is null ? "full_attention" : "sliding_attention"))
                throw keys.Refuse("layer_types", $"layer {i} differs from what {why}");
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_activation"] = "gelu_pytorch_tanh";
        json["attention_bias"] = config.QkvBias;
        json["query_pre_attn_scalar"] = config.QueryPreAttentionScalar;
        json["attn_logit_softcapping"] = config.AttentionCap;
        json["final_logit_softcapping"] = config.LogitCap;
        json["sliding_window"] = config.SlidingWindow;
        json["sliding_window_pattern"] = config.FullEvery;
        json["rope_local_base_freq"] = config.LocalRopeTheta;
    }
}
