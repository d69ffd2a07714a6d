using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Training;

/// <summary>A text to learn, as ids; the loss is on the ids from <paramref name="LearnFrom"/> (at least 1) on.</summary>
internal readonly record struct TokenRow(int[] Ids, int LearnFrom)
{
    public static TokenRow Document(Tokenizer tokenizer, string text) => new([.. tokenizer.Encode(text), Eos(tokenizer)], 1);

    public static TokenRow Of(Tokenizer tokenizer, Demonstration demonstration)
    {
        var (prompt, eos) = (tokenizer.Encode(demonstration.Prompt), Eos(tokenizer));
        var completion = StepIds.Of(tokenizer, demonstration.Completion, demonstration.Ids ?? []);
        return new([.. prompt, .. completion.TakeWhile(id => id != eos), eos], Math.Max(1, prompt.Length));
    }

    private static int Eos(Tokenizer tokenizer) => tokenizer.Eos ?? throw new UserError("tokenizer_config.json names no eos_token; a policy needs one to know where a trace ends");
}

/// <summary>Rows side by side, padded on the right. Causality keeps the padding out of what precedes it, so its ids do not matter.</summary>
internal static class Padded
{
    /// <summary>[rows, longest row], int64, where the model is.</summary>
    public static Tensor Ids(IReadOnlyList<int[]> rows, DecoderModel model)
    {
        var length = rows.Max(row => row.Length);
        var ids = new long[rows.Count * length];
        for (var r = 0; r < rows.Count; r++)
            for (var t = 0; t < rows[r].Length; t++) ids[r * length + t] = rows[r][t];
        return On(tensor(ids, rows.Count, length), model);
    }

    /// <summary>Hidden states [positions, hidden] at the given (row, column) places; the rows lie side by side, or end to end.</summary>
    public static Tensor Hidden(DecoderModel model, IReadOnlyList<int[]> rows, IEnumerable<(int Row, int Column)> places, bool pack)
    {
        var starts = new long[rows.Count];
        var longest = rows.Max(row => row.Length);
        for (var r = 1; r < rows.Count; r++) starts[r] = starts[r - 1] + (pack ? rows[r - 1].Length : longest);
        var hidden = pack ? model.forward(rows) : model.forward(Ids(rows, model)).reshape(-1, model.Config.HiddenSize);
        return hidden.index_select(0, On(tensor(places.Select(p => starts[p.Row] + p.Column).ToArray()), model));
    }

    public static Tensor On(Tensor made, DecoderModel model) => model.Device.IsCpu ? made : made.to(model.Device);
}

/// <summary>Next-token cross-entropy.</summary>
internal static class NextToken
{
    private const int EvaluationBatch = 64;

    /// <summary>The mean over all learned tokens of a step's rows.</summary>
    public static Minibatch Batch(IReadOnlyList<TokenRow> rows, TrainFit fit)
    {
        var learned = rows.Sum(row => row.Ids.Length - row.LearnFrom);
        return new(rows.Sum(row => row.Ids.Length), fit.Accumulate == 1
            ? [model => Loss(model, rows, "mean", fit.Pack)]
            : [.. fit.Parts(rows).Select(part => (Func<DecoderModel, Tensor>)(model => Loss(model, part, "sum", fit.Pack) * (1.0 / learned)))]);
    }

    /// <summary>Mean over all learned tokens of the rows, without gradient.</summary>
    public static double Mean(DecoderModel model, IReadOnlyList<TokenRow> rows)
    {
        using var off = no_grad();
        var (sum, count) = (0.0, 0L);
        foreach (var batch in rows.OrderBy(row => row.Ids.Length).Chunk(EvaluationBatch))
        {
            using var scope = NewDisposeScope();
            sum += Loss(model, batch, "sum", pack: false).item<double>();
            count += batch.Sum(row => row.Ids.Length - row.LearnFrom);
        }

        return sum / count;
    }

    private static Tensor Loss(DecoderModel model, IReadOnlyList<TokenRow> rows, string reduction, bool pack)
    {
        var places = rows.SelectMany((row, r) => Enumerable.Range(row.LearnFrom - 1, row.Ids.Length - row.LearnFrom).Select(t => (r, t)));
        var hidden = Padded.Hidden(model, [.. rows.Select(row => row.Ids[..^1])], places, pack);
        var targets = rows.SelectMany(row => row.Ids.Skip(row.LearnFrom)).Select(id => (long)id).ToArray();
        return functional.cross_entropy(model.logits(hidden).cast(float32), Padded.On(tensor(targets), model), reduction);
    }
}
