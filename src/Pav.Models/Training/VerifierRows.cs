using Pav.Models.Decoders;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Training;

/// <summary>How the two buckets of labels, Q̂ &lt; 0.5 and Q̂ ≥ 0.5, are weighed (App. D).</summary>
public enum Balance
{
    /// <summary>Each label counts once.</summary>
    None,

    /// <summary>Each bucket has half of the total weight. All prefixes of a trace are scored in one pass, so instead of being drawn labels are weighed: see <see cref="BalancedBuckets.Weights"/>.</summary>
    Buckets,
}

/// <summary>A labelled trace as a verifier reads it: its ids, the H + 1 places at which its prefixes are scored, and the prefixes (0 … H) that have a label, with those.</summary>
internal sealed record VerifierRow(LabelledTrace Trace, int[] Ids, int[] ReadAt, int[] Labelled, double[] Labels)
{
    /// <summary>Tokenised once, in the order of the traces; those without a label are left out.</summary>
    public static VerifierRow[] Of(IEnumerable<LabelledTrace> traces, IReadOnlyDictionary<string, Problem> problems, VerifierEncoding encoding, VerifierKind kind) =>
    [
        .. traces.AsParallel().AsOrdered().Select(trace =>
        {
            var problem = problems.Find(trace.Problem);
            var (ids, readAt) = encoding.Encode(trace.ToPrefix(problem));
            if (kind == VerifierKind.Outcome) return new VerifierRow(trace, ids, readAt, trace.Unfinished ? [] : [trace.Steps.Count], trace.Unfinished ? [] : [trace.Rex]);
            int[] labelled = [.. Enumerable.Range(0, trace.N.Count).Where(h => trace.N[h] > 0)];
            return new VerifierRow(trace, ids, readAt, labelled, [.. labelled.Select(h => trace.Q[h].Value)]);
        }).Where(row => row.Labels.Length > 0),
    ];

    /// <summary>The weight of each label of each row; their mean is 1.</summary>
    public static double[][] Weights(IReadOnlyList<VerifierRow> rows, Balance balance)
    {
        double[] labels = [.. rows.SelectMany(row => row.Labels)];
        var weights = balance == Balance.Buckets ? BalancedBuckets.Weights(labels) : [.. labels.Select(_ => 1.0)];
        var at = 0;
        return [.. rows.Select(row => weights[at..(at += row.Labels.Length)])];
    }
}

/// <summary>Scores of a model in training.</summary>
internal static class VerifierScores
{
    private const int EvaluationBatch = 64;

    /// <summary>Soft-label cross-entropy on Q̂ = c/n (Sec. 4.2, App. D): the mean over all labelled prefixes of weight·(−Q̂·log σ(z) − (1 − Q̂)·log(1 − σ(z))).</summary>
    public static Minibatch Batch(IReadOnlyList<(VerifierRow Row, double[] Weights)> rows, TrainFit fit)
    {
        var labels = rows.Sum(r => r.Weights.Length);
        return new(rows.Sum(r => r.Row.Ids.Length), fit.Accumulate == 1
            ? [model => Loss(model, rows, "mean", fit.Pack)]
            : [.. fit.Parts(rows).Select(part => (Func<DecoderModel, Tensor>)(model => Loss(model, part, "sum", fit.Pack) * (1.0 / labels)))]);
    }

    private static Tensor Loss(DecoderModel model, IReadOnlyList<(VerifierRow Row, double[] Weights)> rows, string reduction, bool pack)
    {
        var scores = Scores(model, [.. rows.Select(r => r.Row)], row => row.Labelled.Select(h => row.ReadAt[h]), pack);
        return functional.binary_cross_entropy_with_logits(scores, Values(rows.SelectMany(r => r.Row.Labels)), Values(rows.SelectMany(r => r.Weights)), reduction);

        Tensor Values(IEnumerable<double> values) => Padded.On(tensor(values.Select(v => (float)v).ToArray()), model);
    }

    /// <summary>The H + 1 raw scores of each row, without gradient.</summary>
    public static double[][] All(DecoderModel model, IReadOnlyList<VerifierRow> rows)
    {
        using var off = no_grad();
        var scores = new double[rows.Count][];
        foreach (var batch in Enumerable.Range(0, rows.Count).OrderBy(r => rows[r].Ids.Length).Chunk(EvaluationBatch))
        {
            using var scope = NewDisposeScope();
            var flat = Scores(model, [.. batch.Select(r => rows[r])], row => row.ReadAt, pack: false).to_array<float>();
            var at = 0;
            foreach (var r in batch) scores[r] = [.. flat[at..(at += rows[r].ReadAt.Length)].Select(z => (double)z)];
        }

        return scores;
    }

    /// <summary>Raw scores at the places of all rows, one row after the other.</summary>
    private static Tensor Scores(DecoderModel model, IReadOnlyList<VerifierRow> rows, Func<VerifierRow, IEnumerable<int>> places, bool pack) =>
        model.scores(Padded.Hidden(model, [.. rows.Select(row => row.Ids)], rows.SelectMany((row, r) => places(row).Select(t => (r, t))), pack)).squeeze(-1).cast(float32);
}
