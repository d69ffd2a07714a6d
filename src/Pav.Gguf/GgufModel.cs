using Pav.Models;
using Pav.Models.Chat;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;

namespace Pav.Gguf;

/// <summary>A GGUF file: a language model, quantised or not, that llama.cpp runs in this process on the CPU.</summary>
public static class GgufModel
{
    /// <summary>Version of LLamaSharp, whose llama.cpp was loaded; null: none was.</summary>
    public static string? LlamaSharp => LlamaLibrary.IsLoaded ? LlamaLibrary.Version : null;

    /// <summary>Whether a name is that of a GGUF file, there or not.</summary>
    public static bool IsNamedBy(string path) => path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Opens it as a policy, which shares the past of its draws, runs many of them at once and draws with the seeds it is given. Its Slots
    /// are at most 256, and its cache is taken at once.
    /// </summary>
    /// <param name="name">Told in results.</param>
    /// <param name="path">Of the file.</param>
    /// <param name="template">How a problem is put to it.</param>
    /// <param name="options">Memory, slots, threads; no device of libtorch.</param>
    public static TransformerPolicy Policy(string name, string path, PromptTemplate template, EngineOptions? options = null)
    {
        if (options?.Torch is not null)
            throw new UserError($"{path}: llama.cpp runs it on the CPU; leave out --device, or give a Hugging Face folder");
        var model = LlamaModel.Open(path);
        return new(name, model.Ends, ends => new LlamaEngine(name, model, options ?? new(), ends.Contains), model.Tokenizer, template);
    }

    /// <summary>Its tokenizer, as llama.cpp applies it; no weights are read.</summary>
    public static Tokenizer Tokenizer(string path) => LlamaModel.Open(path, tokenizerOnly: true).Tokenizer;

    /// <summary>The chat template that stands in it.</summary>
    public static ChatTemplate ChatTemplate(string path)
    {
        using var model = LlamaModel.Open(path, tokenizerOnly: true);
        var tokenizer = model.Tokenizer;
        var source = model.Header.Text("tokenizer.chat_template") ?? throw new UserError($"{path} has no chat template "
            + "(tokenizer.chat_template); leave out --chat, or give a model that was taught to chat");
        var tokens = new Dictionary<string, string>();
        foreach (var (name, id) in new[] { ("bos_token", tokenizer.Bos), ("eos_token", tokenizer.Eos), ("pad_token", tokenizer.Pad) })
            if (id is { } known) tokens[name] = tokenizer.Decode([known], skipSpecial: false);
        return new(source, tokens, $"{path} (tokenizer.chat_template)");
    }
}
