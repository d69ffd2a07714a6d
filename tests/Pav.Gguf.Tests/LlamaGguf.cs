using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Gguf.Tests;

/// <summary>A Llama checkpoint of whole words as GGUF: the same weights and the same ids.</summary>
internal static class LlamaGguf
{
    private const int Normal = 1, Control = 3, UserDefined = 4;

    /// <summary>
    /// The embedded models' tokenizer has no merges and llama.cpp has no whole words. As user-defined tokens, which are looked for before
    /// anything else, the longest first, they give the same ids for texts of known words.
    /// </summary>
    public static GgufWriter From(string folder, bool quantised = false)
    {
        using var model = DecoderCheckpoint.Load(folder);
        var config = model.Config;
        var tokenizer = Tokenizer.Load(folder);
        var names = Enumerable.Range(0, config.VocabSize).Select(id => tokenizer.Decode([id], skipSpecial: false)).ToArray();
        var writer = new GgufWriter()
            .Set("general.architecture", "llama")
            .Set("llama.vocab_size", (uint)config.VocabSize)
            .Set("llama.context_length", (uint)config.MaxPositions)
            .Set("llama.embedding_length", (uint)config.HiddenSize)
            .Set("llama.block_count", (uint)config.Layers)
            .Set("llama.feed_forward_length", (uint)config.IntermediateSize)
            .Set("llama.attention.head_count", (uint)config.Heads)
            .Set("llama.attention.head_count_kv", (uint)config.KvHeads)
            .Set("llama.attention.layer_norm_rms_epsilon", (float)config.NormEps)
            .Set("llama.rope.dimension_count", (uint)config.HeadSize)
            .Set("llama.rope.freq_base", (float)config.RopeTheta)
            .Set("tokenizer.ggml.model", "gpt2")
            .Set("tokenizer.ggml.pre", "gpt-2")
            .Set("tokenizer.ggml.tokens", names)
            .Set("tokenizer.ggml.token_type", names.Select((_, id) => tokenizer.IsSpecial(id) ? Control : UserDefined).ToArray())
            .Set("tokenizer.ggml.merges", Array.Empty<string>())
            .Set("tokenizer.ggml.add_bos_token", false);
        if (tokenizer.Eos is { } eos) writer.Set("tokenizer.ggml.eos_token_id", (uint)eos);
        if (tokenizer.Pad is { } pad) writer.Set("tokenizer.ggml.padding_token_id", (uint)pad);
        foreach (var (name, there) in Names(config))
        {
            var (shape, values) = (model.Parameters[there].shape, model.Parameters[there].to_array<float>());
            if (name.EndsWith("attn_q.weight", StringComparison.Ordinal)) values = Interleaved(values, config.Heads, config.HeadSize);
            if (name.EndsWith("attn_k.weight", StringComparison.Ordinal)) values = Interleaved(values, config.KvHeads, config.HeadSize);
            writer.Add(name, shape, values, quantised && shape is [_, var width] && width % 32 == 0);
        }

        return writer;
    }

    private static IEnumerable<(string Name, string There)> Names(DecoderConfig config)
    {
        yield return ("token_embd.weight", "model.embed_tokens.weight");
        yield return ("output_norm.weight", "model.norm.weight");
        if (!config.TiedEmbeddings) yield return ("output.weight", "lm_head.weight");
        for (var i = 0; i < config.Layers; i++)
        {
            var (to, from) = ($"blk.{i}.", $"model.layers.{i}.");
            yield return (to + "attn_norm.weight", from + "input_layernorm.weight");
            yield return (to + "attn_q.weight", from + "self_attn.q_proj.weight");
            yield return (to + "attn_k.weight", from + "self_attn.k_proj.weight");
            yield return (to + "attn_v.weight", from + "self_attn.v_proj.weight");
            yield return (to + "attn_output.weight", from + "self_attn.o_proj.weight");
            yield return (to + "ffn_norm.weight", from + "post_attention_layernorm.weight");
            yield return (to + "ffn_gate.weight", from + "mlp.gate_proj.weight");
            yield return (to + "ffn_up.weight", from + "mlp.up_proj.weight");
            yield return (to + "ffn_down.weight", from + "mlp.down_proj.weight");
        }
    }

    /// <summary>GGUF's Llama turns neighbouring numbers of a head together, the checkpoint those half a head apart.</summary>
    private static float[] Interleaved(float[] rows, int heads, int size)
    {
        var width = rows.Length / (heads * size);
        var result = new float[rows.Length];
        for (var head = 0; head < heads; head++)
            for (var i = 0; i < size; i++)
            {
                var from = head * size + i % 2 * (size / 2) + i / 2;
                Array.Copy(rows, from * width, result, (head * size + i) * width, width);
            }

        return result;
    }
}
