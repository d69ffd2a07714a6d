using Pav.Models.Decoders;

namespace Pav.Models.Training;

/// <summary>The gradient that an update would follow, nothing applied: of −1/N·Σ_i Σ_t Adv_t·log π(a_t|s_t) over N episodes, without the
/// penalty on KL.</summary>
/// <param name="policy">Ready to learn; its weights stay what they are.</param>
/// <param name="passTokens">Tokens of one forward and backward pass.</param>
internal sealed class PolicyGradient(DecoderModel policy, int passTokens) : IDisposable
{
    private readonly ITrainer trainer = Trainer.From(policy);

    /// <summary>All trained weights' gradients, end to end, in the same order each time.</summary>
    public float[] Compute(IReadOnlyCollection<Episode> batch)
    {
        foreach (var pass in Episode.Passes(batch, passTokens))
        {
            var (targets, advantages) = (RlLearner.Targets(pass), RlLearner.Credits(pass));
            var start = new float[targets.Length * policy.Config.VocabSize];
            trainer.Accumulate(new PolicyLoss(RlLearner.Rows(pass), new(targets, advantages, null, start), 0, 0, 1.0 / batch.Count));
        }

        float[] gradient = [.. trainer.Gradients().OrderBy(w => w.Key, StringComparer.Ordinal).SelectMany(w => w.Value)];
        trainer.Step(0, 1);
        return gradient;
    }

    public void Dispose() => trainer.Dispose();
}
