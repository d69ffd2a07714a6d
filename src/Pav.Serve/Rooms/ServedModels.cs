using Pav.Models;
using Pav.Models.Engine;
using Pav.Models.Tokenizers;

namespace Pav.Serve.Rooms;

/// <summary>What a server answers with; loaded once.</summary>
/// <param name="Name">What clients call the policy.</param>
/// <param name="Policy">Draws; equal draws give equal answers.</param>
/// <param name="Grader">Reads answers.</param>
/// <param name="Template">How a problem is put to the policy, and where its steps end.</param>
public sealed record ServedModels(string Name, IPolicy Policy, Grader Grader, PromptTemplate Template)
{
    /// <summary>The policy is a model on other servers, which batch for themselves.</summary>
    public bool IsRemote { get; init; }

    /// <summary>The policy's; null where it is not known.</summary>
    public Tokenizer? Tokenizer { get; init; }

    /// <summary>Most tokens of the policy's prompt with its answer; null where it is not known.</summary>
    public int? Context { get; init; }

    /// <summary>Tells how likely the policy finds its tokens; needs its <see cref="Tokenizer"/>. Null where it does not tell.</summary>
    public LogprobSource? Logprobs { get; init; }

    /// <summary>Of Q^π; null where there is none.</summary>
    public IVerifier? Verifier { get; init; }

    /// <summary>Of whole traces; null where there is none.</summary>
    public IVerifier? Outcome { get; init; }

    /// <summary>Provers with a verifier of their own, by name; boK need none.</summary>
    public IReadOnlyDictionary<string, Prover> Provers { get; init; } = new Dictionary<string, Prover>();

    /// <summary>
    /// What a request gets that names no other: α, prover, candidates, sampling; and the seed from which its seed comes.
    /// </summary>
    public SearchOptions Defaults { get; init; } = new();

    /// <summary>When the models were ready.</summary>
    public DateTimeOffset Since { get; init; } = DateTimeOffset.UtcNow;

    /// <summary>The prover of that name: boK with K from 1 to 4096, or one that the server was given; null where there is none.</summary>
    public Prover? FindProver(string name) =>
        Provers.TryGetValue(name, out var known) ? known
        : ProverName.Strength(name) is >= 1 and <= 4096 and var k ? Prover.BestOf(k) : null;

    /// <summary>Tokens of a problem's prompt; where no tokenizer is known, four letters are taken for one.</summary>
    public int PromptTokens(Problem problem) =>
        problem.Written?.Ids is { } ids ? ids.Count
        : Tokenizer is { } known ? Template.PolicyIds(known, problem).Length : (Template.PolicyPrompt(problem).Length + 3) / 4;
}
