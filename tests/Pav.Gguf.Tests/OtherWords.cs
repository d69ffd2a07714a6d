using Pav.Arithmetic;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Gguf.Tests;

/// <summary>A random tiny model whose words have other ids than the embedded ones.</summary>
internal static class OtherWords
{
    public static void Save(string folder)
    {
        var tokenizer = Tokenizer.WordLevel(Corpus.Words.Reverse());
        var config = new DecoderConfig
        {
            VocabSize = tokenizer.Size, HiddenSize = 16, IntermediateSize = 32, Layers = 1, Heads = 2, KvHeads = 2, HeadSize = 8,
            MaxPositions = 256, TiedEmbeddings = true, Eos = [tokenizer.Eos!.Value],
        };
        Directory.CreateDirectory(folder);
        using var model = DecoderModel.RandomInit(config, 1);
        model.Save(folder);
        tokenizer.Save(folder);
    }
}
