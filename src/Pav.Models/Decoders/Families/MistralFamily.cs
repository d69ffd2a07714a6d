using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Mistral: a Llama without biases, with a sliding window in every layer or none.</summary>
internal static class MistralFamily
{
    public static readonly Family Family = new("mistral", "Mistral", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        return shared with { SlidingWindow = (int?)keys.Optional("sliding_window", 4096) };
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_act"] = "silu";
        json["sliding_window"] = config.SlidingWindow;
    }
}
