using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>
/// Phi-3 and Phi-4: a Mistral whose query, key and value are one matrix in the files, and gate and up another. It is saved as a Mistral,
/// with these apart; but where a part of each head turns or positions are LongRoPE's, which a Mistral does not have, as it came.
/// </summary>
internal static class Phi3Family
{
    private const string Part = "partial_rotary_factor";

    public static readonly Family Family = new("phi3", "Phi3", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        foreach (var bias in (string[])["attention_bias", "mlp_bias", "lm_head_bias"]) keys.Require(bias, false);
        foreach (var one in (string[])["full_attn_mod", "interpolate_factor"]) keys.Require(one, 1);
        keys.Ignore("original_max_position_embeddings");
        var rotary = shared.HeadSize * keys.Double(Part, 1);
        if (rotary != Math.Floor(rotary) || rotary % 2 != 0 || rotary <= 0 || rotary > shared.HeadSize)
            throw keys.Refuse(Part, $"of {shared.HeadSize} values of a head an even number is to turn");
        var config = shared with { FusedProjections = true, SlidingWindow = (int?)keys.Optional("sliding_window", null) };
        var plain = rotary == shared.HeadSize && shared.RopeScaling is not { Type: "longrope" };
        return plain ? config with { Family = MistralFamily.Family } : config with { RotarySize = (int)rotary };
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        MistralFamily.Family.Write(config, json);
        json[Part] = (double)config.Rotated / config.HeadSize;
        if (config.RopeScaling is not { Type: "longrope" } scaling) return;
        json["original_max_position_embeddings"] = scaling.OriginalContext;
        json["max_position_embeddings"] = (int)Math.Round(scaling.Factor * scaling.OriginalContext);
    }
}
