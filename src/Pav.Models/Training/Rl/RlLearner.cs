using Pav.Models.Decoders;
using Pav.Torch;
using Pav.Torch.Optim;
using static Pav.Torch.torch;

namespace Pav.Models.Training;

/// <summary>What an update did: means over the batch's generated tokens, and gradient norms before clipping (means over the updates).</summary>
/// <param name="Kl">KL(π‖π₀) at a visited state, over the whole vocabulary.</param>
/// <param name="Clipped">Share of tokens whose ratio was clipped.</param>
internal readonly record struct UpdateStats(double Entropy, double Kl, double ValueLoss, double Norm, double Clipped);

/// <summary>The policy under training, the frozen policy that it started from, the value function if there is one, and their optimizers.</summary>
internal sealed class RlLearner : IDisposable
{
    private const string ValueName = "value";

    private readonly RlOptions options;
    private readonly DecoderModel reference;

    public RlLearner(RlOptions options, DecoderModel policy, DecoderModel reference, DecoderModel? value)
    {
        (this.options, Policy, this.reference, Value) = (options, policy, reference, value);
        Optimizer = Adam(policy, options.Rate);
        ValueOptimizer = value is null ? null : Adam(value, options.ValueRate);
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
        checkpoints.Restore(learner.Optimizer);
        if (learner.ValueOptimizer is { } optimizer) checkpoints.Restore(optimizer, ValueName);
        return learner;
    }

    public void Save(Checkpoints checkpoints, RlPosition position)
    {
        if (Value is null || ValueOptimizer is null) checkpoints.SaveLast(position, Policy, Optimizer);
        else checkpoints.SaveLast(position, Policy, Optimizer, (ValueName, Value, ValueOptimizer));
    }

    public DecoderModel Policy { get; }

    public DecoderModel? Value { get; }

    public AdamW Optimizer { get; }

    public AdamW? ValueOptimizer { get; }

    /// <summary>
    /// Minimises −1/N·Σ_i Σ_t Adv_t·log π(a_t|s_t) + Kl·1/N·Σ_i Σ_t KL_t over N episodes; Adv_t = R_h − b of the step h that token t belongs to. With several updates of one batch
    /// the first term is PPO's min(ρ·Adv, clip(ρ)·Adv) with Adv and the old probabilities taken before the first.
    /// </summary>
    /// <param name="episodes">The batch.</param>
    /// <param name="share">Share of the peak learning rates that the schedule gives.</param>
    /// <param name="iteration">Orders the minibatches.</param>
    public UpdateStats Update(IReadOnlyList<Episode> episodes, double share, long iteration)
    {
        Optimizer.lr = options.Rate * share;
        if (ValueOptimizer is not null) ValueOptimizer.lr = options.ValueRate * share;
        var several = options.Epochs * options.Minibatches > 1;
        var before = several ? Before(episodes) : null;
        var (sums, tokens, norms, updates) = (new PassSums(), 0L, 0.0, 0);
        for (var epoch = 0; epoch < options.Epochs; epoch++)
        {
            var order = episodes.ToArray();
            if (several) LengthBuckets.Shuffle(order, Seeds.Of(options.Seed, "", $"epoch {epoch}", iteration));
            foreach (var batch in Episode.Parts(order, options.Minibatches))
            {
                sums += Accumulate(batch, before);
                tokens += batch.Sum(e => (long)e.Generated);
                norms += Gradients.clip_grad_norm_(Policy.Trained.Values, options.Clip);
                Optimizer.step();
                Optimizer.zero_grad();
                if (Value is not null && ValueOptimizer is not null)
                {
                    if (Gradients.clip_grad_norm_(Value.Trained.Values, options.Clip) is var norm && !double.IsFinite(norm)) norms = norm;
                    ValueOptimizer.step();
                    ValueOptimizer.zero_grad();
                }

                updates++;
            }
        }

        return new(sums.Entropy / tokens, sums.Kl / tokens, sums.Squares / tokens, norms / updates, sums.Clipped / tokens);
    }

    internal readonly record struct PassSums(double Entropy, double Kl, double Squares, double Clipped)
    {
        public static PassSums operator +(PassSums a, PassSums b) => new(a.Entropy + b.Entropy, a.Kl + b.Kl, a.Squares + b.Squares, a.Clipped + b.Clipped);
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
        using var scope = NewDisposeScope();
        var tokens = new PassTokens(pass, Policy);
        var (advantages, squares) = (tokens.Of(e => e.StepOf.Select(h => e.Returns[h] - e.Baselines[h])), 0.0);
        if (Value is not null)
        {
            var values = Values(tokens);
            var error = values - advantages;
            var loss = (error * error).sum();
            (loss * (1.0 / generated)).backward();
            squares = loss.item<double>();
            advantages = advantages - values.detach();
        }

        var log = tokens.LogProbabilities(Policy);
        var chosen = log.gather(1, tokens.Targets).squeeze(-1);
        Tensor start;
        using (no_grad()) start = tokens.LogProbabilities(reference);
        var probabilities = log.exp();
        var kl = (probabilities * (log - start)).sum();
        var (gain, clipped) = (advantages * chosen, 0.0);
        if (before is not null)
        {
            advantages = tokens.Of(e => before[e].Advantages.Select(a => (double)a));
            var ratio = (chosen - tokens.Of(e => before[e].LogProbabilities.Select(p => (double)p))).exp();
            var kept = ratio.clamp(1 - options.ClipRatio, 1 + options.ClipRatio);
            gain = (ratio * advantages).minimum(kept * advantages);
            using (no_grad()) clipped = kept.ne(ratio).to(float32).sum().item<double>();
        }

        ((kl * options.Kl - gain.sum()) * (1.0 / episodes)).backward();
        using var off = no_grad();
        return new(-(probabilities * log).sum().item<double>(), kl.item<double>(), squares, clipped);
    }

    internal Dictionary<Episode, Prepared> Before(IReadOnlyList<Episode> episodes)
    {
        using var off = no_grad();
        var prepared = new Dictionary<Episode, Prepared>(ReferenceEqualityComparer.Instance);
        foreach (var pass in Episode.Passes(episodes, options.PassTokens))
        {
            using var scope = NewDisposeScope();
            var tokens = new PassTokens(pass, Policy);
            var advantages = tokens.Of(e => e.StepOf.Select(h => e.Returns[h] - e.Baselines[h]));
            if (Value is not null) advantages = advantages - Values(tokens);
            var (all, log) = (advantages.to_array<float>(), tokens.LogProbabilities(Policy).gather(1, tokens.Targets).squeeze(-1).to_array<float>());
            var at = 0;
            foreach (var episode in pass)
            {
                prepared[episode] = new(all[at..(at + episode.Generated)], log[at..(at + episode.Generated)]);
                at += episode.Generated;
            }
        }

        return prepared;
    }

    private Tensor Values(PassTokens tokens) => Value!.scores(tokens.At(Value.forward(tokens.Inputs))).squeeze(-1);

    private AdamW Adam(DecoderModel model, double rate) => new(model.Trained.Select(p => (p.Key, p.Value)), rate, beta2: options.Beta2, weight_decay: 0);

    public void Dispose()
    {
        Optimizer.Dispose();
        ValueOptimizer?.Dispose();
        Policy.Dispose();
        reference.Dispose();
        Value?.Dispose();
    }
}

/// <summary>The tensors of one pass: episodes side by side, padded on the right, and the places of their generated tokens, one episode after the other.</summary>
internal sealed class PassTokens
{
    private readonly Episode[] episodes;
    private readonly DecoderModel model;
    private readonly Tensor places;

    public PassTokens(Episode[] episodes, DecoderModel model)
    {
        (this.episodes, this.model) = (episodes, model);
        Inputs = Padded.Ids([.. episodes.Select(e => e.Ids[..^1])], model);
        var (length, at) = (Inputs.size(1), 0);
        var (flat, targets) = (new long[episodes.Sum(e => e.Generated)], new long[episodes.Sum(e => e.Generated)]);
        for (var r = 0; r < episodes.Length; r++)
            for (var t = 0; t < episodes[r].Generated; t++, at++)
            {
                flat[at] = r * length + episodes[r].Prompt - 1 + t;
                targets[at] = episodes[r].Ids[episodes[r].Prompt + t];
            }

        places = Padded.On(tensor(flat), model);
        Targets = Padded.On(tensor(targets, targets.Length, 1), model);
    }

    /// <summary>[rows, longest row − 1].</summary>
    public Tensor Inputs { get; }

    /// <summary>The generated ids [tokens, 1].</summary>
    public Tensor Targets { get; }

    /// <summary>Of hidden states [rows, length, hidden] those that predict the generated tokens: [tokens, hidden].</summary>
    public Tensor At(Tensor hidden) => hidden.reshape(-1, hidden.size(2)).index_select(0, places);

    /// <summary>log π at each generated token [tokens, vocabulary].</summary>
    public Tensor LogProbabilities(DecoderModel of) => of.logits(At(of.forward(Inputs))).log_softmax(-1);

    /// <summary>One value per generated token.</summary>
    public Tensor Of(Func<Episode, IEnumerable<double>> values) => Padded.On(tensor([.. episodes.SelectMany(values).Select(v => (float)v)]), model);
}
