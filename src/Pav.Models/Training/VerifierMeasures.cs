namespace Pav.Models.Training;

/// <summary>
/// What a verifier is worth on held-out problems; null where the data holds no case. AUCs judge complete traces by the score at their last token. Brier, ECE and reliability
/// are of calibrated probabilities against the labels Q̂ on their natural distribution; the calibration is fitted on one half of the problems and measured on the other, both ways.
/// </summary>
/// <param name="CorrelationByStep">Of probability and Q̂, at the problem itself (0) and after each step, where at least <see cref="MinPerStep"/> traces have a label.</param>
public sealed record VerifierMeasures(
    double? AucWithin, double? AucWithinLow, double? AucWithinHigh, double? AucPooled, double? Brier, double? Ece, double? RankWithinState, double? Correlation,
    IReadOnlyList<double?> CorrelationByStep, IReadOnlyList<ReliabilityPoint> Reliability, int HeldOutProblems, int HeldOutTraces)
{
    private const int MinPerStep = 20;

    internal static VerifierMeasures Of(IReadOnlyList<VerifierRow> rows, double[][] scores)
    {
        var traces = Judged(rows, scores);
        var within = Auc.WithinProblems(traces);
        var labels = (from x in rows.Zip(CrossFitted(rows, scores)) from i in Enumerable.Range(0, x.First.Labels.Length) select (Row: x.First, Place: i, P: x.Second[i])).ToList();
        double[] predicted = [.. labels.Select(l => l.P)], observed = [.. labels.Select(l => l.Row.Labels[l.Place])];
        var steps = labels.GroupBy(l => l.Row.Prefix[l.Place]).ToDictionary(g => g.Key, g => g.Count() < MinPerStep ? double.NaN : Pearson(g));
        return new(
            Finite(within.Value), Finite(within.Low), Finite(within.High), Finite(Auc.Pooled(traces)),
            Finite(Calibration.Brier(predicted, observed)), Finite(Calibration.Ece(predicted, observed)), Finite(RankWithinState.Of(States(rows, scores))),
            Finite(Pearson(labels.Where(l => l.Row.Prefix[l.Place] > 0))), [.. Enumerable.Range(0, steps.Keys.Max() + 1).Select(h => Finite(steps.GetValueOrDefault(h, double.NaN)))],
            Calibration.Reliability(predicted, observed), rows.Select(row => row.Trace.Problem).Distinct().Count(), rows.Count);

        static double Pearson(IEnumerable<(VerifierRow Row, int Place, double P)> places)
        {
            var all = places.ToList();
            return Pav.Correlation.Pearson([.. all.Select(l => l.P)], [.. all.Select(l => l.Row.Labels[l.Place])]);
        }
    }

    /// <summary>Complete traces by the score at their last token.</summary>
    internal static IReadOnlyList<Judged> Judged(IReadOnlyList<VerifierRow> rows, double[][] scores) =>
        [.. rows.Zip(scores).Where(x => x.First.Prefix[^1] == x.First.Trace.Steps.Count).Select(x => new Judged(x.First.Trace.Problem, x.Second[^1], x.First.Trace.Rex == 1))];

    /// <summary>Probabilities by a calibration that was fitted on the other half of the problems.</summary>
    private static double[][] CrossFitted(IReadOnlyList<VerifierRow> rows, double[][] scores)
    {
        var halves = rows.Select(row => (int)(Seeds.Of(0, row.Trace.Problem, "calibration", 0) & 1)).ToArray();
        ScoreCalibration[] fits = [.. new[] { 0, 1 }.Select(half => Fit([.. Enumerable.Range(0, rows.Count).Where(r => halves[r] != half)]))];
        return [.. scores.Select((own, r) => own.Select(fits[halves[r]].Probability).ToArray())];

        ScoreCalibration Fit(int[] chosen) => Platt.Fit([.. chosen.SelectMany(r => scores[r])], [.. chosen.SelectMany(r => rows[r].Labels)]);
    }

    /// <summary>Sibling steps: labelled places whose problem and earlier steps are the same.</summary>
    private static IEnumerable<IReadOnlyList<RankedStep>> States(IReadOnlyList<VerifierRow> rows, double[][] scores)
    {
        var steps = from r in Enumerable.Range(0, rows.Count)
                    from i in Enumerable.Range(0, rows[r].Prefix.Length)
                    let h = rows[r].Prefix[i]
                    where h > 0
                    let state = string.Concat(rows[r].Trace.Steps.Take(h - 1))
                    select (State: (rows[r].Trace.Problem, state, h), Step: rows[r].Trace.Steps[h - 1], Ranked: new RankedStep(scores[r][i], rows[r].Labels[i]));
        return steps.GroupBy(s => s.State).Select(siblings => siblings.DistinctBy(s => s.Step).Select(s => s.Ranked).ToList()).Where(state => state.Count > 1);
    }

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
