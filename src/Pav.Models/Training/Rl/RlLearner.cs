using Pav.Models.Cpu;
using Pav.Models.Decoders;

namespace Pav.Models.Training;

/// <summary>What an update did: means over the batch's generated tokens, and gradient norms before clipping (means over the
/// updates).</summary>
/// <param name="Kl">KL(π‖π₀) at a visited state, over the whole vocabulary.</param>
/// <param name="Clipped">Share of tokens whose ratio was clipped.</param>
internal readonly record struct UpdateStats(double Entropy, double Kl, double ValueLoss, double Norm, double Clipped);

/// <summary>The policy under training, the frozen policy that it started from, and the value function if there is one.</summary>
internal sealed class RlLearner : IDisposable
{
    private const string ValueName = "value";

    private readonly RlOptions options;
    private readonly DecoderModel referenceModel;
    private readonly ITrainer reference;

    public RlLearner(RlOptions options, DecoderModel policy, DecoderModel reference, DecoderModel? value)
    {
        (this.options, Policy, referenceModel, Value) = (options, policy, reference, value);
        this.reference = Trainer.From(reference);
        PolicyTrainer = Trainer.From(policy, new(options.Beta2));
        ValueTrainer = value is null ? null : Trainer.From(value, new(options.Beta2));
    }

    /// <summary>Models and optimizers of the last checkpoint; without one, those that begin from the task's start.</summary>
    public static RlLearner Resume(RlTask task, RlOptions options, Checkpoints checkpoints)
    {
        var (setup, resumed) = (options.Setup, checkpoints.IsResumed);
        var reference = setup.Ready(task.Start());
        setup.CheckWhole(reference, task.Folder);
        var policy = setup.Ready(resumed ? setup.Load(checkpoints.Last) : setup.Adapted(reference.Clone(), task.Folder));
        var value = options.Baseline != RlBaseline.Value ? null
            : setup.Ready(resumed ? setup.Load(checkpoints.Part(ValueName)) : setup.Adapted(reference.WithScoreHead(), task.Folder));
        var learner = new RlLearner(options, policy, reference, value);
        checkpoints.Restore(learner.PolicyTrainer);
        if (learner.ValueTrainer is { } trainer) checkpoints.Restore(trainer, ValueName);
        return learner;
    }

    public void Save(Checkpoints checkpoints, RlPosition position)
    {
        if (Value is null || ValueTrainer is null) checkpoints.SaveLast(position, Policy, PolicyTrainer);
        else checkpoints.SaveLast(position, Policy, PolicyTrainer, (ValueName, Value, ValueTrainer));
    }

    public DecoderModel Policy { get; }

    public DecoderModel? Value { get; }

    public ITrainer PolicyTrainer { get; }

    public ITrainer? ValueTrainer { get; }

    /// <summary>
    /// Minimises −1/N·Σ_i Σ_t Adv_t·log π(a_t|s_t) + Kl·1/N·Σ_i Σ_t KL_t over N episodes; Adv_t = R_h − b of the step h that token t
    /// belongs to. With several updates of one batch
    /// the first term is PPO's min(ρ·Adv, clip(ρ)·Adv) with Adv and the old probabilities taken before the first.
    /// </summary>
    /// <param name="episodes">The batch.</param>
    /// <param name="share">Share of the peak learning rates that the schedule gives.</param>
    /// <param name="iteration">Orders the minibatches.</param>
    public UpdateStats Update(IReadOnlyList<Episode> episodes, double share, long iteration)
    {
        var several = options.Epochs * options.Minibatches > 1;
        var before = several ? Before(episodes) : null;
        var (sums, tokens, norms, updates) = (new PassSums(), 0L, 0.0, 0);
        for (var epoch = 0; epoch < options.Epochs; epoch++)
        {
            var order = episodes.ToArray();
            if (several) LengthBuckets.Shuffle(order, Seeds.Derive(options.Seed, "", $"epoch {epoch}", iteration));
            foreach (var batch in Episode.Parts(order, options.Minibatches))
            {
                sums += Accumulate(batch, before);
                tokens += batch.Sum(e => (long)e.Generated);
                norms += PolicyTrainer.Step(options.Rate * share, options.Clip);
                if (ValueTrainer?.Step(options.ValueRate * share, options.Clip) is { } norm && !double.IsFinite(norm)) norms = norm;
                updates++;
            }
        }

        return new(sums.Entropy / tokens, sums.Kl / tokens, sums.Squares / tokens, norms / updates, sums.Clipped / tokens);
    }

    internal readonly record struct PassSums(double Entropy, double Kl, double Squares, double Clipped)
    {
        public static PassSums operator +(PassSums a, PassSums b) =>
            new(a.Entropy + b.Entropy, a.Kl + b.Kl, a.Squares + b.Squares, a.Clipped + b.Clipped);
    }

    /// <summary>What an episode was worth and how likely it was before the first update of its batch.</summary>
    internal sealed record Prepared(float[] Advantages, float[] LogProbabilities);

    /// <summary>Adds the gradients of a batch, pass by pass.</summary>
    internal PassSums Accumulate(IReadOnlyCollection<Episode> batch, Dictionary<Episode, Prepared>? before = null)
    {
        var (sums, generated) = (new PassSums(), batch.Sum(e => e.Generated));
        foreach (var pass in Episode.Passes(batch, options.PassTokens)) sums += Accumulate(pass, batch.Count, generated, before);
        return sums;
    }

    private PassSums Accumulate(Episode[] pass, int episodes, int generated, Dictionary<Episode, Prepared>? before)
    {
        var (rows, advantages, squares) = (Rows(pass), Credits(pass), 0.0);
        if (ValueTrainer is not null)
        {
            var loss = new SquaredLoss(rows, advantages, 1.0 / generated);
            squares = generated * ValueTrainer.Accumulate(loss);
            advantages = [.. advantages.Zip(loss.Values, (a, v) => a - v)];
        }

        float[]? old = null;
        if (before is not null) (advantages, old) = ([.. pass.SelectMany(e => before[e].Advantages)],
            [.. pass.SelectMany(e => before[e].LogProbabilities)]);
        var policy = new PolicyLoss(rows, new(Targets(pass), advantages, old, reference.Values(rows)), options.Kl, options.ClipRatio,
            1.0 / episodes);
        PolicyTrainer.Accumulate(policy);
        var (entropy, kl, clipped) = policy.Sums;
        return new(entropy, kl, squares, clipped);
    }

    internal Dictionary<Episode, Prepared> Before(IReadOnlyList<Episode> episodes)
    {
        var prepared = new Dictionary<Episode, Prepared>(ReferenceEqualityComparer.Instance);
        foreach (var pass in Episode.Passes(episodes, options.PassTokens))
        {
            var (rows, all) = (Rows(pass), Credits(pass));
            if (ValueTrainer is not null) all = [.. all.Zip(ValueTrainer.Values(rows), (a, v) => a - v)];
            var (log, start) = (PolicyLoss.LogProbabilities(PolicyTrainer.Values(rows), Targets(pass)), 0);
            foreach (var episode in pass)
            {
                prepared[episode] = new(all[start..(start + episode.Generated)], log[start..(start + episode.Generated)]);
                start += episode.Generated;
            }
        }

        return prepared;
    }

    /// <summary>Episodes, read where the generated tokens are predicted.</summary>
    internal static ReadRow[] Rows(Episode[] pass) =>
        [.. pass.Select(e => new ReadRow(e.Ids[..^1], [.. Enumerable.Range(e.Prompt - 1, e.Generated)]))];

    internal static int[] Targets(Episode[] pass) => [.. pass.SelectMany(e => e.Ids.Skip(e.Prompt))];

    /// <summary>R_h − b at each generated token.</summary>
    internal static float[] Credits(Episode[] pass) =>
        [.. pass.SelectMany(e => e.StepOf.Select(h => (float)(e.Returns[h] - e.Baselines[h])))];

    public void Dispose()
    {
        PolicyTrainer.Dispose();
        ValueTrainer?.Dispose();
        reference.Dispose();
        Policy.Dispose();
        referenceModel.Dispose();
        Value?.Dispose();
    }
}
