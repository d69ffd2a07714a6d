namespace Pav;

/// <summary>How well a predictor ranks provers as measured searches do: Spearman's ρ with its interval, over those for which the labels
/// allow it.</summary>
public sealed record PredictorAgreement(string Predictor, int Provers, Interval Spearman);

/// <summary>Accuracy of the beam search with a prover, in [0, 1].</summary>
public sealed record SearchedProver(string Name, double Accuracy, double Low, double High);

/// <summary>
/// Predictions against searches: the accuracies that provers gave at one beam size and α, and for each predictor the rank correlation with
/// them. Intervals from a bootstrap that draws the problems of the search and those of the labels again, independently.
/// </summary>
public sealed record SearchAgreement(int N, double Alpha, int Problems, IReadOnlyList<SearchedProver> Provers,
    IReadOnlyList<PredictorAgreement> Predictors)
{
    public static SearchAgreement From(ProverSearches searches, ProverStudy study, ulong seed)
    {
        var provers = searches.ByProver;
        var problems = provers.Values.Select(p => p.Select(g => g.Key)).Aggregate((a, b) => a.Intersect(b)).Order(StringComparer.Ordinal)
            .ToList();
        var order = provers.Keys.ToList();
        var correct = order.ToDictionary(n => n, n => problems.Select(p => provers[n][p].Average(r => r.Correct)).ToArray());
        var accuracy = order.Select(n => (Name: n, Interval: Bootstrap.Mean(correct[n], seed))).ToList();

        var predictors = study.Measures[order[0]].Keys.Select(k =>
        {
            var known = order.Where(n => study.Measures[n].TryGetValue(k, out var m) && double.IsFinite(m.Value)).ToList();
            var measures = known.Select(n => study.Measures[n][k]).ToList();
            var again = new int[study.Problems];
            var repetition = 0L;
            return new PredictorAgreement(k, known.Count, known.Count < 3
                ? new(double.NaN, double.NaN, double.NaN) : Bootstrap.Interval(problems.Count, drawn =>
            {
                // The first call is the value itself, on the labels as they are.
                var derived = Seeds.Derive(seed, "", "labels", repetition);
                for (var i = 0; i < again.Length; i++) again[i] = repetition == 0 ? i : (int)(Seeds.Uniform(derived, i) * again.Length);
                repetition++;
                return Correlation.Spearman([.. measures.Select(m => m.Over(again))], [.. known.Select(n => Mean(correct[n], drawn))]);
            }, seed));
        }).ToList();
        return new(searches.N, searches.Alpha, problems.Count,
            [.. accuracy.Select(a => new SearchedProver(a.Name, a.Interval.Value, a.Interval.Low, a.Interval.High))], predictors);
    }

    private static double Mean(double[] values, IReadOnlyList<int> indices)
    {
        var sum = 0.0;
        for (var i = 0; i < indices.Count; i++) sum += values[indices[i]];
        return sum / indices.Count;
    }
}
