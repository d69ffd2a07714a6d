namespace Pav.Report;

/// <summary>Tokens that RL, and what comes before it, took so far, by what was done with them.</summary>
/// <param name="Generated">By the policy, for its own updates.</param>
/// <param name="Rollouts">By the policy, to count values (of segments, of an oracle) and for the labels of refreshes.</param>
/// <param name="Labels">By the policy, for the labels that a verifier had learned from before RL.</param>
/// <param name="Scored">Read by a verifier, prompts included; what traces of a batch share, once.</param>
/// <param name="Updated">Of the policy's updates, prompts included.</param>
/// <param name="Learned">That verifiers learned from, before RL and in refreshes, prompts included.</param>
internal sealed record RlTokens(double Generated, double Rollouts, double Labels, double Scored, double Updated, double Learned);

/// <summary>
/// One price for all tokens: that of one forward pass of the policy over one token, about 2N FLOP for N parameters. A generated token is
/// one such pass, one that a verifier scores is one of the verifier, one that is learned from is three (forward, and twice that backward),
/// and
/// one of the policy's updates is one more, as the start's probabilities are computed for the KL penalty. Reading a prompt before
/// generating, which traces of one problem share, and what held-out measures take are left out, for all alike. Worked: 100 generated, 300
/// in rollouts, 1000 for labels, 200 scored, 150 updated and 50 learned by a verifier of half the policy's size: 100 + 300 + 1000 + 0.5·200
/// +
/// 4·150 + 0.5·3·50 = 2175.
/// </summary>
/// <param name="VerifierSize">Parameters of the verifier over those of the policy.</param>
internal sealed record TokenWeights(double VerifierSize = 1)
{
    /// <summary>Forward passes for a token that is generated or read; learned from; and learned from beside a reference.</summary>
    public const double Forward = 1, Learning = 3, Updating = Learning + 1;

    public double Total(RlTokens t) => Forward * (t.Generated + t.Rollouts + t.Labels) + VerifierSize * Forward * t.Scored
        + Updating * t.Updated + VerifierSize * Learning * t.Learned;

    public const string Words = "A token counts as forward passes of the policy over one token (2N FLOP for N parameters): generated for "
        + "updates, rollouts or labels 1; scored by a verifier 1; learned from by a verifier 3; of the policy's updates 4 (with the "
        + "start's, for the KL penalty); a verifier's by its size over the policy's. What is read before generating, held-out measures, "
        + "and the runs that chose learning rates and α are not in it.";
}
