using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Bench;

/// <summary>The model that is measured, and problems for it.</summary>
internal static class Subject
{
    public const int PromptTokens = 64;

    public static readonly DecoderConfig Config = new()
    {
        VocabSize = 512, HiddenSize = 384, IntermediateSize = 1024, Layers = 6, Heads = 6, KvHeads = 6, HeadSize = 64, MaxPositions = 256,
    };

    /// <summary>A tokenizer without tokenizer_config.json has no end of sequence: every draw is as long as it may be.</summary>
    public static Tokenizer TokenizerWithoutEnd()
    {
        var folder = Directory.CreateTempSubdirectory("pav-bench").FullName;
        SaveTokenizer(folder, Config.VocabSize);
        var tokenizer = Tokenizer.Load(folder);
        Directory.Delete(folder, recursive: true);
        return tokenizer;
    }

    /// <summary>Such a tokenizer of so many words, for the model in a folder.</summary>
    public static void SaveTokenizer(string folder, int size)
    {
        Tokenizer.WordLevel(Enumerable.Range(0, size - 3).Select(i => $" w{i}").Prepend("\n")).Save(folder);
        File.Delete(Path.Combine(folder, "tokenizer_config.json"));
    }

    /// <summary>A text of so many tokens; different seeds share no beginning.</summary>
    public static string Words(int seed, int tokens) =>
        string.Concat(Enumerable.Range(0, tokens).Select(k => $" w{(seed * 31 + k * k * 7) % (Config.VocabSize - 3)}"));

    public static Problem Problem(int i) => new($"{i}", Words(i, PromptTokens), "");
}
