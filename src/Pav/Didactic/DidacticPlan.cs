namespace Pav.Didactic;

/// <summary>Which training runs the experiment consists of.</summary>
internal sealed record DidacticPlan
{
    /// <summary>|y*| of the figures that have one length.</summary>
    public required int Length { get; init; }

    /// <summary>The prover's strength in figures that do not vary it.</summary>
    public required double Gamma { get; init; }

    /// <summary>|y*| over which speed is compared.</summary>
    public required IReadOnlyList<int> Lengths { get; init; }

    /// <summary>Those for which outcome reward alone is run too.</summary>
    public required IReadOnlyList<int> OutcomeLengths { get; init; }

    public required IReadOnlyList<double> Gammas { get; init; }

    public required IReadOnlyList<GradientMethod> Methods { get; init; }

    public required IReadOnlyList<StepReward> Rewards { get; init; }

    /// <summary>|y*| at which rewards are compared.</summary>
    public required IReadOnlyList<int> RewardLengths { get; init; }

    /// <summary>|y*| of Pass@N.</summary>
    public required IReadOnlyList<int> PassLengths { get; init; }

    /// <summary>Runs of each setting.</summary>
    public required int Seeds { get; init; }

    /// <summary>Runs of each setting where γ varies.</summary>
    public required int SweepSeeds { get; init; }

    /// <summary>Runs of each setting where rewards vary.</summary>
    public required int RewardSeeds { get; init; }

    /// <summary>Planted sequences over which Pass@N is averaged.</summary>
    public required int Planted { get; init; }

    /// <summary>Of a run with process rewards.</summary>
    public required int Iterations { get; init; }

    /// <summary>Most iterations of a run with outcome reward alone.</summary>
    public required int OutcomeIterations { get; init; }

    /// <summary>Of each Monte Carlo value.</summary>
    public required int Rollouts { get; init; }

    /// <summary>The first seed.</summary>
    public required ulong First { get; init; }

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
    private int OutcomeCap(int length) => length <= 3 ? Math.Min(OutcomeIterations, 400) : length == 4
        ? Math.Min(OutcomeIterations, 1000) : OutcomeIterations;
}
