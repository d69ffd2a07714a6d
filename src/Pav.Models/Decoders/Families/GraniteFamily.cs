using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Granite 3: a Llama with multipliers of embeddings, attention scores, what joins the stream, and logits.</summary>
internal static class GraniteFamily
{
    public static readonly Family Family = new("granite", "Granite", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        var bias = keys.Bool("attention_bias");
        return shared with
        {
            QkvBias = bias, OutputBias = bias, MlpBias = keys.Bool("mlp_bias"),
                EmbeddingMultiplier = keys.Double("embedding_multiplier", 1),
            AttentionMultiplier = keys.Double("attention_multiplier", 1), ResidualMultiplier = keys.Double("residual_multiplier", 1),
            LogitDivisor = keys.Optional("logits_scaling", 1) ?? 1,
        };
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_act"] = "silu";
        json["attention_bias"] = config.QkvBias;
        json["mlp_bias"] = config.MlpBias;
        json["embedding_multiplier"] = config.EmbeddingMultiplier;
        json["attention_multiplier"] = config.AttentionMultiplier;
        json["residual_multiplier"] = config.ResidualMultiplier;
        json["logits_scaling"] = config.LogitDivisor;
    }
}
