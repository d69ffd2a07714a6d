using Pav.Models.Tokenizers;

namespace Pav.Models.Engine;

/// <summary>The steps of a trace that is known as ids, cut where a policy with this tokenizer would have ended them.</summary>
/// <param name="tokenizer">Of the ids.</param>
/// <param name="end">Where steps end.</param>
internal sealed class IdSteps(Tokenizer tokenizer, StepEnd end)
{
    private readonly StepChain chain = new(tokenizer, end);

    /// <summary>
    /// The ended trace after these ids, one node for each step. An end-of-sequence has no text; right after a step's end it is a step of
    /// its own.
    /// </summary>
    public Prefix Append(Prefix prefix, int[] ids) => chain.Append(prefix, ids, eos: false, ended: true);
}
