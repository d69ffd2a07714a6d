using Pav.Models.Tokenizers;

namespace Pav.Models;

/// <summary>Which ids end a step, and drawn ids as the steps of a trace.</summary>
internal sealed class StepChain
{
    private readonly Tokenizer tokenizer;
    private readonly bool[] stepEnds;

    /// <param name="tokenizer">Whose ids.</param>
    /// <param name="size">The model's outputs: it may have more than the tokenizer has ids.</param>
    public StepChain(Tokenizer tokenizer, int size = 0)
    {
        this.tokenizer = tokenizer;
        stepEnds = new bool[Math.Max(size, tokenizer.Size)];
        for (var id = 0; id < tokenizer.Size; id++) stepEnds[id] = Steps.EndsStep(tokenizer.Decode([id]));
    }

    public bool EndsStep(int id) => (uint)id < (uint)stepEnds.Length && stepEnds[id];

    /// <summary>One node for each step.</summary>
    /// <param name="prefix">What was continued.</param>
    /// <param name="tokens">What was drawn.</param>
    /// <param name="eos">The last id is an end-of-sequence: it has no text.</param>
    /// <param name="ended">The trace is over after them.</param>
    public Prefix Append(Prefix prefix, int[] tokens, bool eos, bool ended)
    {
        foreach (var range in Steps.OfIds(tokens, EndsStep))
        {
            var last = range.End.Value == tokens.Length;
            var step = tokens[range];
            prefix = prefix.Then(tokenizer.Decode(last && eos ? step[..^1] : step), step, ended && last);
        }

        return prefix;
    }
}
