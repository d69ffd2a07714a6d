using Pav.Models.Cpu;
using Pav.Models.Decoders;

namespace Pav.Models.Training;

/// <summary>How the two buckets of labels, Q̂ &lt; 0.5 and Q̂ ≥ 0.5, are weighed (App. D).</summary>
public enum Balance
{
    /// <summary>Each label counts once.</summary>
    None,

    /// <summary>Each bucket has half of the total weight. All prefixes of a trace are scored in one pass, so instead of being drawn labels
    /// are weighed: see <see cref="BalancedBuckets.Weights"/>.</summary>
    Buckets,
}

/// <summary>A labelled trace as a verifier reads it: its ids, the H + 1 places at which its prefixes are scored, and the prefixes (0 … H)
/// that have a label, with those.</summary>
internal sealed record VerifierRow(LabelledTrace Trace, int[] Ids, int[] ReadAt, int[] Labelled, double[] Labels)
{
    /// <summary>Tokenised once, in the order of the traces; those without a label are left out.</summary>
    public static VerifierRow[] FromTraces(IEnumerable<LabelledTrace> traces, IReadOnlyDictionary<string, Problem> problems,
        VerifierEncoding encoding, VerifierKind kind) =>
    [
        .. traces.AsParallel().AsOrdered().Select(trace =>
        {
            var problem = problems.Find(trace.Problem);
            var (ids, readAt) = encoding.Encode(trace.ToPrefix(problem));
            if (kind == VerifierKind.Outcome)
                return trace.Unfinished ? new VerifierRow(trace, ids, readAt, [], [])
                    : new(trace, ids, readAt, [trace.Steps.Count], [trace.Rex]);
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
    /// <summary>The mean of the objective's loss over all labelled prefixes.</summary>
    public static Minibatch Batch(IReadOnlyList<(VerifierRow Row, double[] Weights)> rows, PrefixObjective objective, TrainFit fit)
    {
        var labels = rows.Sum(r => r.Weights.Length);
        return new(rows.Sum(r => r.Row.Ids.Length), [.. fit.Parts(rows).Select(part => new PrefixLoss(
            [.. part.Select(r => new ReadRow(r.Row.Ids, [.. r.Row.Labelled.Select(h => r.Row.ReadAt[h])]))],
            [.. part.Select(r => Targets(r.Row, r.Weights, objective))], objective, 1.0 / labels))]);
    }

    /// <summary>The H + 1 raw scores of each row, the mean of the heads', without gradient.</summary>
    public static double[][] All(DecoderModel model, IReadOnlyList<VerifierRow> rows)
    {
        var (flat, heads, start) = (Trainer.Values(model, [.. rows.Select(row => new ReadRow(row.Ids, row.ReadAt))]),
            model.Config.Labels, 0);
        double Score(int place) => Enumerable.Range(0, heads).Average(k => (double)flat[place * heads + k]);
        return [.. rows.Select(row =>
        {
            double[] scores = [.. Enumerable.Range(start, row.ReadAt.Length).Select(Score)];
            start += row.ReadAt.Length;
            return scores;
        })];
    }

    private static PrefixTargets Targets(VerifierRow row, double[] weights, PrefixObjective objective)
    {
        bool[] follows = [.. row.Labelled.Select((h, i) => row.Trace.Visited is null && i + 1 < row.Labelled.Length
            && row.Labelled[i + 1] == h + 1)];
        return new(row.Labels, weights, [.. Enumerable.Range(0, objective.Heads).Select(k => objective.Weight(row.Trace.Problem, k))],
            follows);
    }
}
