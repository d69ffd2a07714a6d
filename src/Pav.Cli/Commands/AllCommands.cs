using Pav.Cli.Demo;

namespace Pav.Cli.Commands;

/// <summary>The verbs of pav, in the order in which help shows them.</summary>
internal static class AllCommands
{
    public static IReadOnlyList<CommandSpec> Specs { get; } =
    [
        DemoCommand.Spec, DoctorCommand.Spec,
        ProblemsCommand.Spec, ProblemFileCommands.Import, ProblemFileCommands.Check,
        TrainCommands.Pretrain, TrainCommands.Sft, TrainCommands.Rft, TrainCommands.Outcome, TrainCommands.Verifier, MergeCommand.Spec,
        LabelCommand.Spec, LabelsCommands.Export, LabelsMerge.Spec, LabelsCommands.Import,
        SearchCommand.Spec, EvaluateCommand.Spec, ProcessBenchCommand.Spec,
        RlCommand.Spec, DidacticCommand.Spec, Reproduce.ReproduceCommand.Spec, ReportCommand.Spec,
        ProverCommand.Spec, TheoryCommand.Spec,
    ];
}
