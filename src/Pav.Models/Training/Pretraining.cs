using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>Learning a language from an endless stream of documents: one per row, end-of-sequence behind it, loss on every token.</summary>
public static class Pretraining
{
    /// <param name="start">Fresh weights, as a rule.</param>
    /// <param name="tokenizer">Saved beside the weights.</param>
    /// <param name="document">The index-th training document.</param>
    /// <param name="heldOut">Documents that are not among those.</param>
    /// <param name="options">Batch and seed are used here.</param>
    /// <param name="measure">More measures to log at evaluations; the best checkpoint is chosen by the held-out loss.</param>
    public static TrainingTask Task(
        Func<DecoderModel> start, Tokenizer tokenizer, Func<long, string> document, IEnumerable<string> heldOut, TrainOptions options,
        Func<DecoderModel, IReadOnlyDictionary<string, double>>? measure = null)
    {
        TokenRow[] valid = [.. heldOut.Select(text => TokenRow.Document(tokenizer, text))];
        var (stretch, rows, order) = (-1L, Array.Empty<TokenRow>(), Array.Empty<int[]>());
        return new(start, Next, model =>
        {
            var loss = NextToken.Mean(model, valid);
            var measures = new Dictionary<string, double>(measure?.Invoke(model) ?? new Dictionary<string, double>()) { ["loss"] = loss };
            return new(-loss, measures);
        }, tokenizer.Save, valid.Max(row => row.Ids.Length), valid.Max(row => row.Ids.Length));

        Minibatch Next(long step)
        {
            if (step / LengthBuckets.Stretch != stretch)
            {
                stretch = step / LengthBuckets.Stretch;
                var first = stretch * LengthBuckets.Stretch * options.Batch;
                rows = [.. Enumerable.Range(0, LengthBuckets.Stretch * options.Batch)
                    .Select(i => TokenRow.Document(tokenizer, document(first + i)))];
                order = LengthBuckets.Cut([.. Enumerable.Range(0, rows.Length)], row =>
                    rows[row].Ids.Length, options.Batch, Seeds.Derive(options.Seed, "", "stretch", stretch));
            }

            return NextToken.Batch([.. order[step % LengthBuckets.Stretch].Select(row => rows[row])], options.Fitted);
        }
    }
}
