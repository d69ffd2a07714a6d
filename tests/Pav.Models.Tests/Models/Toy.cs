using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;
using Pav.Torch;

namespace Pav.Models.Tests.Models;

/// <summary>A small random language model over words, lively enough for its distributions to differ from token to token.</summary>
internal static class Toy
{
    public static readonly Tokenizer Tokenizer = Tokenizer.WordLevel(["\n", "Q", "A", .. Enumerable.Range(0, 16).Select(i => " " + i)]);

    public static readonly PromptTemplate Template = new("Q{problem}\n");

    public static DecoderConfig Config(int headSize = 8, int maxPositions = 256) => new()
    {
        VocabSize = Tokenizer.Size, HiddenSize = 32, IntermediateSize = 40, Layers = 2, Heads = 4, KvHeads = 2, HeadSize = headSize,
            MaxPositions = maxPositions, TiedEmbeddings = true,
    };

    public static DecoderModel Model(DecoderConfig? config = null, ulong seed = 1)
    {
        var model = DecoderModel.RandomInit(config ?? Config(), seed);
        using var off = torch.no_grad();
        foreach (var (name, weight) in model.Parameters)
            if (!name.Contains("norm")) weight.mul_(name.Contains("embed") ? 12 : 8);
        return model;
    }

    public static CpuRunner Runner(DecoderModel model, long cacheBytes, int threads, KvType cache = KvType.Float32,
        WeightType kept = WeightType.Stored)
    {
        using var weights = WeightSource.From(model);
        return new(weights, cacheBytes, threads, cache, kept);
    }

    public static DecoderModel Scorer(ulong seed = 2)
    {
        using var trunk = Model(seed: seed);
        var model = trunk.WithScoreHead();
        using var off = torch.no_grad();
        model.Parameters["score.weight"].normal_(0, 0.3);
        return model;
    }

    public static Problem Problem(int i) =>
        new($"p{i}", string.Concat(Enumerable.Range(0, 1 + i % 5).Select(k => " " + (i * 7 + k * 3) % 16)), "");

    public static IReadOnlyList<Prefix> Prefixes(int problems)
    {
        List<Prefix> all = [];
        for (var i = 0; i < problems; i++)
        {
            var root = Prefix.Root(Problem(i));
            var one = root.Then($" {i % 16} 3\n");
            all.AddRange([root, one, one.Then(" 1 2 3\n"), root.Then("A 5\n")]);
        }

        return all;
    }
}
