using System.Text.Json;
using Pav.Models.Files;
using Pav.Models.Decoders;

namespace Pav.Models.Training;

/// <summary>What a resumption needs besides weights and optimizers. Everything random depends on the iteration alone, so the sampler has no other state.</summary>
internal sealed record RlPosition(RlOptions Options, RlRow At, double? BestAccuracy = null, int BestIteration = 0, bool Stopped = false);

/// <summary>The checkpoints of an RL run: <c>last</c> (policy, value function, both optimizers, position) and <c>best</c> (the policy with the best held-out accuracy).</summary>
internal sealed class RlCheckpoints(string folder, RlOptions options, Action<string> saveBeside)
{
    private const string OptimizerName = "optimizer.safetensors", PositionName = "position.json", ValueName = "value";

    public string Last { get; } = Path.Combine(folder, "checkpoints", "last");

    public string Best { get; } = Path.Combine(folder, "checkpoints", "best");

    public (RlLearner Learner, RlPosition At) Resume(Func<DecoderModel> start)
    {
        AtomicFile.RecoverFolder(Last);
        AtomicFile.RecoverFolder(Best);
        var resumed = Directory.Exists(Last);
        var at = resumed ? Json.Read<RlPosition>(Path.Combine(Last, PositionName)) : new(options, new(0));
        if (at.Options != options)
            throw new UserError($"{folder}: holds RL with other settings ({JsonSerializer.Serialize(at.Options, Json.Line)}); resume it with those or choose a new folder");
        var reference = start();
        var learner = new RlLearner(
            options, resumed ? Again(Last) : reference.Clone(), reference,
            options.Baseline != RlBaseline.Value ? null : resumed ? Again(Path.Combine(Last, ValueName)) : reference.WithScoreHead());
        if (resumed)
        {
            learner.PolicyTrainer.Load(Path.Combine(Last, OptimizerName));
            learner.ValueTrainer?.Load(Path.Combine(Last, ValueName, OptimizerName));
        }

        return (learner, at);

        DecoderModel Again(string from)
        {
            var model = DecoderCheckpoint.Load(from);
            model.Native = reference.Native;
            return model;
        }
    }

    public void SaveLast(RlLearner learner, RlPosition at) => AtomicFile.WriteFolder(Last, inside =>
    {
        Policy(learner, inside);
        learner.PolicyTrainer.Save(Path.Combine(inside, OptimizerName));
        if (learner is { Value: { } value, ValueTrainer: { } trainer })
        {
            var own = Path.Combine(inside, ValueName);
            Directory.CreateDirectory(own);
            value.Save(own);
            trainer.Save(Path.Combine(own, OptimizerName));
        }

        AtomicFile.WriteJson(Path.Combine(inside, PositionName), at);
    });

    public void SaveBest(RlLearner learner) => AtomicFile.WriteFolder(Best, inside => Policy(learner, inside));

    private void Policy(RlLearner learner, string inside)
    {
        learner.Policy.Save(inside);
        saveBeside(inside);
    }
}
