namespace Pav;

/// <summary>
/// What a search gains from a prover, without searching: at each (problem, depth) the labelled steps of all states compete as the candidates of a beam do, ranked by the effective
/// reward from noisy values; the Q^π of those picked is counted from completions that the ranking did not see. Two picks: the best step, and as many as there are states. The noise is that of half of the
/// completions (the other half counts), or that of a verifier.
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
        rounds = [.. Enumerable.Range(0, labels.States.Count).GroupBy(s => (labels.ProblemOf[s], labels.States[s].Steps.Count)).Select(g => (IReadOnlyList<int>)[.. g])];
    }

    /// <summary>Rounds with several states: only there can BoK(π) change a ranking, since within a state it is increasing in Q^π.</summary>
    public int SharedRounds => rounds.Count(r => r.Count > 1);

    /// <summary>Values as a state's ranking sees them: V(s), and Q of each step.</summary>
    public readonly record struct Seen(double V, IReadOnlyList<double> Q);

    /// <summary>Ranked with half of π's completions, counted with the other half; averaged over random halves. Null with fewer than two completions.</summary>
    public (ProblemRatio Best, ProblemRatio Kept)? ByHalves(ProverCandidate? candidate)
    {
        if (labels.Policy.NMc < 2 || labels.States.Any(s => s.N < 2)) return null;
        var tally = new Tally(labels.Problems.Count);
        for (var split = 0; split < Splits; split++)
        {
            var halves = labels.States.Select((s, i) => Halves(s, Seeds.Of(seed, s.Problem, "half", ((long)i << 8) + split))).ToList();
            Count(candidate, tally, s => halves[s].Seen, s => halves[s].Count);
        }

        return tally.Ratios;
    }

    /// <summary>Ranked with a verifier's values of π, counted with all completions. Of BoK(π) only: other provers need a verifier of their own.</summary>
    public (ProblemRatio Best, ProblemRatio Kept)? ByVerifier(ProverCandidate? candidate, IReadOnlyList<Seen> verifier)
    {
        if (candidate?.Other is not null) return null;
        var tally = new Tally(labels.Problems.Count);
        Count(candidate, tally, s => verifier[s], s => [.. labels.States[s].Next.Select(n => n.Q.Value)]);
        return tally.Ratios;
    }

    private void Count(ProverCandidate? candidate, Tally tally, Func<int, Seen> seen, Func<int, IReadOnlyList<double>> counted)
    {
        foreach (var round in rounds)
        {
            var ranked = round.SelectMany(s => Rewards(candidate, s, seen(s)).Zip(counted(s), (reward, value) => (Reward: reward, Value: value))).OrderByDescending(x => x.Reward).ToList();
            var best = ranked.TakeWhile(x => x.Reward == ranked[0].Reward).Average(x => x.Value);
            var last = ranked[Math.Min(round.Count, ranked.Count) - 1].Reward;
            var (above, level) = (ranked.Where(x => x.Reward > last).ToList(), ranked.Where(x => x.Reward == last).ToList());
            var kept = (above.Sum(x => x.Value) + (Math.Min(round.Count, ranked.Count) - above.Count) * level.Average(x => x.Value)) / Math.Min(round.Count, ranked.Count);
            tally.Add(labels.ProblemOf[round[0]], best, kept);
        }
    }

    /// <summary>The effective reward of a state's steps; no candidate means Q alone.</summary>
    private IEnumerable<double> Rewards(ProverCandidate? candidate, int state, Seen seen)
    {
        if (candidate is null) return seen.Q;
        double Transformed(double q) => BestOfK.FromQ(q, candidate.K);
        var (v, q) = candidate.Other is null ? (seen.V, seen.Q) : (labels.Of(candidate, state).V.Value, [.. labels.Of(candidate, state).Next.Select(n => n.Q.Value)]);
        return seen.Q.Zip(q, (pi, mu) => EffectiveReward.Of(pi, Transformed(mu) - Transformed(v), alpha));
    }

    /// <summary>A state's counts dealt into two halves: one to be seen, one to count.</summary>
    private static (Seen Seen, double[] Count) Halves(LabelledState state, ulong seed)
    {
        var drawn = 0L;
        (double Seen, double Count) Half(QEstimate q)
        {
            if (q.N < 2) return (q.Value, q.Value);
            var (half, right, left) = (q.N / 2, 0, q.C);
            for (var i = 0; i < half; i++)
            {
                if (Seeds.Uniform(seed, drawn++) * (q.N - i) >= left) continue;
                right++;
                left--;
            }

            return ((double)right / half, (double)left / (q.N - half));
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
