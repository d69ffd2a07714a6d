namespace Pav;

/// <summary>How well a predictor ranks provers as measured searches do: Spearman's ρ with its interval, over those for which the labels allow it.</summary>
public sealed record PredictorAgreement(string Predictor, int Provers, Interval Spearman);

/// <summary>Accuracy of the beam search with a prover, in [0, 1].</summary>
public sealed record SearchedProver(string Name, double Accuracy, double Low, double High);

/// <summary>
/// Predictions against searches: the accuracies that provers gave at one beam size and α, and for each predictor the rank correlation with them. Intervals from a bootstrap that draws the problems
/// of the search and those of the labels again, independently.
/// </summary>
public sealed record SearchAgreement(int N, double Alpha, int Problems, IReadOnlyList<SearchedProver> Provers, IReadOnlyList<PredictorAgreement> Predictors)
{
    /// <summary>The beam size and α with the most provers that were judged too (of equals the larger beam). Throws a <see cref="UserError"/> with fewer than three.</summary>
    /// <param name="rows">Of a search.</param>
    /// <param name="nameOf">The candidate that a search's prover is.</param>
    public static SearchAgreement Of(string from, IEnumerable<SearchRow> rows, ProverStudy study, Func<string, string> nameOf, ulong seed)
    {
        var names = study.Candidates.Select(c => c.Name).ToHashSet();
        var settings = rows.Where(r => r.Method == SearchMethods.BeamByProgress.Id && r is { Prover: not null, Alpha: > 0 }).Select(r => (Row: r, Name: nameOf(r.Prover!))).Where(r => names.Contains(r.Name))
            .GroupBy(r => (r.Row.N, Alpha: r.Row.Alpha!.Value)).ToList();
        var best = settings.OrderByDescending(g => g.Select(r => r.Name).Distinct().Count()).ThenByDescending(g => g.Key.N).FirstOrDefault();
        var provers = best?.GroupBy(r => r.Name).ToDictionary(g => g.Key, g => g.Select(r => r.Row).ToLookup(r => r.Problem)) ?? [];
        if (provers.Count < 3)
            throw new UserError($"--search {from}: a rank correlation needs beam-pav with 3 or more of the judged provers at one beam size, and there are {provers.Count}; search with --sweep-provers, or judge more K with more completions.");
        var problems = provers.Values.Select(p => p.Select(g => g.Key)).Aggregate((a, b) => a.Intersect(b)).Order(StringComparer.Ordinal).ToList();
        var order = provers.Keys.ToList();
        var correct = order.ToDictionary(n => n, n => problems.Select(p => provers[n][p].Average(r => r.Correct)).ToArray());
        var accuracy = order.Select(n => (Name: n, Interval: Bootstrap.Mean(correct[n], seed))).ToList();

        var predictors = study.Measures[order[0]].Keys.Select(k =>
        {
            var known = order.Where(n => study.Measures[n].TryGetValue(k, out var m) && double.IsFinite(m.Value)).ToList();
            var measures = known.Select(n => study.Measures[n][k]).ToList();
            var again = new int[study.Problems];
            var repetition = 0L;
            return new PredictorAgreement(k, known.Count, known.Count < 3 ? new(double.NaN, double.NaN, double.NaN) : Bootstrap.Of(problems.Count, drawn =>
            {
                // The first call is the value itself, on the labels as they are.
                var of = Seeds.Derive(seed, "", "labels", repetition);
                for (var i = 0; i < again.Length; i++) again[i] = repetition == 0 ? i : (int)(Seeds.Uniform(of, i) * again.Length);
                repetition++;
                return Correlation.Spearman([.. measures.Select(m => m.Of(again))], [.. known.Select(n => Mean(correct[n], drawn))]);
            }, seed));
        }).ToList();
        return new(best!.Key.N, best.Key.Alpha, problems.Count, [.. accuracy.Select(a => new SearchedProver(a.Name, a.Interval.Value, a.Interval.Low, a.Interval.High))], predictors);
    }

    private static double Mean(double[] values, IReadOnlyList<int> at)
    {
        var sum = 0.0;
        for (var i = 0; i < at.Count; i++) sum += values[at[i]];
        return sum / at.Count;
    }
}
