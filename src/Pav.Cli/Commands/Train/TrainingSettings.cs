using Pav.Cli.Options;
using Pav.Cli.Shared;
using Pav.Models.Decoders;
using Pav.Models.Training;

namespace Pav.Cli.Commands.Train;

/// <summary>Options of every training: AdamW, linear warm-up, cosine decay to zero.</summary>
[Section("Training")]
internal abstract record TrainingSettings : ModelSettings
{
    [Flag("Optimizer steps", Min = 1)]
    public int Steps { get; init; } = 1000;

    [Flag("Rows of a step", Min = 1, Max = 65536)]
    public int Batch { get; init; } = 32;

    [Flag("Peak learning rate", Min = 0, AboveMin = true, Max = 10)]
    public double Rate { get; init; } = 1e-3;

    [WarmupFlag("Steps")]
    public string Warmup { get; init; } = "100";

    [Flag("Weight decay; 0 is Adam", Min = 0, Max = 10)]
    public double WeightDecay { get; init; }

    [Flag("Largest 2-norm of all gradients together", Min = 0, AboveMin = true)]
    public double Clip { get; init; } = 1;

    [Flag("Adam's second decay rate", Min = 0, Max = 0.999999)]
    public double Beta2 { get; init; } = 0.999;

    [Flag("Steps between lines of log.jsonl", Min = 1)]
    public int LogEvery { get; init; } = 10;

    [Flag("Steps between measures on held-out data, by which the best checkpoint is chosen", Min = 1)]
    public int EvaluateEvery { get; init; } = 500;

    [Flag("Steps between checkpoints to resume from", Min = 1)]
    public int CheckpointEvery { get; init; } = 500;

    [OptionGroup]
    public LoraChoice Lora { get; init; } = new();

    [Flag("In libtorch: compute in bfloat16; what is trained stays in float32, what LoRA freezes as it is stored")]
    public bool Bf16 { get; init; }

    [Flag("Keep one layer's activations at a time and compute them again for the gradient: less memory, a third more time")]
    public bool Recompute { get; init; }

    [Flag("Parts into which the rows of a step are cut to fit into memory; their gradients add up", Min = 1, Max = 65536)]
    public int Accumulate { get; init; } = 1;

    [Flag("In libtorch: lay the rows of a step end to end instead of padding them, as the CPU always does")]
    public bool Pack { get; init; }

    [Flag("Try a few steps, say what training would take in time, tokens and memory, and write nothing", Local = true)]
    public bool DryRun { get; init; }

    public override bool OnlyTells => DryRun;

    public TrainOptions ToOptions()
    {
        if (Weights != "stored") throw new UserError($"--weights {Weights} is for models that draw or score, and training computes with "
            + "the weights as they are stored; leave the option out.");
        var fit = new TrainFit(Checkpoint.FitDevice(Device), Bf16, Recompute, Accumulate, Pack);
        return new()
        {
            Steps = Steps, Batch = Batch, Rate = Rate, Warmup = WarmupFlagAttribute.Steps(Warmup, Steps),
            WeightDecay = WeightDecay, Clip = Clip, Beta2 = Beta2, LogEvery = LogEvery,
            EvaluateEvery = EvaluateEvery, CheckpointEvery = CheckpointEvery, Seed = Seed, Lora = Lora.Chosen,
            Fit = fit == new TrainFit() ? null : fit,
        };
    }
}

internal abstract record PolicyTrainingSettings : TrainingSettings
{
    [Flag("Model to start from: a checkpoint folder, a training run, or an embedded model (pav-tiny-s)", Required = true, Input = true)]
    public string Model { get; init; } = "";

    [OptionGroup]
    public PromptChoice Prompt { get; init; } = new();

    [Flag("Held-out problems; the checkpoint that solves most of them by one sample each is the best", Input = true)]
    public string ValidProblems { get; init; } = "";

    [Flag("Only the first so many held-out problems", Min = 1)]
    public int ValidLimit { get; init; } = 200;

    [Flag("Most tokens of a sampled trace", Min = 1)]
    public int MaxTokens { get; init; } = 256;

    [GraderFlag]
    public string Grader { get; init; } = "numeric";
}

internal sealed record SftSettings : PolicyTrainingSettings
{
    [Flag("Demonstrations: JSON lines with problem and solution; none takes the embedded homework", Input = true)]
    public string Data { get; init; } = "";

    [Flag("How many pieces of embedded homework", Min = 1)]
    public int Count { get; init; } = 5000;

    [Flag("The embedded homework is that of quizzes, in which some guess (docs/embedded-problems.md)")]
    public bool Quiz { get; init; }
}

internal sealed record RftSettings : PolicyTrainingSettings
{
    [Flag("Labels of the policy: folders of 'label' runs or labels.jsonl files; its correct traces are learned from", Required = true,
        Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("The problems that were labelled", Required = true, Input = true)]
    public string[] Problems { get; init; } = [];

    [Flag("Most traces of one problem; 0 takes all", Min = 0)]
    public int PerProblem { get; init; }
}

internal sealed record VerifierSettings : TrainingSettings
{
    [Flag("Model to start from: a checkpoint folder, a training run, or an embedded model (pav-tiny-s)", Required = true, Input = true)]
    public string Model { get; init; } = "";

    [Flag("Labels to learn from: folders of 'label' runs or labels.jsonl files", Required = true, Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("Labels of other problems, for choosing, calibrating and measuring; none parts off --held-out of --labels", Input = true)]
    public string[] ValidLabels { get; init; } = [];

    [Flag("Share of the problems that is held out where no --valid-labels are given", Min = 0.01, Max = 0.9)]
    public double HeldOut { get; init; } = 0.1;

    [Flag("The problems that were labelled, in all label files", Required = true, Input = true)]
    public string[] Problems { get; init; } = [];

    [OptionGroup]
    public PromptChoice Prompt { get; init; } = new();

    [Flag("Weights of labels: Q below and from 0.5 in equal parts, or each label alike", Choices = "buckets|none")]
    public string Balance { get; init; } = "buckets";

    [OptionGroup]
    public JudgeChoice Judges { get; init; } = new();
}

internal sealed record PretrainSettings : TrainingSettings
{
    [Flag("Layers", Min = 1, Max = 256)]
    public int Layers { get; init; } = 4;

    [Flag("Hidden size", Min = 4, Max = 16384)]
    public int Hidden { get; init; } = 96;

    [Flag("Inner size of the feed-forward part", Min = 4, Max = 65536)]
    public int Intermediate { get; init; } = 256;

    [Flag("Attention heads", Min = 1, Max = 256)]
    public int Heads { get; init; } = 4;

    [Flag("Key-value heads", Min = 1, Max = 256)]
    public int KvHeads { get; init; } = 4;

    [Flag("Output head shares the embedding's weights")]
    public bool Tied { get; init; }

    [Flag("Longest sequence in tokens", Min = 8, Max = 1048576)]
    public int MaxPositions { get; init; } = 256;

    [Flag("Held-out documents whose loss is measured", Min = 1)]
    public int ValidDocuments { get; init; } = 500;
}
