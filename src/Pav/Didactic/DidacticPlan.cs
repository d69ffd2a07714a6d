namespace Pav.Didactic;

/// <summary>Which training runs the experiment consists of.</summary>
/// <param name="Length">|y*| of the figures that have one length.</param>
/// <param name="Gamma">The prover's strength in figures that do not vary it.</param>
/// <param name="Lengths">|y*| over which speed is compared.</param>
/// <param name="OutcomeLengths">Those for which outcome reward alone is run too.</param>
/// <param name="Seeds">Runs of each setting; <paramref name="SweepSeeds"/> where γ varies, <paramref name="RewardSeeds"/> where rewards do.</param>
/// <param name="Planted">Planted sequences over which Pass@N is averaged.</param>
/// <param name="Iterations">Of a run with process rewards.</param>
/// <param name="OutcomeIterations">Most iterations of a run with outcome reward alone.</param>
/// <param name="Rollouts">Of each Monte Carlo value.</param>
/// <param name="First">The first seed.</param>
public sealed record DidacticPlan(
    int Length, double Gamma, IReadOnlyList<int> Lengths, IReadOnlyList<int> OutcomeLengths, IReadOnlyList<double> Gammas, IReadOnlyList<GradientMethod> Methods,
    IReadOnlyList<StepReward> Rewards, IReadOnlyList<int> RewardLengths, IReadOnlyList<int> PassLengths, int Seeds, int SweepSeeds, int RewardSeeds, int Planted,
    int Iterations, int OutcomeIterations, int Rollouts, ulong First)
{
    /// <summary>Every run once, the longest first so that the last ones to end are short.</summary>
    public IReadOnlyList<PlantedRun> Runs() =>
        [.. Accuracy().Concat(Strength()).Concat(ByReward()).Concat(Pass())
            .GroupBy(r => r.Kind()).Select(g => g.MaxBy(r => r.Iterations)!)
            .OrderByDescending(r => r.Iterations).ThenBy(r => r.Length).ThenBy(r => r.Seed)];

    /// <summary>Fig. 3a, and the same over |y*|.</summary>
    private IEnumerable<PlantedRun> Accuracy() =>
        from length in Lengths.Append(Length).Distinct()
        from seed in Range(Seeds)
        from reward in new[] { StepReward.AMuAllActions, StepReward.Outcome }
        where reward != StepReward.Outcome || OutcomeLengths.Contains(length)
        select Run(length, reward, seed, reward == StepReward.Outcome ? OutcomeCap(length) : Iterations);

    /// <summary>Fig. 3b.</summary>
    private IEnumerable<PlantedRun> Strength() =>
        from method in Methods
        from rollouts in method == GradientMethod.Adam && Rollouts > 0 ? new[] { 0, Rollouts } : [0]
        from gamma in Gammas
        from seed in Range(SweepSeeds)
        select Run(Length, StepReward.AMuAllActions, seed, Iterations) with { Method = method, Rollouts = rollouts, Gamma = gamma };

    /// <summary>Fig. 9, App. G: what may stand in A^μ's place.</summary>
    private IEnumerable<PlantedRun> ByReward() =>
        from length in RewardLengths
        from reward in Rewards
        where reward != StepReward.APi || length == RewardLengths.Min()
        from seed in Range(RewardSeeds)
        select Run(length, reward, seed, Iterations);

    /// <summary>Fig. 3c.</summary>
    private IEnumerable<PlantedRun> Pass() =>
        from length in PassLengths
        from seed in Range(Planted)
        from reward in new[] { StepReward.AMuAllActions, StepReward.Outcome }
        select Run(length, reward, seed, PlantedRow.Hundred);

    private IEnumerable<ulong> Range(int seeds) => Enumerable.Range(0, seeds).Select(i => First + (ulong)i);

    private PlantedRun Run(int length, StepReward reward, ulong seed, int iterations) =>
        new(length, reward, PlantedRun.HasProver(reward) ? Gamma : null, GradientMethod.Adam, 0, seed, iterations);

    /// <summary>Short targets are found soon: there it would be the same plateau for thousands of iterations.</summary>
    private int OutcomeCap(int length) => length <= 3 ? Math.Min(OutcomeIterations, 400) : length == 4 ? Math.Min(OutcomeIterations, 1000) : OutcomeIterations;
}
