using Pav.Models.Cpu;
using static Pav.Torch.torch;
using Tensor = Pav.Torch.Tensor;

namespace Pav.Models.Training;

/// <summary>What a verifier learns from the labels of a trace's prefixes.</summary>
public enum PrefixLossKind
{
    /// <summary>Cross-entropy on the soft label Q̂ (Sec. 4.2, App. D).</summary>
    Soft,

    /// <summary>And that of two prefixes of a trace the better one scores higher by a margin (after PQM, arXiv 2410.11287).</summary>
    Rank,

    /// <summary>And that a prefix is worth what the verifier says of the next one: TD targets, on traces that the policy wrote by
    /// itself.</summary>
    Td,
}

/// <summary>
/// A verifier's objective. At prefix i with score z, label q and weight w its loss is w·CE(z, t), where CE(z, t) = −t·log σ(z) − (1 −
/// t)·log(1 − σ(z)).
/// Soft: t = q. Rank: (1 − Share) of that, and Share of the mean over the trace's pairs i, j with q_i > q_j of softplus(Margin·(q_i −
/// q_j) − (z_i − z_j)),
/// weighted by q_i − q_j, once for each of its labels. Td: t = (1 − Share)·q + Share·σ(z of the next prefix), held fixed; q at the last
/// one and on
/// visited traces, whose steps are not the policy's. With several heads each problem counts in each head as often as a bootstrap draws it.
/// </summary>
/// <param name="Kind">Of the three.</param>
/// <param name="Share">Of what is beside the soft labels, 0 to 1.</param>
/// <param name="Margin">Of Rank, at least 0, in units of score.</param>
/// <param name="Heads">Score heads on one trunk, at least 1.</param>
public sealed record PrefixObjective(PrefixLossKind Kind = PrefixLossKind.Soft, double Share = 0.5, double Margin = 4, int Heads = 1)
{
    /// <summary>How often a problem counts in a head: 1 with one head, else Poisson(1).</summary>
    public double Weight(string problem, int head)
    {
        if (Heads == 1) return 1;
        var (u, count, p) = (Seeds.Uniform(Seeds.Derive(0, problem, "head", head), 0), 0, Math.Exp(-1));
        for (var sum = p; u > sum && count < 20; sum += p) p /= ++count;
        return count;
    }
}

/// <summary>What is known of a row's labelled places, which are those that are read.</summary>
/// <param name="Labels">Q̂ of each.</param>
/// <param name="Weights">Of each.</param>
/// <param name="HeadWeights">Of the row in each head.</param>
/// <param name="Follows">Does the next labelled place stand for the very next prefix of a trace by the policy?</param>
internal sealed record PrefixTargets(double[] Labels, double[] Weights, double[] HeadWeights, bool[] Follows);

/// <summary>factor·Σ over rows and heads of a <see cref="PrefixObjective"/>, heads averaged.</summary>
internal sealed class PrefixLoss : RowLoss
{
    private readonly PrefixTargets[] targets;
    private readonly PrefixObjective objective;
    private readonly double factor;
    private readonly int[] firstPlace, rowOf;
    private readonly float[] gradients;
    private readonly double[] losses;

    public PrefixLoss(IReadOnlyList<ReadRow> rows, PrefixTargets[] targets, PrefixObjective objective, double factor)
        : base(rows)
    {
        (this.targets, this.objective, this.factor) = (targets, objective, factor);
        firstPlace = new int[targets.Length + 1];
        for (var r = 0; r < targets.Length; r++) firstPlace[r + 1] = firstPlace[r] + targets[r].Labels.Length;
        rowOf = [.. targets.SelectMany((t, r) => t.Labels.Select(_ => r))];
        (gradients, losses) = (new float[rowOf.Length * Heads], new double[rowOf.Length]);
    }

    internal override RowValues? Before => (firstPlaceOfPart, values) =>
    {
        var places = values.Length / Heads;
        for (var place = firstPlaceOfPart; place < firstPlaceOfPart + places; place = firstPlace[rowOf[place] + 1])
        {
            var (row, count) = (rowOf[place], targets[rowOf[place]].Labels.Length);
            Row(row, values.Slice((place - firstPlaceOfPart) * Heads, count * Heads), gradients.AsSpan(place * Heads, count * Heads),
                losses.AsSpan(place, count));
        }
    };

    private int Heads => objective.Heads;

    internal override double At(int place, ReadOnlySpan<float> values, Span<float> gradient)
    {
        gradients.AsSpan(place * Heads, Heads).CopyTo(gradient);
        return losses[place];
    }

    /// <summary>Losses and gradients of one row's places.</summary>
    private void Row(int row, ReadOnlySpan<float> values, Span<float> gradient, Span<double> loss)
    {
        var t = targets[row];
        gradient.Clear();
        loss.Clear();
        var ranked = objective.Kind == PrefixLossKind.Rank;
        for (var k = 0; k < Heads; k++)
        {
            var scale = factor * t.HeadWeights[k] / Heads;
            for (var i = 0; i < t.Labels.Length; i++)
            {
                var next = objective.Kind == PrefixLossKind.Td && t.Follows[i] ? values[(i + 1) * Heads + k] : (float?)null;
                var (z, target, w) = ((double)values[i * Heads + k], Target(t.Labels[i], next),
                    scale * t.Weights[i] * (ranked ? 1 - objective.Share : 1));
                loss[i] += w * Platt.CrossEntropy(z, target);
                gradient[i * Heads + k] += (float)(w * (Platt.Sigmoid(z) - target));
            }

            if (!ranked) continue;
            foreach (var (better, worse, weight) in Pairs(t.Labels))
            {
                var margin = objective.Margin * (t.Labels[better] - t.Labels[worse]);
                var ahead = values[better * Heads + k] - values[worse * Heads + k] - margin;
                loss[better] += scale * weight * Platt.CrossEntropy(ahead, 1);
                var slope = (float)(scale * weight * (Platt.Sigmoid(ahead) - 1));
                gradient[better * Heads + k] += slope;
                gradient[worse * Heads + k] -= slope;
            }
        }
    }

    private double Target(double label, float? next) =>
        next is { } z ? (1 - objective.Share) * label + objective.Share * Platt.Sigmoid(z) : label;

    /// <summary>The pairs of a row's places with unequal labels; their weights add up to Share for each place.</summary>
    private IEnumerable<(int Better, int Worse, double Weight)> Pairs(double[] labels)
    {
        var pairs = labels.Index().SelectMany(better => labels.Index().Where(worse => better.Item > worse.Item)
            .Select(worse => (Better: better.Index, Worse: worse.Index, Above: better.Item - worse.Item))).ToList();
        var sum = pairs.Sum(p => p.Above);
        return pairs.Select(p => (p.Better, p.Worse, objective.Share * labels.Length * p.Above / sum));
    }

    internal override Tensor Sum(Tensor values)
    {
        var current = objective.Kind == PrefixLossKind.Td ? values.detach().to_array<float>() : [];
        Tensor? total = null;
        for (var k = 0; k < Heads; k++)
        {
            var head = k;
            var z = values.index_select(1, On(values, tensor([(long)k]))).squeeze(-1);
            var rows = targets.Index().ToList();
            var labels = rows.SelectMany(r => r.Item.Labels.Select((q, i) =>
                Target(q, objective.Kind == PrefixLossKind.Td && r.Item.Follows[i]
                ? current[(firstPlace[r.Index] + i + 1) * Heads + head] : null)));
            var share = objective.Kind == PrefixLossKind.Rank ? 1 - objective.Share : 1;
            Add(Entropy(z, labels, rows.SelectMany(r => r.Item.Weights.Select(w => share * w * r.Item.HeadWeights[head]))));
            if (objective.Kind != PrefixLossKind.Rank) continue;
            var pairs = rows.SelectMany(r => Pairs(r.Item.Labels).Select(p =>
                (Better: firstPlace[r.Index] + p.Better, Worse: firstPlace[r.Index] + p.Worse,
                Weight: p.Weight * r.Item.HeadWeights[head], Above: r.Item.Labels[p.Better] - r.Item.Labels[p.Worse]))).ToList();
            if (pairs.Count == 0) continue;
            Tensor Picked(IEnumerable<int> places) => z.index_select(0, On(values, tensor([.. places.Select(p => (long)p)])));
            var ahead = Picked(pairs.Select(p => p.Better)) - Picked(pairs.Select(p => p.Worse)) - On(values,
                pairs.Select(p => objective.Margin * p.Above));
            Add(Entropy(ahead, pairs.Select(_ => 1.0), pairs.Select(p => p.Weight)));
        }

        return total! * (factor / Heads);

        void Add(Tensor part) => total = total is null ? part : total + part;
        Tensor Entropy(Tensor logits, IEnumerable<double> labels, IEnumerable<double> weights) =>
            Pav.Torch.functional.binary_cross_entropy_with_logits(logits, On(values, labels), On(values, weights), "sum");
    }
}
