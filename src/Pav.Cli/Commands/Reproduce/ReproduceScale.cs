using Pav.Cli.Commands.Demo;
using Pav.Cli.Installation;
using Pav.Cli.Options;

namespace Pav.Cli.Commands.Reproduce;

/// <summary>How large everything is: recipes/reproduce/SCALE.json.</summary>
internal sealed record ReproduceScale
{
    [Flag("Embedded models that become base policies, smallest first; those that are not there are left out and named")]
    public string[] Models { get; init; } = ["pav-tiny-s"];

    [Flag("Seeds of labels and training", Min = 1, Max = 100)]
    public int Seeds { get; init; } = 3;

    [Flag("Training problems", Min = 2)]
    public int TrainProblems { get; init; } = 3000;

    [Flag("Problems for choosing checkpoints, alpha and thresholds", Min = 2)]
    public int ValidProblems { get; init; } = 250;

    [Flag("Held-out problems on which everything is compared", Min = 2)]
    public int TestProblems { get; init; } = 300;

    [Flag("Fine-tuning steps of a base policy", Min = 1)]
    public int BaseSteps { get; init; } = 150;

    [Flag("Training steps of an outcome verifier", Min = 1)]
    public int OutcomeSteps { get; init; } = 600;

    [Flag("Training steps of a Q verifier", Min = 1)]
    public int VerifierSteps { get; init; } = 800;

    [Flag("Peak learning rate of both", Min = 0, AboveMin = true, Max = 1)]
    public double VerifierRate { get; init; } = 3e-4;

    [Flag("Seed traces of a training problem", Min = 1)]
    public int NCov { get; init; } = 2;

    [Flag("Completions of each of their prefixes", Min = 1)]
    public int NMc { get; init; } = 1;

    [Flag("Seed traces of a validation problem", Min = 1)]
    public int ValidNCov { get; init; } = 8;

    [Flag("Completions of each of their prefixes", Min = 1)]
    public int ValidNMc { get; init; } = 4;

    [Flag("Most tokens of a trace", Min = 1)]
    public int MaxTokens { get; init; } = 128;

    [Flag("Sizes of the methods that re-rank", Min = 1)]
    public int[] N { get; init; } = [1, 2, 4, 8, 16, 32, 64, 128];

    [Flag("Beam sizes", Min = 1)]
    public int[] Beam { get; init; } = [1, 2, 4, 8, 16];

    [Flag("Sizes of guided forests", Min = 1)]
    public int[] Forest { get; init; } = [1, 2, 4, 8, 16, 32, 48];

    [Flag("The first so many test problems for base policies after the first in figures 4, 5a, 6a and adaptive; 0: all", Min = 0)]
    public int LaterProblems { get; init; }

    [Flag("Sizes of the methods that re-rank there; none: those of the first base policy", Min = 1)]
    public int[] LaterN { get; init; } = [];

    [Flag("Sizes of guided forests there; none: those of the first base policy", Min = 1)]
    public int[] LaterForest { get; init; } = [];

    [Flag("So many base policies, from the first on, are in figures 5b, alpha and ceiling", Min = 1)]
    public int DetailModels { get; init; } = 100;

    [Flag("Test problems on which every search method is compared", Min = 2)]
    public int MethodProblems { get; init; } = 300;

    [Flag("Sizes of the methods that are not among the usual ones there, where their traces cost one sample each", Min = 1)]
    public int[] MethodN { get; init; } = [1, 2, 4, 8, 16, 32, 64, 128];

    [Flag("The same for methods that sample candidates for each step", Min = 1)]
    public int[] MethodBeam { get; init; } = [1, 2, 4, 8, 16, 32, 44];

    [Flag("Further test problems on which guided forests are compared; 0: none", Min = 0)]
    public int ForestProblems { get; init; } = 300;

    [Flag("Training problems that are searched to label what a beam visits", Min = 2)]
    public int HoldsProblems { get; init; } = 800;

    [Flag("Size of that beam", Min = 1)]
    public int HoldsVisitBeam { get; init; } = 16;

    [Flag("Sizes of the beams with which verifiers are compared that learned otherwise", Min = 1)]
    public int[] HoldsBeam { get; init; } = [1, 2, 4, 8, 16, 32];

    [Flag("The first so many test problems that these search; 0: all", Min = 0)]
    public int HoldsTestProblems { get; init; }

    [Flag("Which verifiers are compared with the first one and with one of as many fresh labels",
        Choices = "visited|heads|worst-head|drawn-head|rank|td|larger|visited-heads")]
    public string[] HoldsWays { get; init; } =
        ["visited", "heads", "worst-head", "drawn-head", "rank", "td", "larger", "visited-heads"];

    [Flag("Alphas among which one is chosen on validation problems", Min = 0, Max = 10)]
    public double[] AlphaGrid { get; init; } = [0.1, 0.2, 0.5, 1.0];

    [Flag("Beam size at which it is chosen, and at which alpha is varied", Min = 1)]
    public int AlphaBeam { get; init; } = 4;

    [Flag("K of the best-of-K provers that are compared", Min = 1)]
    public int[] Strengths { get; init; } = [1, 2, 4, 8, 16, 32];

    [Flag("Beam sizes at which they are", Min = 1)]
    public int[] StrengthBeams { get; init; } = [2, 4, 8];

    [Flag("Problems whose states are labelled with several steps each, to judge provers before training", Min = 2)]
    public int StateProblems { get; init; } = 250;

    [Flag("Completions after each of these steps", Min = 2)]
    public int StateNMc { get; init; } = 32;

    [Flag("Embedded models that are base policy and prover in the matrix of both, smallest first")]
    public string[] MatrixModels { get; init; } = ["pav-tiny-s", "pav-tiny-m"];

    [Flag("Seeds of the matrix", Min = 1, Max = 100)]
    public int MatrixSeeds { get; init; } = 3;

    [Flag("Beam size of the matrix of base policies and provers", Min = 1)]
    public int MatrixBeam { get; init; } = 16;

    [Flag("Seeds with which settings are chosen on validation problems and checked on test problems", Min = 1, Max = 100)]
    public int FrontierSeeds { get; init; } = 3;

    [Flag("Monte Carlo completions of the oracle", Min = 4)]
    public int Oracle { get; init; } = 32;

    [Flag("Problems that it searches", Min = 2)]
    public int OracleProblems { get; init; } = 50;

    [Flag("Its beam sizes", Min = 1)]
    public int[] OracleBeam { get; init; } = [1, 2, 4];

    [Flag("Labels that are compared: seed traces x completions")]
    public string[] Ratios { get; init; } = ["1x1", "4x1", "1x4", "8x1", "4x2", "2x4", "16x1", "4x4"];

    [Flag("Training problems that they label", Min = 2)]
    public int RatioProblems { get; init; } = 1500;

    [Flag("Training steps of a verifier on each", Min = 1)]
    public int RatioSteps { get; init; } = 600;

    [Flag("Beam size at which these verifiers are compared", Min = 1)]
    public int RatioBeam { get; init; } = 16;

    [Flag("Seeds of these labels and verifiers", Min = 1)]
    public int RatioSeeds { get; init; } = 3;

    [Flag("First-pit labels that are compared with random ones: seed traces x completions x completions up to the pit")]
    public string[] Pits { get; init; } = ["1x1x4", "2x1x4", "4x1x4"];

    [Flag("Seed traces of a problem whose outcomes are predicted step by step", Min = 2)]
    public int ThresholdTraces { get; init; } = 16;

    [Flag("Runs of each setting of the didactic task", Min = 1)]
    public int DidacticSeeds { get; init; } = 5;

    [Flag("Planted sequences over which its Pass@N is averaged", Min = 2)]
    public int DidacticPlanted { get; init; } = 16;

    [Flag("Most iterations of its runs with outcome reward only", Min = 10)]
    public int DidacticOutcomeIterations { get; init; } = 3500;

    [Flag("Iterations of its other runs", Min = 10)]
    public int DidacticIterations { get; init; } = 350;

    [Flag("Provers' strengths in it", Min = 0, AboveMin = true)]
    public double[] DidacticGammas { get; init; } = [1, 2, 5, 10, 20, 100];

    [Flag("Lengths of its planted sequences", Min = 1, Max = 10)]
    public int[] DidacticLengths { get; init; } = [3, 4, 5, 6, 7];

    [Flag("Length of the planted sequence where one is shown", Min = 1, Max = 10)]
    public int DidacticLength { get; init; } = 6;

    [Flag("RL iterations", Min = 1)]
    public int RlIterations { get; init; } = 150;

    [Flag("Problems of an iteration", Min = 1)]
    public int RlBatch { get; init; } = 8;

    [Flag("Samples of each", Min = 1)]
    public int RlSamples { get; init; } = 4;

    [Flag("Seeds of RL", Min = 1)]
    public int RlSeeds { get; init; } = 5;

    [Flag("Seeds of RL with Q as the reward, and with verifiers that are refreshed; not more", Min = 1)]
    public int RlFurtherSeeds { get; init; } = 3;

    [Flag("Test problems of RL: so many that some are hard", Min = 2)]
    public int RlTestProblems { get; init; } = 600;

    [Flag("Samples of a test problem after RL", Min = 2)]
    public int RlTestSamples { get; init; } = 128;

    [Flag("Samples of the start that must all fail for a test problem to count as hard; no fewer than of every other", Min = 2)]
    public int RlHardSamples { get; init; } = 256;

    [Flag("Sizes of the beams that search these", Min = 1)]
    public int[] RlHardBeam { get; init; } = [16, 32];

    [Flag("Least number of lines that tempt to a mistake in the problems of RL", Min = 0, Max = 10)]
    public int RlTraps { get; init; } = 5;

    [Flag("Peak learning rate of RL", Min = 0, AboveMin = true, Max = 1)]
    public double RlRate { get; init; } = 3e-4;

    [Flag("Weight of progress as a reward", Min = 0, AboveMin = true, Max = 1000)]
    public double RlAlpha { get; init; } = 0.3;

    [Flag("A weight at which a verifier that is kept is fooled; 0 leaves that out", Min = 0, Max = 1000)]
    public double RlStrongAlpha { get; init; }

    [Flag("RL iterations between refreshes of the verifier, where it is refreshed", Min = 1)]
    public int RlRefresh { get; init; } = 15;

    [Flag("Problems that a refresh labels: so many that all refreshes together take the rollouts of half the labels", Min = 4)]
    public int RlRefreshProblems { get; init; } = 137;

    [Flag("Batches whose policy gradients are compared at each of some policies along RL", Min = 3)]
    public int SignalBatches { get; init; } = 32;

    [Flag("Completions of each prefix behind the true progress in them; half of them K of the prover at least", Min = 8)]
    public int SignalOracle { get; init; } = 8;

    [Flag("Fine-tuning steps on the base policy's own correct traces, before RL; 0 starts from the base policy", Min = 0)]
    public int RftSteps { get; init; }

    [Flag("Least numbers of traps in the problems on which ways of RL are compared at equal total cost, a comparison for each", Min = 0,
        Max = 10)]
    public int[] RivalTraps { get; init; } = [5, 8];

    [Flag("Iterations of these runs with progress; by the oracle half of them. Runs that choose take half as many as those they choose "
        + "for, VinePPO's all", Min = 2)]
    public int RivalIterations { get; init; } = 150;

    [Flag("Iterations with outcome rewards, whose iterations cost less, for each of these difficulties; the last for what is beyond",
        Min = 2)]
    public int[] RivalOutcomeIterations { get; init; } = [300, 450];

    [Flag("Iterations of VinePPO with 3 rollouts, as many as take the tokens of outcome rewards' runs", Min = 2)]
    public int RivalVineppo3Iterations { get; init; } = 112;

    [Flag("The same with 9 rollouts", Min = 2)]
    public int RivalVineppo9Iterations { get; init; } = 48;

    [Flag("Iterations of warm-up of all these runs, at most a tenth of a run", Min = 0)]
    public int RivalWarmup { get; init; } = 15;

    [Flag("Their seeds, of labels, verifier and RL", Min = 1)]
    public int RivalSeeds { get; init; } = 5;

    [Flag("Other seeds with which learning rate and alpha are chosen; VinePPO's tries, each a whole run, take the first alone", Min = 1)]
    public int RivalTuneSeeds { get; init; } = 3;

    [Flag("Learning rates to choose from", Min = 0, AboveMin = true, Max = 1)]
    public double[] RivalRates { get; init; } = [1e-4, 3e-4, 4.5e-4, 6e-4, 1e-3];

    [Flag("Those of VinePPO, whose gradient is less noisy and whose updates are fewer", Min = 0, AboveMin = true, Max = 1)]
    public double[] RivalVineppoRates { get; init; } = [3e-4, 6e-4, 1e-3];

    [Flag("Weights of progress to choose from", Min = 0, AboveMin = true, Max = 1000)]
    public double[] RivalAlphas { get; init; } = [0.3, 1];

    [Flag("Verifiers of these runs learn from one in so many of the training problems, each a way of its own; the last chooses for all",
        Min = 1)]
    public int[] RivalLabels { get; init; } = [1, 4, 16];

    [Flag("Training steps of these verifiers: few, as long training makes them worse for RL", Min = 1)]
    public int RivalVerifierSteps { get; init; } = 40;

    [Flag("Training steps of one more that learns from all labels, to show what longer training does to RL; 0: there is none", Min = 0)]
    public int RivalLongerSteps { get; init; } = 600;

    [Flag("Completions behind each value of an oracle that is run beside the ways; 0: there is none", Min = 0)]
    public int RivalOracle { get; init; } = 8;

    [Flag("Iterations between refreshes of the verifier that learns from RL's own traces", Min = 1)]
    public int RivalRefresh { get; init; } = 10;

    [Flag("Training steps of such a refresh", Min = 1)]
    public int RivalRefreshSteps { get; init; } = 20;

    [Flag("Held-out problems of their curves", Min = 2)]
    public int RivalValidProblems { get; init; } = 100;

    [Flag("Test problems of their last policies", Min = 2)]
    public int RivalTestProblems { get; init; } = 200;

    [Flag("Samples of each", Min = 1)]
    public int RivalTestSamples { get; init; } = 4;

    /// <summary>Their names become those of folders.</summary>
    public static ReproduceScale Load(string name)
    {
        if (!File.Exists(name) && Home.Find(Path.Combine("recipes", "reproduce", name + ".json")) is null)
            throw new UserError($"--scale '{name}' is neither a file nor the name of a scale"
                + $"{Recipe.Known(Path.Combine("recipes", "reproduce"))}.");
        var recipe = Recipe.Load(File.Exists(name) ? name : Path.Combine("reproduce", name));
        var scale = (ReproduceScale)OptionSchema.From(typeof(ReproduceScale)).Bind([recipe], new Dictionary<string, string>());
        if (scale.Models.Concat(scale.MatrixModels).FirstOrDefault(m => !DemoPlan.IsFolderName(m)) is { } model)
            throw new UserError($"{recipe.Source}: '{model}' is not the name of an embedded model; one of your own goes with --policy.");
        if (scale.RivalOutcomeIterations.Length == 0)
            throw new UserError($"{recipe.Source}: rival_outcome_iterations names no number of iterations; give one at least.");
        return scale;
    }
}
