namespace Pav;

/// <summary>How the seed traces' prefixes share the budget (Sec. 4.2, App. D).</summary>
public enum LabelStrategy
{
    /// <summary>Every prefix of every seed trace gets the same number of completions.</summary>
    Random,

    /// <summary>
    /// Wrong traces through a state of high value get a second, larger number of completions up to their first pit, and of the prefixes
    /// with completions only those are kept.
    /// The end of every trace, right ones too, stays labelled with its outcome: that is no estimate and costs nothing, and the choice among
    /// finished traces reads Q there.
    /// </summary>
    FirstPit,
}

/// <summary>Options of labelling.</summary>
public sealed record LabelOptions
{
    /// <summary>Seed traces per problem, at least 1.</summary>
    public int NCov { get; init; } = 4;

    /// <summary>Completions per prefix, at least 1.</summary>
    public int NMc { get; init; } = 8;

    public LabelStrategy Strategy { get; init; } = LabelStrategy.Random;

    /// <summary>First pit: a state is of high value if its Q̂ from NMc completions is above this; from 0, below 1.</summary>
    public double HighValue { get; init; } = 0.5;

    /// <summary>First pit: completions of the prefixes that are kept, at least 1.</summary>
    public int NMcPit { get; init; } = 32;

    public ulong Seed { get; init; } = 1;

    /// <summary>Of seed traces and completions, with a temperature above 0.</summary>
    public Sampling Sampling { get; init; } = new();

    /// <summary>Problems whose draws go to the policy together.</summary>
    public int ProblemsPerBatch { get; init; } = 16;

    /// <summary>Most draws in one call, so that progress is seen; changes no label.</summary>
    public int DrawsPerCall { get; init; } = 4096;

    /// <summary>Adaptive allocation: NMc completions are then only the first look; null gives every prefix NMc.</summary>
    public SequentialPlan? Plan { get; init; }

    /// <summary>Index of the first seed trace: a problem can be given more of them later.</summary>
    public int FirstTrace { get; init; }

    /// <summary>Batches under way at the same time, for policies that are waited for; changes no label.</summary>
    public int BatchesAtOnce { get; init; } = 1;

    /// <summary>Where the policy's steps end, as the labels are to tell; null: at newlines.</summary>
    public StepEnd? StepEnd { get; init; }

    /// <summary>Throws a <see cref="UserError"/> that names the first option out of its range.</summary>
    public void Check()
    {
        Positive(NCov, "n_cov");
        Positive(NMc, "n_mc");
        Positive(NMcPit, "n_mc of first pits");
        Positive(ProblemsPerBatch, "problems per batch");
        Positive(DrawsPerCall, "draws per call");
        Positive(BatchesAtOnce, "batches at once");
        Plan?.Check();
        if (Plan is not null && Strategy == LabelStrategy.FirstPit)
            throw new UserError("first pits have an allocation of their own; leave the adaptive one off, or use the strategy random");
        if (!(HighValue is >= 0 and < 1))
            throw new UserError($"the value above which first pits are looked for is {HighValue}; it must be at least 0 and below 1");
        if (Sampling.Temperature <= 0) throw new UserError("labels need a temperature above 0: greedy completions are all the same");
    }

    private static void Positive(int value, string name)
    {
        if (value < 1) throw new UserError($"{name} is {value}; it must be at least 1");
    }
}

/// <summary>How far a labelling run is: problems finished, distinct prefixes counted, tokens generated.</summary>
public readonly record struct LabelProgress(int Problems, int Prefixes, long GeneratedTokens);
