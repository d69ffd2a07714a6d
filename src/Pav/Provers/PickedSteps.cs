namespace Pav;

/// <summary>
/// What a search gains from a prover, without searching: at each (problem, depth) the labelled steps of all states compete as the
/// candidates of a beam do, ranked by the effective reward from noisy values; the Q^π of those picked is counted from completions that the
/// ranking did not see. Two picks: the best step, and as many as there are states. The noise is that of half of the completions (the other
/// half counts), or that of a verifier. BoK is read from a half's counts as the oracle of a search reads it, without bias (<see
/// cref="BestOfK.FromCounts"/>), where every half has K completions; else, and from a verifier's values, by 1 − (1 − Q)^K.
/// </summary>
public sealed class PickedSteps
{
    private const int Splits = 16;
    private readonly ProverLabels labels;
    private readonly double alpha;
    private readonly ulong seed;
    private readonly IReadOnlyList<IReadOnlyList<int>> rounds;

    /// <param name="alpha">Weight of A^μ in the ranking.</param>
    public PickedSteps(ProverLabels labels, double alpha, ulong seed)
    {
        (this.labels, this.alpha, this.seed) = (labels, alpha, seed);
        rounds = [.. Enumerable.Range(0, labels.States.Count).GroupBy(s => (labels.ProblemOf[s], labels.States[s].Steps.Count))
            .Select(g => (IReadOnlyList<int>)[.. g])];
    }

    /// <summary>Rounds with several states: only there can BoK(π) change a ranking, since within a state it is increasing in Q^π.</summary>
    public int SharedRounds => rounds.Count(r => r.Count > 1);

    /// <summary>Values as a state's ranking sees them: V(s), and Q of each step.</summary>
    public readonly record struct Seen(double V, IReadOnlyList<double> Q)
    {
        internal Seen BestOf(int k) => new(BestOfK.FromQ(V, k), [.. Q.Select(q => BestOfK.FromQ(q, k))]);
    }

    private readonly record struct Counts(QEstimate V, IReadOnlyList<QEstimate> Q)
    {
        public Seen Values(Func<QEstimate, double> value) => new(value(V), [.. Q.Select(value)]);
    }

    /// <summary>Ranked with half of π's completions, counted with the other half; averaged over random halves. Null with fewer than two
    /// completions.</summary>
    public (ProblemRatio Best, ProblemRatio Kept)? ByHalves(ProverCandidate? candidate)
    {
        if (labels.Policy.NMc < 2 || labels.States.Any(s => s.N < 2)) return null;
        var tally = new Tally(labels.Problems.Count);
        var provers = candidate is null ? null : Enumerable.Range(0, labels.States.Count).Select(s => labels.Find(candidate, s)).ToList();
        var fewest = provers?.Min(s => s.Next.Where(n => !n.Ended).Select(n => n.N).Append(s.N).Min()) ?? 0;
        if (candidate is { Other: null }) fewest /= 2;
        var others = candidate?.Other is null ? null : provers!.Select(s => BestOf(new(s.V, [.. s.Next.Select(n => n.Q)]))).ToList();
        for (var split = 0; split < Splits; split++)
        {
            var halves = labels.States.Select((s, i) => Halves(s, Seeds.Derive(seed, s.Problem, "half", ((long)i << 8) + split))).ToList();
            Count(tally, s =>
                Rewards(halves[s].Seen.Values(q => q.Value), candidate is null ? null : others?[s] ?? BestOf(halves[s].Seen)), s =>
                halves[s].Count);
        }

        return tally.Ratios;

        // An ended step has one completion, its outcome, which either estimate leaves as it is.
        Seen BestOf(Counts counts) =>
            counts.Values(q => candidate!.K <= Math.Min(fewest, q.N)
            ? BestOfK.FromCounts(q, candidate.K) : BestOfK.FromQ(q.Value, candidate.K));
    }

    /// <summary>Ranked with a verifier's values of π, counted with all completions. Of BoK(π) only: other provers need a verifier of their
    /// own.</summary>
    public (ProblemRatio Best, ProblemRatio Kept)? ByVerifier(ProverCandidate? candidate, IReadOnlyList<Seen> verifier)
    {
        if (candidate?.Other is not null) return null;
        var tally = new Tally(labels.Problems.Count);
        Count(tally, s => Rewards(verifier[s], candidate is null ? null : verifier[s].BestOf(candidate.K)), s =>
            [.. labels.States[s].Next.Select(n => n.Q.Value)]);
        return tally.Ratios;
    }

    private void Count(Tally tally, Func<int, IEnumerable<double>> rewards, Func<int, IReadOnlyList<double>> counted)
    {
        foreach (var round in rounds)
        {
            var ranked = round.SelectMany(s => rewards(s).Zip(counted(s), (reward, value) => (Reward: reward, Value: value)))
                .OrderByDescending(x => x.Reward).ToList();
            var best = ranked.TakeWhile(x => x.Reward == ranked[0].Reward).Average(x => x.Value);
            var last = ranked[Math.Min(round.Count, ranked.Count) - 1].Reward;
            var (above, level) = (ranked.Where(x => x.Reward > last).ToList(), ranked.Where(x => x.Reward == last).ToList());
            var kept = (above.Sum(x => x.Value) + (Math.Min(round.Count, ranked.Count) - above.Count) * level.Average(x => x.Value))
                / Math.Min(round.Count, ranked.Count);
            tally.Add(labels.ProblemOf[round[0]], best, kept);
        }
    }

    /// <summary>The effective reward of a state's steps; no prover means Q alone.</summary>
    private IEnumerable<double> Rewards(Seen policy, Seen? prover) => prover is { } mu
        ? policy.Q.Zip(mu.Q, (pi, q) => EffectiveReward.Compute(pi, q - mu.V, alpha)) : policy.Q;

    /// <summary>A state's counts dealt into two halves: one to be seen, one to count.</summary>
    private static (Counts Seen, double[] Count) Halves(LabelledState state, ulong seed)
    {
        var drawn = 0L;
        (QEstimate Seen, double Count) Half(QEstimate q)
        {
            if (q.N < 2) return (q, q.Value);
            var (half, right, left) = (q.N / 2, 0, q.C);
            for (var i = 0; i < half; i++)
            {
                if (Seeds.Uniform(seed, drawn++) * (q.N - i) >= left) continue;
                right++;
                left--;
            }

            return (new(half, right), (double)left / (q.N - half));
        }

        var v = Half(state.V).Seen;
        var steps = state.Next.Select(n => Half(n.Q)).ToList();
        return (new(v, [.. steps.Select(s => s.Seen)]), [.. steps.Select(s => s.Count)]);
    }

    private sealed class Tally(int problems)
    {
        private readonly double[] best = new double[problems], kept = new double[problems], rounds = new double[problems];

        public void Add(int problem, double bestValue, double keptValue)
        {
            best[problem] += bestValue;
            kept[problem] += keptValue;
            rounds[problem]++;
        }

        public (ProblemRatio, ProblemRatio) Ratios => (new(best, rounds), new(kept, rounds));
    }
}
