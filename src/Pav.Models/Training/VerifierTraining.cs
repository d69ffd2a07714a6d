using Pav.Models.Decoders;
using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>What a verifier is trained from.</summary>
/// <param name="Kind">Outcome: P(Rex = 1) at the last token only. Value: Q̂ = c/n at every prefix with n > 0.</param>
/// <param name="Trunk">Folder of the checkpoint that it starts from: a policy or pretrained model, whose score head starts at zero, or a
/// verifier to go on from.</param>
/// <param name="Template">How a problem is put to the verifier; it may differ from the policy's.</param>
/// <param name="Problems">By id: all that the labels name.</param>
/// <param name="Train">Learned from.</param>
/// <param name="Objective">What it learns; null: one head by soft labels.</param>
/// <param name="HeldOut">Of other problems: chooses the best checkpoint (within-problem AUC), calibrates and measures it.</param>
public sealed record VerifierInputs(
    VerifierKind Kind, string Trunk, PromptTemplate Template, IReadOnlyDictionary<string, Problem> Problems,
    IReadOnlyList<LabelledTrace> Train, IReadOnlyList<LabelledTrace> HeldOut, Balance Balance = Balance.Buckets,
    PrefixObjective? Objective = null);

/// <summary>Training of outcome verifiers and of verifiers of Q (App. D): a language model's trunk under a score head, all steps of a trace
/// scored in one pass.</summary>
public static class VerifierTraining
{
    /// <summary>Trains, and measures the best checkpoint when done. Its <c>verifier.json</c> also lies in the folder itself.</summary>
    public static (TrainResult Result, VerifierRecord Record) Run(VerifierInputs inputs, TrainOptions options, string folder,
        Action<TrainProgress>? progress = null, CancellationToken cancel = default, Action<MemoryAccount>? account = null)
    {
        var (tokenizer, train, heldOut) = Rows(inputs);
        var record = Describe(inputs, train);
        var result = TrainingLoop.Run(Task(inputs, train, heldOut, options, tokenizer, record), options, folder, progress, cancel, account);
        if (!result.Finished) return (result, record);

        using var best = options.Setup.Ready(DecoderCheckpoint.Load(result.Best));
        var scores = VerifierScores.All(best, heldOut);
        record = record with
        {
            Calibration = Calibrate(heldOut, scores),
            Measures = VerifierMeasures.From(Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
                inputs.Kind == VerifierKind.Outcome, [.. heldOut.Select(row => row.Trace)], CrossFitted(heldOut, scores)),
        };
        record.Save(result.Best);
        record.Save(folder);
        return (result, record);
    }

    /// <summary>The finished held-out traces as a checkpoint scores them at their ends, raw: their order is what counts.</summary>
    public static IReadOnlyList<Judged> Judge(VerifierInputs inputs, string checkpoint, TrainOptions options)
    {
        var encoding = new VerifierEncoding(Tokenizer.Load(checkpoint), inputs.Template, ends: DecoderCheckpoint.Ends(checkpoint));
        var rows = VerifierRow.FromTraces(inputs.HeldOut, inputs.Problems, encoding, inputs.Kind);
        using var model = options.Setup.Ready(DecoderCheckpoint.Load(checkpoint));
        return Judged(rows, VerifierScores.All(model, rows));
    }

    private static List<Judged> Judged(VerifierRow[] rows, double[][] scores) =>
    [
        .. rows.Select((row, r) => (row.Trace, Q: scores[r][^1])).Where(s => !s.Trace.Unfinished)
            .Select(s => new Judged(s.Trace.Problem, s.Q, s.Trace.Rex == 1)),
    ];

    /// <summary>What training would take, from a few steps that are thrown away.</summary>
    public static TrainCost Estimate(VerifierInputs inputs, TrainOptions options, CancellationToken cancel = default)
    {
        var (tokenizer, train, heldOut) = Rows(inputs);
        return TrainCost.Estimate(Task(inputs, train, heldOut, options, tokenizer, Describe(inputs, train)), options, cancel);
    }

    private static (Tokenizer Tokenizer, VerifierRow[] Train, VerifierRow[] HeldOut) Rows(VerifierInputs inputs)
    {
        var shared = inputs.Train.Select(t => t.Problem).Intersect(inputs.HeldOut.Select(t => t.Problem)).FirstOrDefault();
        if (shared is not null) throw new UserError($"the problem \"{shared}\" is in the training labels and in the held-out ones; a "
            + "verifier must be measured on problems that it has not seen");
        var tokenizer = Tokenizer.Load(inputs.Trunk);
        var encoding = new VerifierEncoding(tokenizer, inputs.Template, ends: DecoderCheckpoint.Ends(inputs.Trunk));
        var train = VerifierRow.FromTraces(inputs.Train, inputs.Problems, encoding, inputs.Kind);
        var heldOut = VerifierRow.FromTraces(inputs.HeldOut, inputs.Problems, encoding, inputs.Kind);
        if (train.Length == 0 || heldOut.Length == 0)
            throw new UserError($"there are labels of {train.Length} training traces and of {heldOut.Length} held-out ones that "
                + $"{(inputs.Kind == VerifierKind.Outcome ? "an outcome" : "a value")} verifier can use; it needs some of both");
        return (tokenizer, train, heldOut);
    }

    /// <summary>Parts a set of labels by problem, as the problem's id decides; about <paramref name="fraction"/> of the problems are held
    /// out.</summary>
    public static (IReadOnlyList<LabelledTrace> Train, IReadOnlyList<LabelledTrace> HeldOut) Part(IEnumerable<LabelledTrace> traces,
        double fraction)
    {
        var parts = traces.ToLookup(trace => Seeds.Uniform(Seeds.Derive(0, trace.Problem, "held-out", 0), 0) < fraction);
        return ([.. parts[false]], [.. parts[true]]);
    }

    private static TrainingTask Task(VerifierInputs inputs, VerifierRow[] train, VerifierRow[] heldOut, TrainOptions options,
        Tokenizer tokenizer, VerifierRecord record)
    {
        var (weights, heldOutWeights) = (VerifierRow.Weights(train, inputs.Balance), VerifierRow.Weights(heldOut, inputs.Balance));
        var batches = new EpochBatches([.. train.Select(row => row.Ids.Length)], options.Batch, options.Seed);
        var objective = inputs.Objective ?? new();
        return new(() => options.Setup.LoadScorer(inputs.Trunk, objective.Heads), Next, Evaluate, folder =>
        {
            tokenizer.Save(folder);
            record.Save(folder);
        }, train.Max(row => row.Ids.Length));

        Minibatch Next(long step) => VerifierScores.Batch([.. batches.At(step).Select(r => (train[r], weights[r]))], objective,
            options.Fitted);

        Evaluation Evaluate(DecoderModel model)
        {
            var scores = VerifierScores.All(model, heldOut);
            var loss = heldOut.SelectMany((row, r) =>
                row.Labels.Select((q, i) => heldOutWeights[r][i] * Platt.CrossEntropy(scores[r][row.Labelled[i]], q))).Average();
            var traces = Judged(heldOut, scores);
            var auc = Auc.WithinProblems(traces).Value;
            return new(double.IsNaN(auc) ? -loss : auc,
                new Dictionary<string, double> { ["loss"] = loss, ["auc_within"] = auc, ["auc_pooled"] = Auc.Pooled(traces) });
        }
    }

    private static ScoreCalibration Calibrate(IEnumerable<VerifierRow> rows, double[][] scores)
    {
        var places = rows.SelectMany((row, r) => row.Labelled.Select((h, i) => (Score: scores[r][h], Label: row.Labels[i]))).ToList();
        return Platt.Fit([.. places.Select(p => p.Score)], [.. places.Select(p => p.Label)]);
    }

    /// <summary>Probabilities by a calibration that was fitted on the other half of the problems, so that its own measures are not
    /// flattered.</summary>
    private static double[][] CrossFitted(VerifierRow[] rows, double[][] scores)
    {
        int[] halves = [.. rows.Select(row => (int)(Seeds.Derive(0, row.Trace.Problem, "calibration", 0) & 1))];
        ScoreCalibration[] fits =
            [.. new[] { 0, 1 }.Select(half =>
            Calibrate(rows.Where((_, r) => halves[r] != half), [.. scores.Where((_, r) => halves[r] != half)]))];
        return [.. scores.Select((values, r) => values.Select(fits[halves[r]].Probability).ToArray())];
    }

    private static VerifierRecord Describe(VerifierInputs inputs, VerifierRow[] train) => new(
        inputs.Kind, string.Join(", ", train.Select(row => row.Trace.Policy).Distinct()),
            string.Join(", ", train.Select(row => row.Trace.Grader).Distinct()), inputs.Template.Text,
        new(train.Select(row => row.Trace.Problem).Distinct().Count(), train.Length, train.Sum(row => row.Labels.Length),
            train.Sum(row => (long)row.Trace.N.Sum())), StepEnd: StepEndOf(inputs), Chat: inputs.Template.Chat,
        Heads: inputs.Objective is { Heads: > 1 and var heads } ? heads : null);

    /// <summary>Where the steps of all labels end.</summary>
    private static string? StepEndOf(VerifierInputs inputs)
    {
        var all = inputs.Train.Concat(inputs.HeldOut).Select(t => t.StepEnd).Distinct().ToList();
        return all.Count == 1 ? all[0] : throw new UserError("the labels' steps end at different places "
            + $"({string.Join("; ", all.Select(StepEnd.Parse))}); a verifier learns from labels with the same --step-end");
    }
}
