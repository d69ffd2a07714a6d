using System.Text.Json.Serialization;

namespace Pav;

/// <summary>What a verifier is worth on held-out problems (docs/run-folder.md, <c>verifiers</c> of summary.json); null where the labels do
/// not allow a measure.</summary>
public sealed record VerifierMeasures(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("kind")] string Kind,
    [property: JsonPropertyName("auc_within")] double? AucWithin,
    [property: JsonPropertyName("auc_within_low")] double? AucWithinLow,
    [property: JsonPropertyName("auc_within_high")] double? AucWithinHigh,
    [property: JsonPropertyName("auc_pooled")] double? AucPooled,
    [property: JsonPropertyName("brier")] double? Brier,
    [property: JsonPropertyName("ece")] double? Ece,
    [property: JsonPropertyName("rank_within_state")] double? RankWithinState,
    [property: JsonPropertyName("correlation")] double? Correlation,
    [property: JsonPropertyName("reliability")] IReadOnlyList<ReliabilityPoint> Reliability)
{
    /// <summary>
    /// Measures of H + 1 scores for each labelled trace. AUCs are at the last step against Rex; ranks and Pearson correlation over distinct
    /// steps against Q̂; Brier, ECE and reliability against Q̂ over distinct prefixes, or at the last step only for a verifier of outcomes
    /// (<paramref name="outcome"/>).
    /// </summary>
    public static VerifierMeasures From(string name, bool outcome, IReadOnlyList<LabelledTrace> traces, IReadOnlyList<double[]> scores,
        ulong seed = 1)
    {
        var judged = traces.Zip(scores).Where(s => !s.First.Unfinished)
            .Select(s => new Judged(s.First.Problem, s.Second[^1], s.First.Rex == 1)).ToList();
        var within = Auc.WithinProblems(judged, seed);
        var prefixes = traces.Zip(scores, Labelled).SelectMany(p => p).DistinctBy(p => (p.Problem, p.State, p.Step, p.Last)).ToList();
        var steps = prefixes.Where(p => p.Step.Length > 0).ToList();
        var calibrated = outcome ? [.. prefixes.Where(p => p.Last)] : prefixes;
        double[] predicted = [.. calibrated.Select(p => p.Score)], observed = [.. calibrated.Select(p => p.Q)];
        return new(
            name, outcome ? "outcome" : "q", Finite(within.Value), Finite(within.Low), Finite(within.High), Finite(Auc.Pooled(judged)),
            predicted.Length == 0 ? null : Calibration.Brier(predicted, observed),
            predicted.Length == 0 ? null : Calibration.Ece(predicted, observed),
            Finite(Pav.RankWithinState.Compute(steps.GroupBy(p => (p.Problem, p.State))
                .Select(g => g.Select(p => new RankedStep(p.Score, p.Q)).ToList()))),
            Finite(Pav.Correlation.Pearson([.. steps.Select(p => p.Score)], [.. steps.Select(p => p.Q)])),
            Calibration.Reliability(predicted, observed));
    }

    private readonly record struct Prefixed(string Problem, string State, string Step, bool Last, double Score, double Q);

    private static IEnumerable<Prefixed> Labelled(LabelledTrace trace, double[] scores)
    {
        var (state, q) = ("", trace.Q);
        for (var h = 0; h <= trace.Steps.Count; h++)
        {
            var step = h == 0 ? "" : trace.Steps[h - 1];
            if (trace.N[h] > 0) yield return new(trace.Problem, state, step, h == trace.Steps.Count, scores[h], q[h].Value);
            state += step;
        }
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
