using System.Text.Json;
using Pav.Models.Decoders;
using Pav.Models.Files;

namespace Pav.Models.Training;

/// <summary>
/// The checkpoints of a training or of RL: <c>last</c> (models, optimizers and position, to resume from) and <c>best</c> (the model alone).
/// </summary>
/// <param name="folder">Of the run.</param>
/// <param name="saveBeside">Writes what belongs into a model's folder besides the weights.</param>
internal sealed class Checkpoints(string folder, Action<string> saveBeside)
{
    private const string OptimizerName = "optimizer.safetensors", PositionName = "position.json";

    public string Last { get; } = Path.Combine(folder, "checkpoints", "last");

    public string Best { get; } = Path.Combine(folder, "checkpoints", "best");

    /// <summary>Is there a checkpoint to go on from?</summary>
    public bool IsResumed { get; private set; }

    /// <summary>Where to go on: the position of the last checkpoint, which must be of the same options; without one the start.</summary>
    /// <param name="start">With the options now.</param>
    /// <param name="options">Of a position.</param>
    /// <param name="what">What a message calls this.</param>
    public T Resume<T>(T start, Func<T, object> options, string what)
    {
        AtomicFile.RecoverFolder(Last);
        AtomicFile.RecoverFolder(Best);
        IsResumed = Directory.Exists(Last);
        var position = IsResumed ? Json.Read<T>(Path.Combine(Last, PositionName)) : start;
        return options(position).Equals(options(start))
            ? position
            : throw new UserError($"{folder}: holds {what} with other settings "
                + $"({JsonSerializer.Serialize(options(position), Json.Line)}); resume it with those or choose a new folder");
    }

    /// <summary>Folder in <see cref="Last"/> of a model beside the main one, which has no name.</summary>
    public string Part(string name) => Path.Combine(Last, name);

    /// <summary>Where it is resumed, gives the trainer of one of the models its optimizer's state.</summary>
    public void Restore(ITrainer trainer, string part = "")
    {
        if (IsResumed) trainer.Load(Path.Combine(Part(part), OptimizerName));
    }

    /// <param name="position">Where to go on from here.</param>
    /// <param name="model">The main model.</param>
    /// <param name="trainer">Its.</param>
    /// <param name="parts">Models beside it.</param>
    public void SaveLast<T>(T position, DecoderModel model, ITrainer trainer,
        params (string Name, DecoderModel Model, ITrainer Trainer)[] parts) =>
        AtomicFile.WriteFolder(Last, inside =>
        {
            Save(model, inside);
            trainer.Save(Path.Combine(inside, OptimizerName));
            foreach (var part in parts)
            {
                var place = Path.Combine(inside, part.Name);
                part.Model.Save(place);
                part.Trainer.Save(Path.Combine(place, OptimizerName));
            }

            AtomicFile.WriteJson(Path.Combine(inside, PositionName), position);
        });

    public void SaveBest(DecoderModel model) => AtomicFile.WriteFolder(Best, inside => Save(model, inside));

    /// <summary>Keeps a model for good in a folder named after its iteration, in five digits.</summary>
    public void Keep(int iteration, DecoderModel model) => AtomicFile.WriteFolder(KeptIn(folder, iteration), inside => Save(model, inside));

    public static string KeptIn(string run, int iteration) => Path.Combine(run, "checkpoints", $"{iteration:00000}");

    private void Save(DecoderModel model, string inside)
    {
        model.Save(inside);
        saveBeside(inside);
    }
}
