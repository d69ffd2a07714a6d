using System.Text;

namespace Pav.Gguf.Tests;

/// <summary>GGUF files with a tokenizer and no weights, which is all that tokenizers need.</summary>
internal static class TokenizerFiles
{
    public const string ChatMl = "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
        + "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Byte = 6;

    /// <summary>Byte-level BPE as of GPT-2: all bytes, merges to " the" and "12", control tokens, a user-defined one, and a
    /// begin-of-sequence before texts.</summary>
    public static GgufWriter Bytes()
    {
        List<(string Text, int Type)> tokens = [.. Enumerable.Range(0, 256).Select(b => (Letter((byte)b).ToString(), Normal))];
        string[] merges = ["t h", "th e", "Ġ the", "1 2"];
        tokens.AddRange(merges.Select(m => (m.Replace(" ", ""), Normal)));
        tokens.AddRange([("<s>", Control), ("<|im_end|>", Control), ("<|im_start|>", Control), ("<think>", UserDefined)]);
        return Vocabulary("gpt2", tokens)
            .Set("tokenizer.ggml.pre", "gpt-2")
            .Set("tokenizer.ggml.merges", merges)
            .Set("tokenizer.ggml.bos_token_id", 260u)
            .Set("tokenizer.ggml.eos_token_id", 261u)
            .Set("tokenizer.ggml.add_bos_token", true)
            .Set("tokenizer.chat_template", ChatMl);
    }

    /// <summary>SentencePiece as of Llama 2: bytes as fallback, a space before every text.</summary>
    public static GgufWriter SentencePiece()
    {
        List<(string Text, int Type)> tokens = [("<unk>", Unknown), ("<s>", Control), ("</s>", Control)];
        tokens.AddRange(Enumerable.Range(0, 256).Select(b => ($"<0x{b:X2}>", Byte)));
        tokens.AddRange(new[] { "▁", "t", "h", "e", "a", "th", "the", "▁the", "▁a" }.Select(t => (t, Normal)));
        return Vocabulary("llama", tokens)
            .Set("tokenizer.ggml.scores", tokens.Select((_, id) => id < 259 ? 0f : -(tokens.Count - id)).ToArray())
            .Set("tokenizer.ggml.bos_token_id", 1u)
            .Set("tokenizer.ggml.eos_token_id", 2u);
    }

    private static GgufWriter Vocabulary(string model, List<(string Text, int Type)> tokens) => new GgufWriter()
        .Set("general.architecture", "llama")
        .Set("llama.context_length", 64u)
        .Set("llama.embedding_length", 8u)
        .Set("llama.block_count", 1u)
        .Set("llama.feed_forward_length", 8u)
        .Set("llama.attention.head_count", 1u)
        .Set("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .Set("tokenizer.ggml.model", model)
        .Set("tokenizer.ggml.tokens", tokens.Select(t => t.Text).ToArray())
        .Set("tokenizer.ggml.token_type", tokens.Select(t => t.Type).ToArray());

    /// <summary>GPT-2's letter of a byte: itself where it is printable, else one from 256 on.</summary>
    private static char Letter(byte value)
    {
        static bool IsPrintable(int b) => b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return IsPrintable(value) ? (char)value : (char)(256 + Enumerable.Range(0, value).Count(b => !IsPrintable(b)));
    }

}
