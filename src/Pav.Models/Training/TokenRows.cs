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

    /// <summary>Hidden states [positions, hidden] at the given (row, column) places of [rows, length, hidden].</summary>
    public static Tensor At(Tensor hidden, IEnumerable<(int Row, int Column)> places)
    {
        var length = hidden.size(1);
        var flat = tensor(places.Select(p => p.Row * length + p.Column).ToArray());
        return hidden.reshape(-1, hidden.size(2)).index_select(0, flat.to(hidden.device));
    }

    public static Tensor On(Tensor made, DecoderModel model) => model.Device.IsCpu ? made : made.to(model.Device);
}

/// <summary>Next-token cross-entropy.</summary>
internal static class NextToken
{
    private const int EvaluationBatch = 64;

    public static Minibatch Batch(IReadOnlyList<TokenRow> rows) => new(rows.Sum(row => row.Ids.Length), model => Loss(model, rows, "mean"));

    /// <summary>Mean over all learned tokens of the rows, without gradient.</summary>
    public static double Mean(DecoderModel model, IReadOnlyList<TokenRow> rows)
    {
        using var off = no_grad();
        var (sum, count) = (0.0, 0L);
        foreach (var batch in rows.OrderBy(row => row.Ids.Length).Chunk(EvaluationBatch))
        {
            using var scope = NewDisposeScope();
            sum += Loss(model, batch, "sum").item<double>();
            count += batch.Sum(row => row.Ids.Length - row.LearnFrom);
        }

        return sum / count;
    }

    private static Tensor Loss(DecoderModel model, IReadOnlyList<TokenRow> rows, string reduction)
    {
        var hidden = model.forward(Padded.Ids([.. rows.Select(row => row.Ids[..^1])], model));
        var places = rows.SelectMany((row, r) => Enumerable.Range(row.LearnFrom - 1, row.Ids.Length - row.LearnFrom).Select(t => (r, t)));
        var targets = rows.SelectMany(row => row.Ids.Skip(row.LearnFrom)).Select(id => (long)id).ToArray();
        return functional.cross_entropy(model.logits(Padded.At(hidden, places)), Padded.On(tensor(targets), model), reduction);
    }
}
