using Microsoft.Extensions.AI;

namespace Pav.Extensions.AI;

/// <summary>
/// How a chat client is searched over. What a request's ChatOptions say of temperature, top-k, top-p, tokens and seed goes before it.
/// </summary>
public sealed record GuidedSearchOptions
{
    /// <summary>A method of <see cref="SearchMethods"/> by its id: <c>weighted-vote</c>, <c>best-of-n-q</c>, <c>beam-q</c> …</summary>
    public string Method { get; set; } = SearchMethods.WeightedVote.Id;

    /// <summary>The size of the search: whole answers, or prefixes in a beam; at least 1.</summary>
    public int N { get; set; } = 8;

    /// <summary>
    /// Of Q: a local one, or <see cref="ServedVerifier"/>. Null where the method needs none (<c>majority</c>). It is asked with the user's
    /// last message as the problem.
    /// </summary>
    public IVerifier? Verifier { get; set; }

    /// <summary>Of whole answers; null where the method needs none.</summary>
    public IVerifier? Outcome { get; set; }

    /// <summary>Whose progress methods with <c>-pav</c> reward.</summary>
    public Prover Prover { get; set; } = Prover.BestOf(4);

    /// <summary>Weight of progress, at least 0.</summary>
    public double Alpha { get; set; } = 0.5;

    /// <summary>Finds the answer in a text, for votes.</summary>
    public Grader Grader { get; set; } = Grader.Math;

    /// <summary>Where the steps of an answer end; the same as in the verifier's training.</summary>
    public StepEnd StepEnd { get; set; } = StepEnd.Newline;

    /// <summary>Next steps drawn from each state, at least 1.</summary>
    public int Candidates { get; set; } = 3;

    /// <summary>Temperature, top-k, top-p and most tokens of an answer.</summary>
    public Sampling Sampling { get; set; } = new(MaxTokens: 1024);

    /// <summary>The search's.</summary>
    public ulong Seed { get; set; } = 1;

    /// <summary>
    /// Makes the options of a request into those of one that goes on from a last message of the assistant, as if that had not ended; null
    /// where the provider does no such thing. Methods that draw step by step need it: beams, forests, tree searches, particles. A provider
    /// that does so unasked needs <c>_ => { }</c>; vLLM wants <c>continue_final_message</c> true and <c>add_generation_prompt</c> false, in
    /// these requests and in no other.
    /// </summary>
    public Action<ChatOptions>? Continue { get; set; }

    /// <summary>
    /// Give each draw a seed of its own. A provider without seeds ignores it or refuses it; then set this to false: answers are as good,
    /// and come out otherwise when they are asked for again.
    /// </summary>
    public bool SendSeeds { get; set; } = true;

    /// <summary>Requests to the provider at one time, at least 1.</summary>
    public int Parallel { get; set; } = 16;
}
