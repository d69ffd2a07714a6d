using Pav.Cli.Commands.Search;
using Pav.Cli.Options;
using Pav.Cli.Shared;

namespace Pav.Cli.Commands.Rounds;

internal sealed record RoundsSettings : SamplingSettings
{
    [Flag("Model that verifiers start from: a checkpoint folder, or an embedded model (pav-tiny-s)", Required = true, Input = true)]
    public string Trunk { get; init; } = "";

    [Flag("Validation problems, on which every round is measured; none of them may be among --problems", Required = true, Input = true)]
    public string ValidProblems { get; init; } = "";

    [Flag("Rounds of searching, labelling what was visited, and training anew; it stops earlier where a round gains nothing", Min = 1,
        Max = 100)]
    public int Rounds { get; init; } = 1;

    [Flag("Labels that the first verifier learns from: 'label' runs; none makes them, with --n-cov and --n-mc", Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("Labels of the validation problems; none makes them, with --valid-n-cov and --valid-n-mc", Input = true)]
    public string[] ValidLabels { get; init; } = [];

    [Flag("First labels: seed traces per problem", Min = 1, Max = 4096)]
    public int NCov { get; init; } = 2;

    [Flag("Completions from the end of every step, in the first labels and in those of visited traces", Min = 1, Max = 4096)]
    public int NMc { get; init; } = 1;

    [Flag("Validation labels: seed traces per problem", Min = 1, Max = 4096)]
    public int ValidNCov { get; init; } = 8;

    [Flag("Validation labels: completions from the end of every step", Min = 1, Max = 4096)]
    public int ValidNMc { get; init; } = 4;

    [Flag("Each round searches the first so many training problems", Min = 1)]
    public int VisitProblems { get; init; } = 1200;

    [MethodsFlag("Methods that search them")]
    public string[] VisitMethods { get; init; } = ["beam-q"];

    [Flag("Their sizes", Min = 1, Max = 4096)]
    public int[] VisitBeam { get; init; } = [8];

    [Flag("Most visited traces of a problem that are labelled", Min = 1, Max = 4096)]
    public int VisitTraces { get; init; } = 8;

    [Flag("Visited traces end in steps that the search kept, pruned or finished with; several take turns",
        Choices = "kept|pruned|finished")]
    public string[] VisitedKind { get; init; } = ["finished"];

    [MethodsFlag("Methods that measure a round on the validation problems")]
    public string[] Methods { get; init; } = ["beam-q"];

    [Flag("Their sizes: the curve of accuracy against N", Min = 1, Max = 4096)]
    public int[] Beam { get; init; } = [1, 2, 4, 8, 16];

    [Flag("Next steps sampled from each state of a search", Min = 1, Max = 256)]
    public int Candidates { get; init; } = 3;

    [Flag("Beside each round train on as many fresh traces of the same problems: what more labels do, without the search")]
    public bool Control { get; init; }

    [Flag("Problems that go to the policy together: larger is faster, the same results", Min = 1, Max = 65536, Local = true)]
    public int ProblemsPerBatch { get; init; } = 100;

    [Flag("How a problem is put to the verifier (default: as the trunk was taught)")]
    public string VerifierTemplate { get; init; } = "";

    [Flag("Optimizer steps of the first verifier", Min = 1)]
    public int Steps { get; init; } = 800;

    [Flag("Steps more in each round, for its further labels", Min = 0)]
    public int MoreSteps { get; init; } = 400;

    [Flag("Rows of a step", Min = 1, Max = 65536)]
    public int Batch { get; init; } = 32;

    [Flag("Peak learning rate", Min = 0, AboveMin = true, Max = 10)]
    public double Rate { get; init; } = 3e-4;

    [WarmupFlag("Steps")]
    public string Warmup { get; init; } = "50";

    [Flag("Weight decay; 0 is Adam", Min = 0, Max = 10)]
    public double WeightDecay { get; init; } = 0.01;

    [Flag("Adam's second decay rate", Min = 0, Max = 0.999999)]
    public double Beta2 { get; init; } = 0.95;

    [Flag("Steps between measures on validation labels, by which the best checkpoint is chosen", Min = 1)]
    public int EvaluateEvery { get; init; } = 200;

    [Flag("Weights of labels: Q below and from 0.5 in equal parts, or each label alike", Choices = "buckets|none")]
    public string Balance { get; init; } = "buckets";

    [OptionGroup]
    public JudgeChoice Judges { get; init; } = new();
}
