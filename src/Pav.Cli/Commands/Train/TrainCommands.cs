using System.Text.Json.Serialization;
using Pav.Arithmetic;
using Pav.Cli.Installation;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Models.Training;

namespace Pav.Cli.Commands.Train;

/// <summary>What a verifier's training came to.</summary>
internal sealed record VerifierResult : TrainResult
{
    public VerifierResult(TrainResult training) : base(training)
    {
    }

    /// <summary>On held-out problems; null where there are none.</summary>
    [JsonPropertyOrder(1), JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public VerifierMeasures? Measures { get; init; }
}

/// <summary>Pretraining, fine-tuning of policies, training of verifiers.</summary>
internal static class TrainCommands
{
    public static CommandSpec Pretrain { get; } = CommandSpec.Create<PretrainSettings, object>(
        "pretrain", "Train a small language model from nothing on texts of the embedded domain: worked, quick and corrected solutions.",
        "pav pretrain --recipe pav-tiny-s --out runs/pav-tiny-s", Output.Folder, RunPretrain);

    public static CommandSpec Sft { get; } = CommandSpec.Create<SftSettings, object>(
        "train sft", "Fine-tune a policy on demonstrations; the checkpoint that solves most held-out problems is kept.",
        "pav train sft --model pav-tiny-s --valid-problems valid.jsonl --out runs/sft", Output.Folder, RunSft);

    public static CommandSpec Rft { get; } = CommandSpec.Create<RftSettings, object>(
        "train rft", "Fine-tune a policy on its own correct traces, as labelling gathered them.",
        "pav train rft --model runs/sft --labels runs/labels --problems train.jsonl --valid-problems valid.jsonl --out runs/rft",
            Output.Folder, RunRft);

    public static CommandSpec Outcome { get; } = CommandSpec.Create<VerifierSettings, object>(
        "train outcome", "Train an outcome verifier: is this complete trace right?",
        "pav train outcome --model pav-tiny-s --labels runs/labels --problems train.jsonl --out runs/outcome", Output.Folder, (s, c) =>
            RunVerifier(s, c, VerifierKind.Outcome));

    public static CommandSpec Verifier { get; } = CommandSpec.Create<VerifierSettings, object>(
        "train verifier", "Train a verifier of Q: after each step, how likely is the policy to end right? Its differences are progress.",
        "pav train verifier --model pav-tiny-s --labels runs/labels --problems train.jsonl --out runs/verifier", Output.Folder, (s, c) =>
            RunVerifier(s, c, VerifierKind.Value));

    private static Task<object> RunPretrain(PretrainSettings settings, CommandContext context)
    {
        if (settings.Lora.LoraRank > 0) throw new UserError("--lora-rank: a model that begins from nothing has no weights to adapt; "
            + "leave it out, or fine-tune with `pav train`");
        var tokenizer = Tokenizer.WordLevel(Corpus.Words);
        if (settings.Hidden % settings.Heads != 0)
            throw new UserError($"--hidden {settings.Hidden} must be a multiple of --heads {settings.Heads}.");
        if (settings.Hidden / settings.Heads % 4 != 0) throw new UserError($"--hidden {settings.Hidden} over --heads {settings.Heads} is "
            + $"a head size of {settings.Hidden / settings.Heads}; it must be a multiple of 4.");
        if (settings.Heads % settings.KvHeads != 0)
            throw new UserError($"--heads {settings.Heads} must be a multiple of --kv-heads {settings.KvHeads}.");
        var config = new DecoderConfig
        {
            VocabSize = tokenizer.Size, HiddenSize = settings.Hidden, IntermediateSize = settings.Intermediate, Layers = settings.Layers,
                Heads = settings.Heads,
            KvHeads = settings.KvHeads, HeadSize = settings.Hidden / settings.Heads, MaxPositions = settings.MaxPositions, NormEps = 1e-5,
                TiedEmbeddings = settings.Tied,
            Eos = tokenizer.Eos is { } eos ? [eos] : [], Pad = tokenizer.Pad,
        };
        context.Reporter.Say($"{config.Parameters:N0} parameters, {tokenizer.Size} words");
        var options = settings.ToOptions();
        var heldOut = Enumerable.Range(0, settings.ValidDocuments).Select(i => Corpus.Document(settings.Seed, i, Split.Valid));
        var task = Pretraining.Task(() => DecoderModel.RandomInit(config, settings.Seed), tokenizer, i =>
            Corpus.Document(settings.Seed, i), heldOut, options);
        return Train("Pretraining", task, settings, context);
    }

    private static Task<object> RunSft(SftSettings settings, CommandContext context)
    {
        _ = settings.ToOptions(); // refuses before anything is read
        if (settings.Quiz && settings.Data != "")
            throw new UserError("--quiz is a kind of embedded homework, and --data gives other demonstrations; leave one out.");
        var folder = Home.Model("--model", settings.Model);
        var template = settings.Data == "" && settings.Prompt is { Template: "", Chat: PromptChoice.ChatOff }
            ? new PromptTemplate(Corpus.QuickTemplate)
            : Checkpoint.Template(settings.Prompt, folder);
        Demonstration[] data = settings.Data == ""
            ? [.. Enumerable.Range(0, settings.Count)
                .Select(i => settings.Quiz ? Guesser.Homework(settings.Seed, i) : Corpus.Homework(settings.Seed, i))
                .Select(h => new Demonstration(h.Prompt, h.Completion))]
            : [.. Demonstrations(settings.Data, template)];
        return FineTune("Fine-tuning", settings, folder, template, data, context);
    }

    private static Task<object> RunRft(RftSettings settings, CommandContext context)
    {
        _ = settings.ToOptions(); // refuses before anything is read
        var folder = Home.Model("--model", settings.Model);
        var template = Checkpoint.Template(settings.Prompt, folder);
        var data = FineTuning.CorrectTraces(settings.Labels.SelectMany(LabelFiles.Read), LabelFiles.Problems(settings.Problems), template,
            settings.PerProblem);
        context.Reporter.Say($"{data.Count:N0} correct traces to learn from");
        return FineTune("Fine-tuning on its own correct traces", settings, folder, template, data, context);
    }

    private static Task<object> FineTune(string title, PolicyTrainingSettings settings, string folder, PromptTemplate template,
        IReadOnlyList<Demonstration> data, CommandContext context)
    {
        // What is taught ends with an end-of-sequence.
        template = template with { TraceStops = TraceStops.None };
        var tokenizer = Tokenizer.Load(folder);
        var grader = Grader.Named(settings.Grader);
        IReadOnlyList<Problem> valid = settings.ValidProblems == ""
            ? [] : [.. Problems.Read(settings.ValidProblems).Take(settings.ValidLimit)];
        double Accuracy(DecoderModel model)
        {
            using var policy = new TransformerPolicy("valid", model, tokenizer, template, Checkpoint.EngineOf(settings));
            var draws = valid.Select(p => new Draw(Prefix.Root(p), Seeds.Derive(settings.Seed, p.Id, "valid", 0))).ToList();
            return policy.Extend(draws, Until.TraceEnd, new Sampling(MaxTokens: settings.MaxTokens)).GetAwaiter().GetResult()
                .Average(grader.Rex);
        }
        var task = FineTuning.Task(() => settings.ToOptions().Load(folder), tokenizer, data, [], settings.ToOptions(), valid.Count == 0
            ? null : Accuracy);
        return Train(title, task with { SaveBeside = inside => { task.SaveBeside(inside); PolicyRecord.From(template).Save(inside); } },
            settings, context);
    }

    private static async Task<object> RunVerifier(VerifierSettings settings, CommandContext context, VerifierKind kind)
    {
        Checkpoint.Threads(settings.Threads);
        var options = settings.ToOptions();
        var folder = Home.Model("--model", settings.Model);
        var labels = settings.Labels.SelectMany(LabelFiles.Read).ToList();
        var (train, heldOut) = settings.ValidLabels.Length > 0
            ? (labels, settings.ValidLabels.SelectMany(LabelFiles.Read).ToList()) : VerifierTraining.Part(labels, settings.HeldOut);
        var inputs = new VerifierInputs(
            kind, folder, Checkpoint.Template(settings.Prompt, folder), LabelFiles.Problems(settings.Problems),
            train, heldOut, settings.Balance == "none" ? Balance.None : Balance.Buckets);
        inputs = inputs with { Objective = settings.Judges.Objective };
        if (kind == VerifierKind.Outcome && settings.Judges.Loss != "soft")
            throw new UserError($"--loss {settings.Judges.Loss} joins the prefixes of a trace, and an outcome verifier has one label "
                + $"for each; use --loss soft.");
        if (settings.DryRun)
            return TrainEstimate.Tell(
                VerifierTraining.Estimate(inputs, options, context.Cancel).Times(settings.Judges.Members), context.Reporter);
        var title = kind == VerifierKind.Outcome ? "Training the outcome verifier" : "Training the Q verifier";
        var (result, record) = settings.Judges.Members == 1 ? await Fit(title, options, context.Run.Path)
            : await FitTogether(title, settings, inputs, Fit, context);
        context.Reporter.Say($"On held-out problems: AUC within problems {Text(record.Measures?.AucWithin)}, pooled "
            + $"{Text(record.Measures?.AucPooled)}, "
            + $"Brier {Text(record.Measures?.Brier)}; best checkpoint at step {result.BestStep:N0} in {result.Best}");
        return new VerifierResult(result) { Measures = record.Measures };

        async Task<(TrainResult, VerifierRecord)> Fit(string title, TrainOptions fitted, string folder)
        {
            var done = await Tracked(title, settings, context, progress =>
                VerifierTraining.Run(inputs, fitted, folder, progress, context.Cancel, account => context.Reporter.Say($"{account}")));
            return done.Result.Finished ? done : throw new OperationCanceledException(context.Cancel);
        }
    }

    /// <summary>Verifiers of several seeds, each in a folder of its own, and the verifier.json that makes one of them.</summary>
    private static async Task<(TrainResult, VerifierRecord)> FitTogether(
        string title, VerifierSettings settings, VerifierInputs inputs, Func<string, TrainOptions, string,
            Task<(TrainResult, VerifierRecord)>> fit, CommandContext context)
    {
        var (members, fitted) = (new List<string>(), new List<(TrainResult Result, VerifierRecord Record)>());
        for (var m = 0; m < settings.Judges.Members; m++)
        {
            var name = $"member-{m + 1}";
            var options = settings.ToOptions();
            fitted.Add(await fit($"{title}, {m + 1} of {settings.Judges.Members}", options with { Seed = options.Seed + (ulong)m },
                context.Run.At(name)));
            members.Add(Path.Combine(name, "checkpoints", "best"));
        }

        var record = fitted[^1].Record with { Members = members, Heads = null, Calibration = null, Measures = null };
        record.Save(context.Run.Path);
        using var together = LoadedVerifier.Open(Checkpoint.NameOf(context.Run.Path), context.Run.Path, Checkpoint.EngineOf(settings));
        var scores = await together.Score([.. inputs.HeldOut.Select(t => t.ToPrefix(inputs.Problems.Find(t.Problem)))], context.Cancel);
        record = record with { Measures = VerifierMeasures.From(together.Name, inputs.Kind == VerifierKind.Outcome, inputs.HeldOut,
            [.. scores.Select(s => s.Q)]) };
        record.Save(context.Run.Path);
        return (fitted[^1].Result with { Best = context.Run.Path }, record);
    }

    private static async Task<object> Train(string title, TrainingTask task, TrainingSettings settings, CommandContext context)
    {
        Checkpoint.Threads(settings.Threads);
        if (settings.DryRun) return TrainEstimate.Tell(TrainCost.Estimate(task, settings.ToOptions(), context.Cancel), context.Reporter);
        var result = await Tracked(title, settings, context, progress =>
            TrainingLoop.Run(task, settings.ToOptions(), context.Run.Path, progress, context.Cancel, account =>
            context.Reporter.Say($"{account}")));
        if (!result.Finished) throw new OperationCanceledException(context.Cancel);
        context.Reporter.Say($"{result.Tokens:N0} tokens; best checkpoint at step {result.BestStep:N0}, held-out score "
            + $"{result.BestScore:0.####}, in {result.Best}");
        return result;
    }

    private static Task<T> Tracked<T>(string title, TrainingSettings settings, CommandContext context,
        Func<Action<TrainProgress>, T> work) =>
        context.Reporter.Track(title, settings.Steps, "steps", tracker =>
            Task.FromResult(work(p => tracker.At(p.Step, $"loss {p.Loss:0.0000}, {p.TokensPerSecond:N0} tokens/s"))));

    private static string Text(double? measure) => measure?.ToString("0.000") ?? "unknown";

    private static IEnumerable<Demonstration> Demonstrations(string file, PromptTemplate template)
    {
        foreach (var row in InputRow.Read(file))
        {
            string Field(params string[] names) => row.FirstOf(names) is { } name
                ? row.Text(name)
                : throw row.Wrong($"no text \"{names[0]}\"; a demonstration has problem and solution (or question and answer, as GSM8K)");
            yield return new(template.Fill(new Problem($"{row.Number}", Field("problem", "question"), "")), Field("solution", "answer"));
        }
    }
}
