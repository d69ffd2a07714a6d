using System.Text.Json.Nodes;

namespace Pav.Models.Decoders;

/// <summary>Qwen3 with a mixture of experts in the place of most feed-forward parts. The loss that balances experts is left out.</summary>
internal static class Qwen3MoeFamily
{
    public static readonly Family Family = new("qwen3_moe", "Qwen3Moe", Read, Write);

    private static DecoderConfig Read(ConfigKeys keys, DecoderConfig shared)
    {
        keys.Require("hidden_act", "silu");
        keys.Require("use_sliding_window", false);
        keys.Ignore("sliding_window", "max_window_layers", "router_aux_loss_coef", "output_router_logits");
        var bias = keys.Bool("attention_bias");
        var experts = new Experts(
            keys.Size("num_experts", 4096, 128), keys.Size("num_experts_per_tok", 4096, 8),
            keys.Size("moe_intermediate_size", 1 << 20, 768), keys.Bool("norm_topk_prob"),
            keys.Size("decoder_sparse_step", 4096, 1), keys.Ids("mlp_only_layers"));
        if (experts.PerToken > experts.Count)
            throw keys.Refuse("num_experts_per_tok", $"there are {experts.Count} experts");
        return shared with { QueryKeyNorm = true, QkvBias = bias, OutputBias = bias, Experts = experts };
    }

    private static void Write(DecoderConfig config, JsonObject json)
    {
        var experts = config.Experts!;
        json["hidden_act"] = "silu";
        json["attention_bias"] = config.QkvBias;
        json["num_experts"] = experts.Count;
        json["num_experts_per_tok"] = experts.PerToken;
        json["moe_intermediate_size"] = experts.Size;
        json["norm_topk_prob"] = experts.Normalised;
        json["decoder_sparse_step"] = experts.Every;
        json["mlp_only_layers"] = new JsonArray([.. experts.Dense.Select(layer => JsonValue.Create(layer))]);
    }
}
