using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Evaluate;

internal sealed record EvaluateSettings : SamplingSettings
{
    [Flag("Samples per problem", Min = 1, Max = 65536)]
    public int Samples { get; init; } = 64;

    [Flag("Go on sampling problems that none of --samples solved, up to so many in all: those still unsolved are what --hard takes from "
        + "this run; 0 leaves it at --samples", Min = 0, Max = 65536)]
    public int HardSamples { get; init; }

    [Flag("An 'evaluate' run of another policy on these problems: those that none of its samples solved are the hard set, measured apart",
        Input = true)]
    public string Hard { get; init; } = "";

    [Flag("Also search the hard set with beams of these sizes on Q of --verifier", Min = 1, Max = 4096)]
    public int[] HardBeam { get; init; } = [];

    [GraderFlag("Further graders of the same samples, printed beside --grader: how much of a number is the grader's")]
    public string[] AlsoGrader { get; init; } = [];

    [Flag("Also measure this verifier on --labels", Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("Labels of the policy on these problems: folders of 'label' runs or labels.jsonl files", Input = true)]
    public string[] Labels { get; init; } = [];

    [Flag("Problems sampled together: larger is faster, the same results", Min = 1, Max = 65536, Local = true)]
    public int ProblemsPerBatch { get; init; } = 32;

    public override bool RunsVerifiers => Verifier != "";
}

/// <summary>What a policy does by itself on problems, and what a verifier is worth on labels.</summary>
internal static class EvaluateCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<EvaluateSettings, EvaluationSummary>(
        "evaluate", "Measure a policy by itself (one sample, greedy, majority, Pass@N, by level, on hard problems) and, on labels, a "
            + "verifier (AUC, calibration, ranking).",
        "pav evaluate --policy runs/sft --problems test.jsonl --samples 64", Output.Folder, Run);

    private static async Task<EvaluationSummary> Run(EvaluateSettings settings, CommandContext context)
    {
        var beams = settings.HardBeam.Length > 0;
        if (settings.Verifier == "" ? beams || settings.Labels.Length > 0 : !beams && settings.Labels.Length == 0)
            throw new UserError("--verifier goes with --labels, on which it is measured, or with --hard-beam, and they with it.");
        if (beams && settings.Hard == "") throw new UserError("--hard-beam needs --hard, which says what is hard.");
        if (settings.HardSamples > 0 && settings.HardSamples < settings.Samples)
            throw new UserError($"--hard-samples {settings.HardSamples} is below --samples {settings.Samples}, which it goes on from.");
        if (beams) Checkpoint.CheckValues("--verifier", settings.Verifier, Home.Model("--verifier", settings.Verifier));
        var problems = settings.ReadProblems();
        foreach (var model in new[] { settings.Verifier, settings.Policy }.Select(m => Home.TryModel(m)).OfType<string>())
            KnownProblems.Warn(model, problems, context.Reporter);
        var labelled = settings.Labels.Length == 0 ? null : Labelled(settings, problems);
        using var policy = await OpenedPolicy.Open(settings, problems, context);
        var grader = new WatchedGrader(Grader.Named(settings.Grader));
        var evaluation = new PolicyEvaluation(policy, grader.Grader, settings.Sampling, settings.Samples, settings.Seed,
            settings.ProblemsPerBatch, context, [.. settings.AlsoGrader.Select(Grader.Named)], settings.HardSamples);
        using var searching = beams ? Checkpoint.Verifier("--verifier", settings.Verifier, settings, policy.StepEnd) : null;
        var result = await evaluation.Run(problems, settings.Hard, settings.HardBeam, searching);
        GraderChoice.Warn(grader.Advice, context);
        if (labelled is null) return result;
        result = await VerifierOnLabels.Measure(settings, problems, labelled, result, context);
        AtomicFile.WriteJson(context.Run.At(PolicyEvaluation.FileName), result);
        return result;
    }

    /// <summary>The labels of these problems, which must be of steps that the verifier reads.</summary>
    private static IReadOnlyList<LabelledTrace> Labelled(EvaluateSettings settings, IReadOnlyList<Problem> problems)
    {
        var ids = problems.Select(p => p.Id).ToHashSet();
        var traces = settings.Labels.SelectMany(LabelFiles.Read).Where(t => ids.Contains(t.Problem)).ToList();
        if (traces.Count == 0) throw new UserError("--labels: none of the labels is of one of the --problems.");
        var steps = LabelFiles.StepEnd(traces.Select(t => t.StepEnd));
        Checkpoint.CheckSteps("--verifier", settings.Verifier, Home.Model("--verifier", settings.Verifier), steps);
        return traces;
    }
}
