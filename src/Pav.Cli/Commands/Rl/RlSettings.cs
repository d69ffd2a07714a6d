using System.Globalization;
using Pav.Cli.Options;
using Pav.Cli.Shared;
using Pav.Models.Training;

namespace Pav.Cli.Commands.Rl;

internal sealed record RlSettings : ModelSettings
{
    private const string Tries = "tries";

    [Flag("Policy to start from, as a rule after 'train rft': a checkpoint folder, a training run, or an embedded model", Required = true,
        Input = true)]
    public string Policy { get; init; } = "";

    [OptionGroup]
    public PromptChoice Prompt { get; init; } = new();

    [OptionGroup]
    public EndChoice Ends { get; init; } = new();

    [Flag("Training problems: JSON lines with problem and answer, Parquet, Arrow, or a data set's folder", Required = true, Input = true)]
    public string Problems { get; init; } = "";

    [OptionGroup]
    public ProblemChoice Rows { get; init; } = new();

    [GraderFlag]
    public string Grader { get; init; } = "numeric";

    [Flag("orm: the outcome; pav, pqv: besides it alpha times progress A, or Q (which fails: App. G); grpo: the outcome normalised in its "
        + "group; lambda_grpo: shared prefixes weighed once; vineppo, spo: progress under the present policy itself, by rollouts",
        Choices = "orm|pav|pqv|grpo|lambda_grpo|vineppo|spo")]
    public string Reward { get; init; } = "pav";

    [Flag("Which step rewards a step is credited with: its own, or all from it on; auto is own, and to_go for pqv",
        Choices = "auto|own|to_go")]
    public string Credit { get; init; } = "auto";

    [Flag("Step rewards of pav: plain; normalised over the batch; only in silent_groups, whose outcomes are equal; papo: normalised among "
        + "right traces, outcomes too; progrs: about their mean among wrong ones; vppo: 1 before a wrong trace's first error",
        Choices = "plain|normalised|silent_groups|papo|progrs|vppo")]
    public string Process { get; init; } = "plain";

    [Flag("Weight of the step rewards, 0 to 1000; auto fits it to their scale in the first batches; tries runs RL with each of "
        + "--alpha-grid first and takes the best on --valid-problems")]
    public string Alpha { get; init; } = AutoNumber.Auto;

    [Flag("How alpha depends on the problem: the same for all; value: times 1 - V(x) under the prover, all that a trace can gain",
        Choices = "same|value")]
    public string AlphaBy { get; init; } = "same";

    [Flag("Alphas that --alpha tries runs with", Min = 0, Max = 1000)]
    public double[] AlphaGrid { get; init; } = [0.1, 0.3, 1];

    [Flag("Iterations of RL with each of them; 0: as many as --iterations, since what wins early may be fooling the verifier later",
        Min = 0)]
    public int AlphaIterations { get; init; }

    [Flag("What alpha is multiplied by where progress rises while right answers fall, 0 to 1; 1 only warns; auto is 0.5 with --alpha auto, "
        + "else 1")]
    public string GuardAlpha { get; init; } = AutoNumber.Auto;

    [Flag("Q verifier whose progress is rewarded (a 'train verifier' run or a checkpoint); rewards other than pav and pqv it only watches",
        Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("The prover is best-of-K of the verifier's policy (or of --prover-policy)", Min = 1, Max = 4096)]
    public int BestOf { get; init; } = 4;

    [Flag("In the place of --best-of several provers boK (bo2,bo8), the mean of whose progress is rewarded")]
    public string[] Prover { get; init; } = [];

    [Flag("Instead of a verifier, values by so many completions of --prover-policy from every step's end; 0 is off", Min = 0, Max = 4096)]
    public int OracleRollouts { get; init; }

    [Flag("Policy of --oracle-rollouts (default: --policy, frozen)", Input = true)]
    public string ProverPolicy { get; init; } = "";

    [Flag("What is subtracted from returns (of orm, pav, pqv): a value function by token, the problem's other samples (RLOO), or nothing",
        Choices = "value|leave_one_out|none")]
    public string Baseline { get; init; } = "value";

    [OptionGroup]
    public RlOptions Rl { get; init; } = new();

    [WarmupFlag("Iterations")]
    public string Warmup { get; init; } = "10%";

    [OptionGroup]
    public LoraChoice Lora { get; init; } = new();

    [Flag("Held-out problems measured at intervals; the best policy on them is kept as checkpoints/best", Input = true)]
    public string ValidProblems { get; init; } = "";

    [Flag("Only the first so many of them", Min = 1)]
    public int ValidLimit { get; init; } = 200;

    [Flag("Samples of each of them", Min = 1, Max = 4096)]
    public int ValidSamples { get; init; } = 4;

    [Flag("Problems on which the last policy is measured at the end, as 'evaluate' does", Input = true, AtEnd = true)]
    public string TestProblems { get; init; } = "";

    [Flag("Samples of each of them", Min = 1, Max = 65536, AtEnd = true)]
    public int TestSamples { get; init; } = 128;

    [Flag("An 'evaluate' run of the start on these problems: those that none of its samples solved are the hard set", Input = true,
        AtEnd = true)]
    public string Hard { get; init; } = "";

    [Flag("Also search the hard set with beams of these sizes on Q of --verifier", Min = 1, Max = 4096, AtEnd = true)]
    public int[] HardBeam { get; init; } = [];

    [Flag("Iterations between refreshes of the verifier by fresh labels of the present policy; 0 keeps it", Min = 0)]
    public int Refresh { get; init; }

    [Flag("A refresh's labels: drawn anew, or the traces that RL sampled since the last one, with completions of the steps of right ones; "
        + "sampled ones need no --verifier: until they have taught one, no step is progress", Choices = "drawn|sampled")]
    public string RefreshLabels { get; init; } = "drawn";

    [Flag("Problems that a refresh labels; of sampled labels, at most so many that have completions", Min = 4, Max = 65536)]
    public int RefreshProblems { get; init; } = 64;

    [Flag("Seed traces of each", Min = 1, Max = 4096)]
    public int RefreshNCov { get; init; } = 2;

    [Flag("Completions from the end of every step; 0, where labels are sampled: none", Min = 0, Max = 4096)]
    public int RefreshNMc { get; init; } = 1;

    [Flag("Steps of a refresh's fine-tuning; a verifier that begins takes twice as many", Min = 1)]
    public int RefreshSteps { get; init; } = 30;

    [Flag("Its peak learning rate", Min = 0, AboveMin = true, Max = 10)]
    public double RefreshRate { get; init; } = 1e-4;

    [Flag("Model whose trunk the first verifier of sampled labels takes over, as --model of 'train verifier' (default: --policy)",
        Input = true)]
    public string RefreshModel { get; init; } = "";

    [Flag("How problems are put to that verifier, as --template (default: as to the policy)")]
    public string RefreshTemplate { get; init; } = "";

    [Flag("Do a few iterations, say what all would take in time, tokens and memory, and write nothing", Local = true)]
    public bool DryRun { get; init; }

    public override bool OnlyTells => DryRun;

    /// <summary>Are steps rewarded by a prover's values?</summary>
    public bool RewardsSteps => Reward is "pav" or "pqv";

    /// <summary>Does the verifier learn from the traces that RL samples?</summary>
    public bool LearnsFromSamples => RefreshLabels == "sampled";

    /// <summary>K of each prover.</summary>
    public int[] Strengths => Prover.Length == 0 ? [BestOf]
        : [.. Prover.Select(name => ProverName.Strength(name) is >= 1 and <= 4096 and var k ? k
            : throw new UserError($"--prover names '{name}', but must name provers boK with K from 1 to 4096."))];

    /// <summary>Is alpha chosen by runs of its own?</summary>
    public bool TriesAlphas => Alpha == Tries;

    /// <summary>The number that --alpha gives; null for auto and tries.</summary>
    public double? FixedAlpha => AutoNumber.Parse("--alpha", Alpha, 1000, Tries);

    /// <summary>The factor of --guard-alpha, which auto leaves to --alpha.</summary>
    public double GuardFactor => AutoNumber.Parse("--guard-alpha", GuardAlpha, 1) ?? (Alpha == AutoNumber.Auto ? 0.5 : 1);

    /// <param name="alpha">Null: matched to the step rewards, where there are any.</param>
    public RlOptions ToOptions(double? alpha)
    {
        var reward = Reward switch { "pav" => DenseReward.Progress, "pqv" => DenseReward.Q, _ => DenseReward.None };
        var outcome = Reward switch
        {
            "grpo" => OutcomeCredit.Group, "lambda_grpo" => OutcomeCredit.SharedPrefixes, "vineppo" or "spo" => OutcomeCredit.Segments,
            _ => Process == "papo" ? OutcomeCredit.Group : OutcomeCredit.Plain,
        };
        return Rl with
        {
            Reward = reward,
            Outcome = outcome,
            Process = Process switch
            {
                "normalised" => ProcessRule.Normalised, "silent_groups" => ProcessRule.SilentGroups, "papo" => ProcessRule.AmongRight,
                "progrs" => ProcessRule.CentredWrong, "vppo" => ProcessRule.BeforeError, _ => ProcessRule.Plain,
            },
            SegmentSteps = Reward == "vineppo" ? 1 : Rl.SegmentSteps,
            Credit = Credit == "to_go" || Credit == "auto" && reward == DenseReward.Q ? Pav.Credit.ToGo : Pav.Credit.Own,
            Alpha = alpha ?? Rl.Alpha,
            MatchAlpha = alpha is null && reward != DenseReward.None,
            GuardAlpha = reward == DenseReward.None ? 1 : GuardFactor,
            AlphaBy = AlphaBy == "value" ? AlphaRule.Value : AlphaRule.Same,
            Baseline = (outcome, Baseline) switch
            {
                (OutcomeCredit.Plain, "value") => RlBaseline.Value,
                (OutcomeCredit.Plain, "leave_one_out") => RlBaseline.LeaveOneOut,
                _ => RlBaseline.None,
            },
            Warmup = WarmupFlagAttribute.Steps(Warmup, Rl.Iterations),
            Seed = Seed,
            Lora = Lora.Chosen,
            Fit = Fit,
        };
    }

    /// <summary>How a refresh fine-tunes the verifier.</summary>
    public TrainOptions ToRefreshTraining() => new()
    {
        Steps = RefreshSteps, Batch = 32, Rate = RefreshRate, Warmup = RefreshSteps / 10, WeightDecay = 0.01, Beta2 = 0.95,
        EvaluateEvery = RefreshSteps, CheckpointEvery = RefreshSteps, Seed = Seed, Fit = Fit,
    };

    /// <summary>Where models are trained; null: on the CPU.</summary>
    private TrainFit? Fit => Checkpoint.IsOwn(Device) ? null : new(Checkpoint.FitDevice(Device));

    /// <summary>Refuses what no single option shows to be wrong.</summary>
    public void Check()
    {
        if (Verifier != "" && OracleRollouts > 0)
            throw new UserError("--verifier and --oracle-rollouts are two provers; give one of them.");
        if (LearnsFromSamples && OracleRollouts > 0)
            throw new UserError("--refresh-labels sampled and --oracle-rollouts are two provers; give one of them.");
        if (!LearnsFromSamples && Refresh > 0 && RefreshNMc == 0)
            throw new UserError("--refresh-n-mc 0 leaves --refresh-labels drawn without labels; give 1 or more.");
        if ((RefreshModel != "" || RefreshTemplate != "") && (!LearnsFromSamples || Verifier != ""))
            throw new UserError("--refresh-model and --refresh-template are about a verifier that begins with --refresh-labels sampled, "
                + "without --verifier.");
        if (LearnsFromSamples && Refresh == 0) throw new UserError("--refresh-labels sampled needs --refresh.");
        if (RewardsSteps && Verifier == "" && OracleRollouts == 0 && !LearnsFromSamples)
            throw new UserError(
                $"--reward {Reward} needs a prover: --verifier, --oracle-rollouts, or --refresh with --refresh-labels sampled.");
        var (strongest, option) = (Strengths.Max(), Prover.Length == 0 ? $"--best-of {BestOf}" : $"--prover bo{Strengths.Max()}");
        if (OracleRollouts > 0 && OracleRollouts < strongest) throw new UserError($"{option} cannot be estimated from "
            + $"{OracleRollouts} completions; raise --oracle-rollouts or lower K.");
        if (Process != "plain" && Reward != "pav") throw new UserError($"--process {Process} is about the step rewards of --reward pav.");
        if (AlphaBy != "same" && Reward != "pav") throw new UserError($"--alpha-by {AlphaBy} is about the step rewards of --reward pav.");
        _ = FixedAlpha;
        if (TriesAlphas && (!RewardsSteps || ValidProblems == ""))
            throw new UserError("--alpha tries needs step rewards, and --valid-problems, on which it is chosen.");
        if (!TriesAlphas && (AlphaIterations > 0 || !AlphaGrid.SequenceEqual(new RlSettings().AlphaGrid)))
            throw new UserError("--alpha-grid and --alpha-iterations are about --alpha tries.");
        if (TriesAlphas && AlphaGrid.Length == 0) throw new UserError("--alpha tries needs --alpha-grid, the values to try.");
        if (GuardFactor < 1 && GuardAlpha != AutoNumber.Auto && Rl.GuardWindow == 0)
            throw new UserError($"--guard-alpha {GuardAlpha} acts on what the guard sees: it needs a --guard-window above 0.");
        if (ProverPolicy != "" && OracleRollouts == 0) throw new UserError("--prover-policy goes with --oracle-rollouts.");
        if (Refresh > 0 && Verifier == "" && !LearnsFromSamples)
            throw new UserError("--refresh needs --verifier, or --refresh-labels sampled.");
        if (HardBeam.Length > 0 && (Hard == "" || Verifier == "")) throw new UserError("--hard-beam needs --hard and --verifier.");
        var watched = Verifier != "" || OracleRollouts > 0 || LearnsFromSamples;
        if (Rl.StopOnHacking && (Rl.GuardWindow == 0 || !watched))
            throw new UserError(
                "--stop-on-hacking watches progress: it needs --verifier, --oracle-rollouts or --refresh-labels sampled, and a "
                + "--guard-window above 0.");
        LearnsAsItDraws(this);
        if (Hard != "" && TestProblems == "") throw new UserError("--hard goes with --test-problems.");
    }

    /// <summary>Gradients belong to the policy that drew the traces: refuses weights that draw from another.</summary>
    public static void LearnsAsItDraws(ModelSettings settings)
    {
        if (settings.Weights != "stored") throw new UserError($"--weights {settings.Weights} draws from a policy that is not quite the one "
            + "that learns; leave the option out.");
    }
}
