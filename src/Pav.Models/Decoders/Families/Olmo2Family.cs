using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>OLMo 2: norms after attention and feed-forward only, and norms of all queries and of all keys of a token.</summary>
internal static class Olmo2Family
{
    public static readonly Family Family = new("olmo2", "Olmo2", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        var bias = keys.Bool("attention_bias");
        return shared with
        {
            QkvBias = bias, OutputBias = bias, PreNorms = false, PostNorms = true, QueryKeyNorm = true, WholeQueryKeyNorm = true,
        };
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_act"] = "silu";
        json["attention_bias"] = config.QkvBias;
    }
}
