namespace Pav;

/// <summary>A candidate with its predictors by name (<see cref="ProverStudy"/>), each with an interval from a bootstrap over problems; not
/// a number where the labels do not allow it.</summary>
/// <param name="K">K of best-of-K.</param>
/// <param name="Policy">Whose completions; null for Q alone, which has no prover.</param>
public sealed record ProverRow(string Name, int K, string? Policy, IReadOnlyDictionary<string, Interval> Predictors);

/// <summary>What labels say of candidate provers.</summary>
public sealed record ProverReport(
    string Policy, int Problems, int States, int Steps, int SharedRounds, int NMc, long Rollouts, double Alpha,
    IReadOnlyList<ProverRow> Provers, IReadOnlyList<ProverAdvice> Advice, SearchAgreement? Search);

/// <summary>
/// Judges candidate provers from counts (Sec. 3.4): the two terms of Theorem 3.1, their sum as printed, the signal in Â^μ over its Monte
/// Carlo noise, and the Q^π of the steps that a beam would pick.
/// </summary>
public sealed class ProverStudy
{
    public const string Distinguishability = "distinguishability", Alignment = "alignment", Sum = "sum", SignalToNoise = "signal_to_noise",
        Best = "best_step", Kept = "kept_steps", BestByVerifier = "best_step_by_verifier", KeptByVerifier = "kept_steps_by_verifier";

    /// <summary>The name of the candidate that ranks by Q^π alone.</summary>
    public const string None = "none";

    private readonly ProverLabels labels;
    private readonly double alpha;
    private readonly ulong seed;
    private readonly PickedSteps picks;

    /// <param name="verifier">A verifier's values at each of the labels' states; null without one.</param>
    public ProverStudy(ProverLabels labels, IReadOnlyList<ProverCandidate> candidates, double alpha, ulong seed,
        IReadOnlyList<PickedSteps.Seen>? verifier = null)
    {
        (this.labels, this.alpha, this.seed, Candidates) = (labels, alpha, seed, candidates);
        picks = new(labels, alpha, seed);
        Measures = candidates.ToDictionary(c => c.Name, c => MeasuresOf(c, verifier));
        Measures[None] = Picked(null, verifier).ToDictionary();
    }

    public IReadOnlyList<ProverCandidate> Candidates { get; }

    /// <summary>Problems of the labels.</summary>
    public int Problems => labels.Problems.Count;

    /// <summary>Predictors by candidate and name.</summary>
    public IDictionary<string, Dictionary<string, ProblemRatio>> Measures { get; }

    public ProverReport Report(SearchAgreement? search)
    {
        ProverRow Row(string name, int k, string? policy) =>
            new(name, k, policy, Measures[name].ToDictionary(m => m.Key, m => m.Value.Interval(seed)));
        var advice = new List<ProverAdvice>();
        void Advise(string use, string by, string words, IEnumerable<string> names)
        {
            var measured = names.Where(n => Measures[n].TryGetValue(by, out var m) && double.IsFinite(m.Value))
                .Select(n => (n == None ? "Q alone" : n, Measures[n][by])).ToList();
            if (measured.Count > 1) advice.Add(ProverAdvice.From(use, by, words, measured, labels.Rollouts, seed));
        }

        var names = Candidates.Select(c => c.Name).ToList();
        Advise("search with this verifier", KeptByVerifier, "value of the kept steps", names.Prepend(None));
        Advise("search with Monte Carlo values", Kept, "value of the kept steps", names.Prepend(None));
        Advise("policy gradient", Alignment, "alignment", names);
        return new(
            labels.Policy.Policy, labels.Problems.Count, labels.States.Count, labels.States.Sum(s => s.Next.Count), picks.SharedRounds,
                labels.Policy.NMc, labels.Rollouts, alpha,
            [Row(None, 1, null),
                .. Candidates.Select(c => Row(c.Name, c.K, c.Other is { } o ? labels.Others[o].Policy : labels.Policy.Policy))], advice,
                search);
    }

    private Dictionary<string, ProblemRatio> MeasuresOf(ProverCandidate candidate, IReadOnlyList<PickedSteps.Seen>? verifier)
    {
        double[] Zero() => new double[labels.Problems.Count];
        var (dist, align, noise, weight) = (Zero(), Zero(), Zero(), Zero());
        for (var s = 0; s < labels.States.Count; s++)
        {
            var steps = labels.Estimates(candidate, s);
            var (p, w) = (labels.ProblemOf[s], labels.States[s].Drawn);
            dist[p] += w * Pav.Distinguishability.OfState(steps);
            align[p] += w * Pav.Alignment.OfState(steps);
            noise[p] += w * steps.Sum(a => a.Drawn * a.Noise) / steps.Sum(a => a.Drawn);
            weight[p] += w;
        }

        var measures = new Dictionary<string, ProblemRatio>
        {
            [Distinguishability] = new(dist, weight), [Alignment] = new(align, weight),
                [Sum] = new([.. dist.Zip(align, (d, a) => d + a)], weight), [SignalToNoise] = new(dist, noise),
        };
        foreach (var (name, ratio) in Picked(candidate, verifier)) measures[name] = ratio;
        return measures;
    }

    private IEnumerable<KeyValuePair<string, ProblemRatio>> Picked(ProverCandidate? candidate, IReadOnlyList<PickedSteps.Seen>? verifier)
    {
        if (picks.ByHalves(candidate) is { } halves)
        {
            yield return new(Best, halves.Best);
            yield return new(Kept, halves.Kept);
        }

        if (verifier is null || picks.ByVerifier(candidate, verifier) is not { } scored) yield break;
        yield return new(BestByVerifier, scored.Best);
        yield return new(KeptByVerifier, scored.Kept);
    }
}
