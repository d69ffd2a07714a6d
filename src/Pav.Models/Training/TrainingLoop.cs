using System.Diagnostics;
using System.Text.Json.Nodes;
using Pav.Models.Decoders;
using Pav.Models.Files;

namespace Pav.Models.Training;

/// <summary>
/// The one loop of all trainings. In its folder it keeps <c>log.jsonl</c>, <c>checkpoints/best</c> and <c>checkpoints/last</c> (weights,
/// optimizer, position). Started on a
/// folder with a checkpoint it goes on from there: log and weights come out as if it had never stopped.
/// </summary>
public static class TrainingLoop
{
    private const string LogName = "log.jsonl";

    /// <param name="task">What is trained.</param>
    /// <param name="options">How.</param>
    /// <param name="folder">Where its files go.</param>
    /// <param name="progress">Called after each step.</param>
    /// <param name="cancel">Stops after the present step; started again, it goes on.</param>
    /// <param name="account">Told before the first step what memory it will take.</param>
    public static TrainResult Run(
        TrainingTask task, TrainOptions options, string folder, Action<TrainProgress>? progress = null, CancellationToken cancel = default,
            Action<MemoryAccount>? account = null)
    {
        options.Check();
        var checkpoints = new Checkpoints(folder, task.SaveBeside);
        var reached = checkpoints.Resume(new Position(options), position => position.Options.Learned, "a training");
        using var model = options.Setup.Ready(checkpoints.IsResumed ? options.Load(checkpoints.Last) : task.Start());
        using var trainer = Trainer.From(model, new(options.Beta2, options.WeightDecay, options.Fitted.Pack));
        checkpoints.Restore(trainer);
        account?.Invoke(MemoryAccount.Estimate(model, options, task));
        var logFile = Path.Combine(folder, LogName);
        JsonLines.Keep<JsonObject>(logFile, row => (long)row["step"]! <= reached.Step);
        using var log = JsonLines.Append(logFile);
        var schedule = new WarmupCosine(options.Rate, options.Warmup, options.Steps);
        var (wall, training, tokensBefore, secondsBefore) = (Stopwatch.StartNew(), new Stopwatch(), reached.Tokens, reached.Seconds);

        while (reached.Step < options.Steps)
        {
            if (cancel.IsCancellationRequested)
            {
                checkpoints.SaveLast(reached, model, trainer);
                return Result(finished: false);
            }

            training.Start();
            var (rate, batch) = (schedule.At((int)reached.Step), task.Next(reached.Step));
            var loss = batch.Parts.Sum(trainer.Accumulate);
            trainer.Step(rate, options.Clip);
            training.Stop();
            var step = reached.Step + 1;
            if (!double.IsFinite(loss))
                throw new UserError($"the loss became {loss} at step {step}; choose a learning rate below {options.Rate}");
            reached = reached with { Step = step, Tokens = reached.Tokens + batch.Tokens, LossSum = reached.LossSum + loss,
                LossCount = reached.LossCount + 1,
                LastLoss = loss };
            progress?.Invoke(new(step, options.Steps, loss, (reached.Tokens - tokensBefore) / training.Elapsed.TotalSeconds));

            var evaluation = task.Evaluate is not null && Due(options.EvaluateEvery) ? task.Evaluate(model) : null;
            reached = reached with { Seconds = secondsBefore + wall.Elapsed.TotalSeconds };
            if (evaluation is not null || Due(options.LogEvery))
            {
                log.Write(LogRow(reached, rate, evaluation));
                reached = reached with { LossSum = 0, LossCount = 0 };
            }

            if (evaluation is not null && (reached.BestStep == 0 || !(evaluation.Score <= reached.BestScore)))
            {
                reached = reached with { BestScore = evaluation.Score, BestStep = step };
                checkpoints.SaveBest(model);
            }

            if (!Due(options.CheckpointEvery)) continue;
            if (step == options.Steps && task.Evaluate is null)
            {
                reached = reached with { BestStep = step };
                checkpoints.SaveBest(model);
            }

            log.Sync();
            checkpoints.SaveLast(reached, model, trainer);

            bool Due(int every) => step % every == 0 || step == options.Steps;
        }

        return Result(finished: true);

        TrainResult Result(bool finished) =>
            new(finished, reached.Step, reached.LastLoss, reached.BestScore, reached.BestStep, reached.Tokens, reached.Seconds,
            checkpoints.Best);
    }

    private static JsonObject LogRow(Position reached, double rate, Evaluation? evaluation)
    {
        var row = new JsonObject
        {
            ["step"] = reached.Step, ["loss"] = reached.LossSum / reached.LossCount, ["rate"] = rate, ["tokens"] = reached.Tokens,
                ["seconds"] = Math.Round(reached.Seconds, 3),
        };
        foreach (var (name, value) in evaluation?.Measures ?? new Dictionary<string, double>())
            if (double.IsFinite(value)) row[$"valid_{name}"] = value;
        return row;
    }
}

/// <summary>Everything besides weights and optimizer that a resumption needs. The loss's sum and count are those since the last row of the
/// log.</summary>
internal sealed record Position(TrainOptions Options, long Step = 0, long Tokens = 0, double Seconds = 0, double LossSum = 0,
    int LossCount = 0, double BestScore = 0, long BestStep = 0, double LastLoss = double.NaN);
