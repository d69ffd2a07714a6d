namespace Pav;

/// <summary>What a search or a choice cannot do without.</summary>
[Flags]
public enum Needs
{
    Nothing = 0,

    /// <summary>A verifier of Q^π.</summary>
    Verifier = 1,

    /// <summary>An outcome verifier.</summary>
    Outcome = 2,

    /// <summary>A prover, whose progress is rewarded with weight α.</summary>
    Prover = 4,

    /// <summary>Monte Carlo values in the verifier's place.</summary>
    Oracle = 8,

    /// <summary>What a trace's Q says of its answer, learned on validation problems (<see cref="VoteEvidence"/>).</summary>
    Validation = 16,

    /// <summary>A policy that can stop within a step (<see cref="Sampling.StepTokens"/>).</summary>
    HalfSteps = 32,
}

/// <summary>
/// A way to find traces of a problem: one file, written for one problem as if it were alone (<see cref="Lockstep"/> batches). Options of
/// its own are properties of the record, so that equal searches are run once.
/// </summary>
public abstract record Search
{
    /// <summary>Rank steps by the effective reward Q^π + α·A^μ, not by Q^π alone.</summary>
    public bool ByProgress { get; init; }

    public virtual Needs Needs => ByProgress ? Needs.Verifier | Needs.Prover : Needs.Verifier;

    /// <summary>Does each step of a trace cost several candidates? Sizes are then those of beams, else those of samples.</summary>
    public virtual bool SamplesCandidates => true;

    /// <summary>Trees that share nothing: sizes are those of forests, which cost one run for all of them.</summary>
    public virtual bool IsForest => false;

    /// <summary>
    /// Are steps of different states compared with each other? Where they are not, a prover BoK(π) changes nothing: within a state it
    /// orders steps as Q does.
    /// </summary>
    public virtual bool ComparesStates => true;

    /// <summary>Is this a size that the search can have?</summary>
    public virtual bool Fits(int n) => true;

    /// <summary>Does a run of the largest size answer the smaller sizes too?</summary>
    public virtual bool IsNested => false;

    /// <summary>Searches one problem at each size, ascending; a search that is not nested is given one size at a time.</summary>
    public abstract Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes);
}

/// <summary>A search whose sizes share nothing.</summary>
public abstract record SizedSearch : Search
{
    public sealed override async Task<IReadOnlyList<Found>> Run(SearchSite site, IReadOnlyList<int> sizes) =>
        [await Run(site, sizes.Single())];

    protected abstract Task<Found> Run(SearchSite site, int n);
}
