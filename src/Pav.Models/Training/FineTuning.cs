using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>What a policy is shown: a prompt and the completion it should learn. Ids, if given, are the completion's as a policy wrote
/// it.</summary>
public sealed record Demonstration(string Prompt, string Completion, IReadOnlyList<int>? Ids = null);

/// <summary>Supervised fine-tuning of a policy, and rejection fine-tuning: the same on its own correct traces (App. C).</summary>
public static class FineTuning
{
    /// <param name="start">The pretrained model, or the policy to go on from.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="train">Learned from: the loss is on the completions only.</param>
    /// <param name="heldOut">Their loss is logged; may be empty.</param>
    /// <param name="options">Batch and seed are used here.</param>
    /// <param name="accuracy">Share of held-out problems that the policy solves. It chooses the best checkpoint; without it the held-out
    /// loss does.</param>
    public static TrainingTask Task(
        Func<DecoderModel> start, Tokenizer tokenizer, IReadOnlyList<Demonstration> train, IReadOnlyList<Demonstration> heldOut,
            TrainOptions options, Func<DecoderModel, double>? accuracy = null)
    {
        if (train.Count == 0) throw new UserError("there is no demonstration to learn from");
        var (rows, valid) = (Rows(tokenizer, train), Rows(tokenizer, heldOut));
        var batches = new EpochBatches([.. rows.Select(row => row.Ids.Length)], options.Batch, options.Seed);
        return new(start, step => NextToken.Batch([.. batches.At(step).Select(row => rows[row])], options.Fitted),
            valid.Length == 0 && accuracy is null ? null : Evaluate, tokenizer.Save,
            rows.Max(row => row.Ids.Length), rows.Max(row => row.Ids.Length - row.LearnFrom));

        Evaluation Evaluate(DecoderModel model)
        {
            var measures = new Dictionary<string, double>();
            if (valid.Length > 0) measures["loss"] = NextToken.Mean(model, valid);
            if (accuracy is not null) measures["accuracy"] = accuracy(model);
            return new(accuracy is not null ? measures["accuracy"] : -measures["loss"], measures);
        }
    }

    /// <summary>A policy's own correct traces (those gathered as seed traces), each text of a problem once, the first <paramref
    /// name="perProblem"/> of them (0: all).</summary>
    public static IReadOnlyList<Demonstration> CorrectTraces(IEnumerable<LabelledTrace> traces,
        IReadOnlyDictionary<string, Problem> problems, PromptTemplate template, int perProblem = 0) =>
    [
        .. from trace in traces
           where trace.Rex == 1
           group trace by trace.Problem into traced
           let problem = problems.Find(traced.Key)
           from trace in traced.DistinctBy(t => string.Concat(t.Steps)).Take(perProblem > 0 ? perProblem : int.MaxValue)
           select new Demonstration(template.Fill(problem), string.Concat(trace.Steps), [.. trace.Tokens.SelectMany(ids => ids)]),
    ];

    private static TokenRow[] Rows(Tokenizer tokenizer, IReadOnlyList<Demonstration> demonstrations) =>
        [.. demonstrations.AsParallel().AsOrdered().Select(d => TokenRow.From(tokenizer, d))];
}
