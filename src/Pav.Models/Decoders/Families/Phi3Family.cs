namespace Pav.Models.Decoders;

/// <summary>
/// Phi-3 and Phi-4 without LongRoPE: a Mistral whose query, key and value are one matrix in the files, and gate and up another. It is
/// saved as a Mistral, with these apart.
/// </summary>
internal static class Phi3Family
{
    public static readonly Family Family = new("phi3", "Phi3", Read, (config, json) => MistralFamily.Family.Write(config, json));

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        if (keys.Double("partial_rotary_factor", 1) != 1)
            throw keys.Refuse("partial_rotary_factor", $"this program turns whole heads only; {Decoders.Family.Serve}");
        foreach (var bias in (string[])["attention_bias", "mlp_bias", "lm_head_bias"]) keys.Require(bias, false);
        keys.Ignore("original_max_position_embeddings");
        return shared with
        {
            Family = MistralFamily.Family, FusedProjections = true, SlidingWindow = (int?)keys.Optional("sliding_window", null),
        };
    }
}
