namespace Pav;

/// <summary>How the seed traces' prefixes share the budget (Sec. 4.2, App. D).</summary>
public enum LabelStrategy
{
    /// <summary>Every prefix of every seed trace gets the same number of completions.</summary>
    Random,

    /// <summary>
    /// Wrong traces through a state of high value get a second, larger number of completions up to their first pit, and of the prefixes with completions only those are kept.
    /// The end of every trace, right ones too, stays labelled with its outcome: that is no estimate and costs nothing, and the choice among finished traces reads Q there.
    /// </summary>
    FirstPit,
}

/// <summary>Options of labelling.</summary>
/// <param name="NCov">Seed traces per problem.</param>
/// <param name="NMc">Completions per prefix.</param>
/// <param name="HighValue">First pit: a state is of high value if its Q̂ from NMc completions is above this.</param>
/// <param name="NMcPit">First pit: completions of the prefixes that are kept.</param>
/// <param name="ProblemsPerBatch">Problems whose draws go to the policy together.</param>
/// <param name="DrawsPerCall">Most draws in one call, so that progress is seen; changes no label.</param>
/// <param name="Plan">Adaptive allocation: NMc completions are then only the first look; null gives every prefix NMc.</param>
/// <param name="FirstTrace">Index of the first seed trace: a problem can be given more of them later.</param>
/// <param name="BatchesAtOnce">Batches under way at the same time, for policies that are waited for; changes no label.</param>
/// <param name="StepEnd">Where the policy's steps end, as the labels are to tell; null: at newlines.</param>
public sealed record LabelOptions(
    int NCov = 4,
    int NMc = 8,
    LabelStrategy Strategy = LabelStrategy.Random,
    double HighValue = 0.5,
    int NMcPit = 32,
    ulong Seed = 1,
    Sampling? Sampling = null,
    int ProblemsPerBatch = 16,
    int DrawsPerCall = 4096,
    SequentialPlan? Plan = null,
    int FirstTrace = 0,
    int BatchesAtOnce = 1,
    StepEnd? StepEnd = null)
{
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
        if (Plan is not null && Strategy == LabelStrategy.FirstPit) throw new UserError("first pits have an allocation of their own; leave the adaptive one off, or use the strategy random");
        if (!(HighValue is >= 0 and < 1)) throw new UserError($"the value above which first pits are looked for is {HighValue}; it must be at least 0 and below 1");
        if (Sampling is { Temperature: <= 0 }) throw new UserError("labels need a temperature above 0: greedy completions are all the same");
    }

    private static void Positive(int value, string name)
    {
        if (value < 1) throw new UserError($"{name} is {value}; it must be at least 1");
    }
}

/// <summary>How far a labelling run is: problems finished, distinct prefixes counted, tokens generated.</summary>
public readonly record struct LabelProgress(int Problems, int Prefixes, long GeneratedTokens);
