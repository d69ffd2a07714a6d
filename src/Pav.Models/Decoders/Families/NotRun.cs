namespace Pav.Models.Decoders;

/// <summary>Families that people have and this program does not run: what each needs.</summary>
internal static class NotRun
{
    private static readonly (string Needs, string[] ModelTypes)[] Families =
    [
        ("a mixture of experts of its own kind", ["mixtral", "qwen2_moe", "deepseek", "deepseek_v2", "deepseek_v3", "olmoe", "granitemoe",
            "granitemoehybrid", "phimoe", "gpt_oss", "dbrx", "jetmoe", "llama4", "llama4_text", "ernie4_5_moe", "glm4_moe",
            "hunyuan_v1_moe", "minimax", "bailing_moe", "grok-1"]),
        ("a mixture of experts beside Gated DeltaNet", ["qwen3_next", "qwen3_5_moe", "qwen3_5_moe_text"]),
        ("state-space or recurrent layers", ["mamba", "mamba2", "jamba", "falcon_mamba", "rwkv", "rwkv5", "recurrent_gemma", "bamba",
            "zamba", "zamba2", "falcon_h1", "nemotron_h", "xlstm", "lfm2"]),
        ("norms without weights", ["olmo"]),
        ("sliding windows beside norms after attention and feed-forward", ["olmo3", "exaone4"]),
        ("layers with several streams, and embeddings for each", ["gemma3n", "gemma3n_text"]),
        ("layers without rotary positions beside LayerNorm", ["cohere2"]),
        ("its own layout of one matrix for query, key and value", ["phi3small", "internlm2", "baichuan", "chatglm", "qwen", "mpt", "dolly",
            "glm4"]),
        ("multipliers that depend on depth and width", ["minicpm", "minicpm3"]),
        ("LayerNorm with biases", ["phi", "phi-msft", "stablelm", "stablelm_epoch", "starcoder2", "gpt_neox", "gpt2", "gptj",
            "gpt_neo", "gpt_bigcode", "bloom", "opt", "codegen", "falcon", "RefinedWeb", "RefinedWebModel", "persimmon", "nemotron",
            "cohere"]),
        ("tanh GELU in a Llama's layers with scaled embeddings", ["gemma"]),
        ("half-rotated or interleaved rotary positions", ["glm", "ernie4_5", "exaone", "helium"]),
        ("dynamically scaled rotary positions", ["internlm3"]),
        ("its own names of tensors", ["Yi"]),
        ("an encoder beside the decoder", ["t5", "bart", "umt5"]),
        ("images beside text", ["gemma3", "mllama", "llava", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "mistral3", "pixtral",
            "paligemma", "idefics3"]),
    ];

    /// <summary>What a family needs; null for one that is not known.</summary>
    public static string? Reason(string modelType) => Families.FirstOrDefault(f => f.ModelTypes.Contains(modelType)).Needs is { } needs
        ? $"it needs {needs}" : null;
}
