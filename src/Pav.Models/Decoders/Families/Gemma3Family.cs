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
        var every = keys.Int("_sliding_window_pattern", keys.Int("sliding_window_pattern", 6));
        var config = keys.Gemma(shared, attentionCap: null, logitCap: null) with
        {
            QueryKeyNorm = true, SlidingWindow = (int?)keys.Optional("sliding_window", 4096), FullEvery = every,
            LocalRopeTheta = keys.Double("rope_local_base_freq", 10_000),
        };
        keys.CheckWindows(config, $"sliding_window_pattern says every {every}th");
        return config;
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        config.WriteGemma(json);
        json["sliding_window_pattern"] = config.FullEvery;
        json["rope_local_base_freq"] = config.LocalRopeTheta;
    }
}
