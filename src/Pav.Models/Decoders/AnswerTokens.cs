using Pav.Models.Tokenizers;

namespace Pav.Models.Decoders;

/// <summary>
/// The two tokens by which a language model tells whether a step is right: its score is the difference of their logits, whose σ is the
/// softmax between the two.
/// </summary>
/// <param name="Right">Id of the token for a right step.</param>
/// <param name="Wrong">Id of the token for a wrong one.</param>
/// <param name="RightText">What it says, spaces around it aside, where that is to be checked.</param>
/// <param name="WrongText">The same of the other.</param>
public sealed record AnswerTokens(int Right, int Wrong, string? RightText = null, string? WrongText = null)
{
    internal void Check(DecoderConfig config)
    {
        if (config.Head != DecoderHead.CausalLM) throw new UserError("verifier.json names two answer tokens, and the checkpoint has a "
            + "score head and no language model's; leave \"answers\" out");
        if (config.LogitDivisor != 1) throw new UserError("verifier.json names two answer tokens of a model with logits_scaling, "
            + "which this program does not read so; use another verifier");
        if (config.LogitCap is not null) throw new UserError("verifier.json names two answer tokens of a model with "
            + "final_logit_softcapping, which this program does not read so; use another verifier");
        foreach (var id in (int[])[Right, Wrong])
            if (id < 0 || id >= config.VocabSize)
                throw new UserError($"verifier.json: the answer token {id} is outside the model's vocabulary of {config.VocabSize}");
    }

    internal void Check(Tokenizer tokenizer, string folder)
    {
        foreach (var (id, text) in new[] { (Right, RightText), (Wrong, WrongText) })
            if (text is not null && tokenizer.Decode([id], skipSpecial: false, continues: true).Trim() is var found && found != text)
                throw new UserError($"{folder}: the answer token {id} of verifier.json should say \"{text}\", and in this tokenizer it "
                    + $"says \"{found}\"; write this model's own ids under \"answers\"");
    }
}
