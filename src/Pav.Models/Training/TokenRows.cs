using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>A text to learn, as ids; the loss is on the ids from <paramref name="LearnFrom"/> (at least 1) on.</summary>
internal readonly record struct TokenRow(int[] Ids, int LearnFrom)
{
    public static TokenRow Document(Tokenizer tokenizer, string text) => new([.. tokenizer.Encode(text), Eos(tokenizer)], 1);

    public static TokenRow From(Tokenizer tokenizer, Demonstration demonstration)
    {
        var (prompt, eos) = (tokenizer.Encode(demonstration.Prompt), Eos(tokenizer));
        var completion = StepIds.From(tokenizer, demonstration.Completion, demonstration.Ids ?? []);
        return new([.. prompt, .. completion.TakeWhile(id => id != eos), eos], Math.Max(1, prompt.Length));
    }

    private static int Eos(Tokenizer tokenizer) => tokenizer.Eos
        ?? throw new UserError("tokenizer_config.json names no eos_token; a policy needs one to know where a trace ends");
}

/// <summary>Next-token cross-entropy.</summary>
internal static class NextToken
{
    /// <summary>The mean over all learned tokens of a step's rows.</summary>
    public static Minibatch Batch(IReadOnlyList<TokenRow> rows, TrainFit fit)
    {
        var learned = Learned(rows);
        return new(rows.Sum(row => row.Ids.Length),
            [.. fit.Parts(rows).Select(part => new NextTokenLoss(Read(part), Targets(part), 1.0 / learned))]);
    }

    /// <summary>Mean over all learned tokens of the rows, without gradient.</summary>
    public static double Mean(DecoderModel model, IReadOnlyList<TokenRow> rows)
    {
        using var trainer = Trainer.From(model);
        var (sum, scratch) = (0.0, Array.Empty<float>());
        foreach (var batch in rows.OrderBy(row => row.Ids.Length).Chunk(EvaluationBatch))
        {
            var (values, loss, places) = (trainer.Values(Read(batch)), new NextTokenLoss([], Targets(batch), 1), Learned(batch));
            var width = values.Length / places;
            if (scratch.Length == 0) scratch = new float[width];
            for (var place = 0; place < places; place++) sum += loss.At(place, values.AsSpan(place * width, width), scratch);
        }

        return sum / Learned(rows);
    }

    private const int EvaluationBatch = 64;

    private static int Learned(IReadOnlyList<TokenRow> rows) => rows.Sum(row => row.Ids.Length - row.LearnFrom);

    private static ReadRow[] Read(IEnumerable<TokenRow> rows) =>
        [.. rows.Select(row => new ReadRow(row.Ids[..^1], [.. Enumerable.Range(row.LearnFrom - 1, row.Ids.Length - row.LearnFrom)]))];

    private static int[] Targets(IEnumerable<TokenRow> rows) => [.. rows.SelectMany(row => row.Ids.Skip(row.LearnFrom))];
}
