using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>The verifier by whose values an iteration's steps are rewarded.</summary>
/// <param name="OracleRollouts">Completions that it draws for each prefix; 0 for one that is learned.</param>
/// <param name="LabelRollouts">Traces and completions that labelling for it took at this iteration.</param>
/// <param name="LabelTokens">Their tokens.</param>
/// <param name="TrainedTokens">Tokens that it, or one that was refused, learned from at this iteration, prompts included.</param>
/// <param name="IsNew">It was taken into use at this iteration.</param>
public sealed record RlProver(IVerifier Verifier, int OracleRollouts = 0, long LabelRollouts = 0, long LabelTokens = 0,
    long TrainedTokens = 0, bool IsNew = false);

/// <summary>What RL trains, on what, and by whose values.</summary>
public sealed record RlTask
{
    /// <summary>The policy's name, in labels.</summary>
    public required string Name { get; init; }

    /// <summary>The policy to start from, as a rule after rejection fine-tuning; it stays the reference of the KL penalty.</summary>
    public required Func<DecoderModel> Start { get; init; }

    /// <summary>Where the start's weights are read from; an adapter names it as its base.</summary>
    public string Folder { get; init; } = "";

    public required Tokenizer Tokenizer { get; init; }

    public required PromptTemplate Template { get; init; }

    public required Grader Grader { get; init; }

    /// <summary>At least as many as a batch holds; a pass over them takes each once.</summary>
    public required IReadOnlyList<Problem> Problems { get; init; }

    /// <summary>For an iteration and the policy at its start, whose progress is rewarded; null with outcome rewards only.</summary>
    public Func<int, IPolicy, CancellationToken, Task<RlProver>>? Prover { get; init; }

    /// <summary>Sees the traces of each iteration, one array for each problem, before they are scored.</summary>
    public Action<int, IReadOnlyList<Prefix[]>>? Sampled { get; init; }

    /// <summary>Problems of the measures at intervals; may be empty.</summary>
    public IReadOnlyList<Problem> HeldOut { get; init; } = [];

    /// <summary>Samples of each of them.</summary>
    public int HeldOutSamples { get; init; } = 1;

    /// <summary>Memory and threads of sampling.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>Writes what belongs into a policy's folder besides the weights.</summary>
    public Action<string> SaveBeside { get; init; } = _ => { };
}
