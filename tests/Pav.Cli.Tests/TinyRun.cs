using Pav.Arithmetic;
using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;

namespace Pav.Cli.Tests;

/// <summary>A folder with a random tiny policy and problems; it writes nonsense, which is all that these tests need.</summary>
public sealed class TinyRun : IDisposable
{
    private readonly TemporaryFolder temporary = new();

    public TinyRun()
    {
        var tokenizer = Tokenizer.WordLevel(Corpus.Words);
        var config = new DecoderConfig
        {
            VocabSize = tokenizer.Size, HiddenSize = 16, IntermediateSize = 32, Layers = 1, Heads = 2, KvHeads = 2, HeadSize = 8,
                MaxPositions = 128, TiedEmbeddings = true,
            Eos = [tokenizer.Eos!.Value],
        };
        Directory.CreateDirectory(At("model"));
        using var model = DecoderModel.RandomInit(config, 1);
        model.Save(At("model"));
        tokenizer.Save(At("model"));
        Problems.Write(At("train.jsonl"), Worksheet.Problems(1, Split.Train).Take(40));
        Problems.Write(At("test.jsonl"), Worksheet.Problems(1, Split.Test).Take(6));
    }

    public string Folder => temporary.At("");

    public string At(string name) => temporary.At(name);

    public void Dispose() => temporary.Dispose();
}
