using Pav.Models.Cpu;
using Pav.Models.Decoders;

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
    public static VerifierRow[] FromTraces(IEnumerable<LabelledTrace> traces, IReadOnlyDictionary<string, Problem> problems, VerifierEncoding encoding, VerifierKind kind) =>
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
        var position = 0;
        return [.. rows.Select(row => weights[position..(position += row.Labels.Length)])];
    }
}

/// <summary>Scores of a model in training.</summary>
internal static class VerifierScores
{
    /// <summary>Soft-label cross-entropy on Q̂ = c/n (Sec. 4.2, App. D): the mean over all labelled prefixes of weight·(−Q̂·log σ(z) − (1 − Q̂)·log(1 − σ(z))).</summary>
    public static Minibatch Batch(IReadOnlyList<(VerifierRow Row, double[] Weights)> rows, TrainFit fit)
    {
        var labels = rows.Sum(r => r.Weights.Length);
        return new(rows.Sum(r => r.Row.Ids.Length), [.. fit.Parts(rows).Select(part => new SoftLabelLoss(
            [.. part.Select(r => new ReadRow(r.Row.Ids, [.. r.Row.Labelled.Select(h => r.Row.ReadAt[h])]))],
            [.. part.SelectMany(r => r.Row.Labels)], [.. part.SelectMany(r => r.Weights)], 1.0 / labels))]);
    }

    /// <summary>The H + 1 raw scores of each row, without gradient.</summary>
    public static double[][] All(DecoderModel model, IReadOnlyList<VerifierRow> rows)
    {
        var (flat, start) = (Trainer.Values(model, [.. rows.Select(row => new ReadRow(row.Ids, row.ReadAt))]), 0);
        return [.. rows.Select(row => flat[start..(start += row.ReadAt.Length)].Select(z => (double)z).ToArray())];
    }
}
