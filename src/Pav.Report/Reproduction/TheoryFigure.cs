namespace Pav.Report.Reproduction;

/// <summary>The two terms of Theorem 3.1 for the prover best-of-K, estimated from rollouts before any training.</summary>
internal sealed record ProverTerms(int K, Interval Distinguishability, Interval Alignment)
{
    public double Score => Distinguishability.Value + Alignment.Value;
}

/// <summary>Theorem 3.1 against what happened: a prover's two terms beside the gain that its progress gave the beam.</summary>
internal static class TheoryFigure
{
    public static FigureSummary From(ModelRuns runs, IReadOnlyList<ProverTerms> provers, IReadOnlyList<int> beams, RunSize size)
    {
        const string asks = "Can a prover be chosen before training? Theorem 3.1's terms, distinguishability and alignment, measured "
            + "from rollouts for best-of-K, beside what progress under that prover added to beam search on Q.";
        const string rule = "Reproduced: the rank correlation over K of the terms' sum with the gain is above zero, excluding it; "
            + "partly: the K with the largest sum is among the two of the largest gain, and its gain is above zero, excluding it; else not.";
        var ks = provers.Select(p => p.K).ToHashSet();
        var curves = beams.Select(n => (
            With: Report.Curve.From($"beam of {n}", SearchMethods.BeamByProgress.Id, runs.Runs, r =>
                r.Method == SearchMethods.BeamByProgress.Id && r.N == n && ks.Contains(ProverName.Strength(r.Prover) ?? 0), r =>
                ProverName.Strength(r.Prover) ?? 0),
            Alone: Report.Curve.From("", SearchMethods.BeamByQ.Id, runs.Runs, r => r.Method == SearchMethods.BeamByQ.Id && r.N == n)))
                .Where(c => c is { With: not null, Alone: not null }).Select(c => (With: c.With!, Alone: c.Alone!)).ToList();
        if (curves.Count == 0 || curves[0].With.Points.Count < 3)
            return FigureSummary.NotRun("theory", "Choosing a prover before training", asks,
                "Not run: it needs searches with three provers at least.");
        var order = curves[0].With.Points.Select(p => provers.First(t => t.K == p.N)).ToList();
        double Gain(CrossedSample s, int k) => curves.Average(c => s.Mean(c.With.At(k)!.Correct) - s.Mean(c.Alone.Points[0].Correct));
        var scores = order.Select(p => p.Score).ToList();
        var correlation = curves[0].With.Bootstrapped(s => Correlation.Spearman(scores, [.. order.Select(p => Gain(s, p.K))]));
        var gains = order.Select(p => (p.K, Gain: curves[0].With.Bootstrapped(s => Gain(s, p.K)))).ToList();
        var predicted = order.MaxBy(p => p.Score)!.K;
        var grade = FigureVerdicts.From(correlation.Low > 0, gains.OrderByDescending(g => g.Gain.Value).Take(2)
            .Any(g => g.K == predicted && g.Gain.Low > 0));
        Line Term(string name, string kind, Func<ProverTerms, Interval> select) =>
            new(name, kind, [.. order.Select(p => LinePoint.From(p.K, select(p)))], []);
        return SearchFigures.Sum("theory", "Choosing a prover before training", asks, rule, [grade],
            [
                new("Terms of Theorem 3.1", "K of the prover best-of-K", "term", true, false,
                    [Term("distinguishability", "series-0", p => p.Distinguishability), Term("alignment", "series-1", p => p.Alignment)]),
                new($"What progress added, beams of {string.Join(", ", beams)}", "K of the prover best-of-K",
                    "problems answered, minus the beam on Q", true, false,
                    [new("gain over the beam on Q", SearchMethods.BeamByProgress.Id, [.. gains.Select(g => LinePoint.From(g.K, g.Gain))],
                    [])]),
            ],
            [
                Finding.From("rank correlation over K of the terms' sum with the gain", correlation, ""),
                new("K with the largest sum of terms", predicted, null, null, "", "provers in the middle (Sec. 3.4)"),
                new("K with the largest gain", gains.MaxBy(g => g.Gain.Value).K, null, null, "", "4 (Fig. 5b)"),
            ], size,
            "What rollouts say of provers before training ranks them as search does",
                "The prover that rollouts favour helps, and is among the two best in search",
                "What rollouts say of provers does not rank them as search does, as far as can be told");
    }
}
