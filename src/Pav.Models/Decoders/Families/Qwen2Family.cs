using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Qwen2 and Qwen2.5: biases on query, key and value only.</summary>
internal static class Qwen2Family
{
    public static readonly Family Family = new("qwen2", "Qwen2", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        keys.Require("use_mrope", false);
        return keys.QwenWindow(shared with { QkvBias = true });
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        json["hidden_act"] = "silu";
        config.WriteQwenWindow(json);
    }

    /// <summary>The window counts only where <c>use_sliding_window</c> says so, from layer <c>max_window_layers</c> on.</summary>
    public static DecoderConfig QwenWindow(this ConfigKeys keys, DecoderConfig shared)
    {
        var (used, window, from) = (keys.Bool("use_sliding_window"), (int?)keys.Optional("sliding_window", 4096),
            keys.Int("max_window_layers", 28));
        var config = used ? shared with { SlidingWindow = window, WindowFrom = from } : shared;
        keys.CheckWindows(config, "use_sliding_window and max_window_layers say");
        return config;
    }

    public static void WriteQwenWindow(this DecoderConfig config, JsonObject json)
    {
        json["use_sliding_window"] = config.SlidingWindow is not null;
        if (config.SlidingWindow is null) return;
        json["sliding_window"] = config.SlidingWindow;
        json["max_window_layers"] = config.WindowFrom;
    }
}
