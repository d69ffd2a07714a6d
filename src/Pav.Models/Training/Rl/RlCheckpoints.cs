using System.Text.Json;
using System.Text.Json.Serialization;
using Pav.Models.Files;
using Pav.Models.Decoders;
using Pav.Torch;
using Pav.Torch.Optim;

namespace Pav.Models.Training;

/// <summary>What a resumption needs besides weights and optimizers. Everything random depends on the iteration alone, so the sampler has no other state.</summary>
/// <param name="Next">The line of the iteration to come: its number, and the counts so far.</param>
internal sealed record RlPosition(
    RlOptions Options, [property: JsonPropertyName("at")] RlRow Next, double? BestAccuracy = null, int BestIteration = 0, bool Stopped = false);

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
            options, resumed ? DecoderCheckpoint.Load(Last) : reference.Clone(), reference,
            options.Baseline != RlBaseline.Value ? null : resumed ? DecoderCheckpoint.Load(Path.Combine(Last, ValueName)) : reference.WithScoreHead());
        if (resumed)
        {
            Restore(learner.Optimizer, Last);
            if (learner.ValueOptimizer is { } optimizer) Restore(optimizer, Path.Combine(Last, ValueName));
        }

        return (learner, at);
    }

    public void SaveLast(RlLearner learner, RlPosition at) => AtomicFile.WriteFolder(Last, inside =>
    {
        Policy(learner, inside);
        SafetensorsFile.Write(Path.Combine(inside, OptimizerName), learner.Optimizer.state_dict());
        if (learner.Value is { } value && learner.ValueOptimizer is { } optimizer)
        {
            var own = Path.Combine(inside, ValueName);
            Directory.CreateDirectory(own);
            value.Save(own);
            SafetensorsFile.Write(Path.Combine(own, OptimizerName), optimizer.state_dict());
        }

        AtomicFile.WriteJson(Path.Combine(inside, PositionName), at);
    });

    public void SaveBest(RlLearner learner) => AtomicFile.WriteFolder(Best, inside => Policy(learner, inside));

    private void Policy(RlLearner learner, string inside)
    {
        learner.Policy.Save(inside);
        saveBeside(inside);
    }

    private static void Restore(AdamW optimizer, string from)
    {
        using var state = new SafetensorsFile(Path.Combine(from, OptimizerName));
        optimizer.load_state_dict(state.Read);
    }
}
