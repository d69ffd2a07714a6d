using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Files;

namespace Pav.Models.Training;

/// <summary>
/// The one loop of all trainings. In its folder it keeps <c>log.jsonl</c>, <c>checkpoints/best</c> and <c>checkpoints/last</c> (weights, optimizer, position). Started on a
/// folder with a checkpoint it goes on from there: log and weights come out as if it had never stopped.
/// </summary>
public static class TrainingLoop
{
    /// <param name="task">What is trained.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Where its files go.</param>
    /// <param name="progress">Called after each step.</param>
    /// <param name="cancel">Stops after the present step; started again, it goes on.</param>
    /// <param name="account">Told before the first step what memory it will take.</param>
    public static TrainResult Run(
        TrainingTask task, TrainOptions options, string folder, Action<TrainProgress>? progress = null, CancellationToken cancel = default, Action<MemoryAccount>? account = null)
    {
        options.Check();
        var checkpoints = new Checkpoints(folder, options, task.SaveBeside);
        var (model, trainer, at) = checkpoints.Resume(task.Start);
        using var _ = model;
        using var __ = trainer;
        account?.Invoke(MemoryAccount.Of(model, options, task));
        JsonLines.Keep<JsonObject>(checkpoints.Log, row => (long)row["step"]! <= at.Step);
        using var log = JsonLines.Append(checkpoints.Log);
        var schedule = new WarmupCosine(options.Rate, options.Warmup, options.Steps);
        var (wall, training, tokensBefore, secondsBefore) = (Stopwatch.StartNew(), new Stopwatch(), at.Tokens, at.Seconds);

        while (at.Step < options.Steps)
        {
            if (cancel.IsCancellationRequested)
            {
                checkpoints.SaveLast(model, trainer, at);
                return Result(finished: false);
            }

            training.Start();
            var (rate, batch) = (schedule.At((int)at.Step), task.Next(at.Step));
            var loss = batch.Parts.Sum(trainer.Accumulate);
            trainer.Step(rate, options.Clip);
            training.Stop();
            var step = at.Step + 1;
            if (!double.IsFinite(loss)) throw new UserError($"the loss became {loss} at step {step}; choose a learning rate below {options.Rate}");
            at = at with { Step = step, Tokens = at.Tokens + batch.Tokens, LossSum = at.LossSum + loss, LossCount = at.LossCount + 1, LastLoss = loss };
            progress?.Invoke(new(step, options.Steps, loss, (at.Tokens - tokensBefore) / training.Elapsed.TotalSeconds));

            var evaluation = task.Evaluate is not null && Due(options.EvaluateEvery) ? task.Evaluate(model) : null;
            at = at with { Seconds = secondsBefore + wall.Elapsed.TotalSeconds };
            if (evaluation is not null || Due(options.LogEvery))
            {
                log.Write(LogRow(at, rate, evaluation));
                at = at with { LossSum = 0, LossCount = 0 };
            }

            if (evaluation is not null && (at.BestStep == 0 || !(evaluation.Score <= at.BestScore)))
            {
                at = at with { BestScore = evaluation.Score, BestStep = step };
                checkpoints.SaveBest(model);
            }

            if (!Due(options.CheckpointEvery)) continue;
            if (step == options.Steps && task.Evaluate is null)
            {
                at = at with { BestStep = step };
                checkpoints.SaveBest(model);
            }

            log.Sync();
            checkpoints.SaveLast(model, trainer, at);

            bool Due(int every) => step % every == 0 || step == options.Steps;
        }

        return Result(finished: true);

        TrainResult Result(bool finished) => new(finished, at.Step, at.LastLoss, at.BestScore, at.BestStep, at.Tokens, at.Seconds, checkpoints.Best);
    }

    private static JsonObject LogRow(Position at, double rate, Evaluation? evaluation)
    {
        var row = new JsonObject
        {
            ["step"] = at.Step, ["loss"] = at.LossSum / at.LossCount, ["rate"] = rate, ["tokens"] = at.Tokens, ["seconds"] = Math.Round(at.Seconds, 3),
        };
        foreach (var (name, value) in evaluation?.Measures ?? new Dictionary<string, double>())
            if (double.IsFinite(value)) row[$"valid_{name}"] = value;
        return row;
    }
}

/// <summary>Everything besides weights and optimizer that a resumption needs. The loss's sum and count are those since the last row of the log.</summary>
internal sealed record Position(TrainOptions Options, long Step = 0, long Tokens = 0, double Seconds = 0, double LossSum = 0, int LossCount = 0, double BestScore = 0, long BestStep = 0, double LastLoss = double.NaN);

/// <summary>The files of a training's folder.</summary>
internal sealed class Checkpoints(string folder, TrainOptions options, Action<string> saveBeside)
{
    private const string OptimizerName = "optimizer.safetensors", PositionName = "position.json";

    private readonly string last = Path.Combine(folder, "checkpoints", "last");

    public string Best { get; } = Path.Combine(folder, "checkpoints", "best");

    public string Log { get; } = Path.Combine(folder, "log.jsonl");

    public (DecoderModel Model, ITrainer Trainer, Position At) Resume(Func<DecoderModel> start)
    {
        AtomicFile.RecoverFolder(last);
        AtomicFile.RecoverFolder(Best);
        var resumed = Directory.Exists(last);
        var at = resumed ? Json.Read<Position>(Path.Combine(last, PositionName)) : new Position(options);
        if (at.Options != options)
            throw new UserError($"{folder}: holds a training with other settings ({JsonSerializer.Serialize(at.Options, Json.Line)}); resume it with those or choose a new folder");
        var model = options.Ready(resumed ? options.Load(last) : start());
        var trainer = Trainer.From(model, new(options.Beta2, options.WeightDecay, options.Fitted.Pack));
        if (resumed) trainer.Load(Path.Combine(last, OptimizerName));
        return (model, trainer, at);
    }

    public void SaveLast(DecoderModel model, ITrainer trainer, Position at) => AtomicFile.WriteFolder(last, inside =>
    {
        Weights(model, inside);
        trainer.Save(Path.Combine(inside, OptimizerName));
        AtomicFile.WriteJson(Path.Combine(inside, PositionName), at);
    });

    public void SaveBest(DecoderModel model) => AtomicFile.WriteFolder(Best, inside => Weights(model, inside));

    private void Weights(DecoderModel model, string inside)
    {
        model.Save(inside);
        saveBeside(inside);
    }
}
