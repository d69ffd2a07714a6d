using Pav.Cli.Commands.Demo;
using Pav.Cli.Commands.Didactic;
using Pav.Cli.Commands.Doctor;
using Pav.Cli.Commands.Evaluate;
using Pav.Cli.Commands.Label;
using Pav.Cli.Commands.ProblemFiles;
using Pav.Cli.Commands.Provers;
using Pav.Cli.Commands.Report;
using Pav.Cli.Commands.Reproduce;
using Pav.Cli.Commands.Rl;
using Pav.Cli.Commands.Rounds;
using Pav.Cli.Commands.Search;
using Pav.Cli.Commands.Serve;
using Pav.Cli.Commands.Theory;
using Pav.Cli.Commands.Train;
using Pav.Cli.Running;




namespace Pav.Cli;

/// <summary>The verbs of pav, in the order in which help shows them.</summary>
internal static class AllCommands
{
    private static readonly CommandSpec Demo = DemoCommand.Spec(() => Specs!);

    public static IReadOnlyList<CommandSpec> Specs { get; } =
    [
        Demo, DoctorCommand.Spec,
        ProblemsCommand.Spec, ProblemFileCommands.Import, ProblemFileCommands.Check,
        TrainCommands.Pretrain, TrainCommands.Sft, TrainCommands.Rft, TrainCommands.Outcome, TrainCommands.Verifier, RoundsCommand.Spec,
            MergeCommand.Spec,
        LabelCommand.Spec, LabelsCommands.Export, LabelsMerge.Spec, LabelsCommands.Import,
        SearchCommand.Spec, ServeCommand.Spec, EvaluateCommand.Spec, ProcessBenchCommand.Spec,
        RlCommand.Spec, SignalCommand.Spec, DidacticCommand.Spec, ReproduceCommand.Spec, ReportCommand.Spec,
        ProverCommand.Spec, TheoryCommand.Spec,
    ];

    /// <summary>The command that a request is for: a recipe may be a plan, which 'pav demo' runs.</summary>
    public static (CommandSpec, Request) Resolve(CommandSpec spec, Request request) => DemoCommand.Resolve(Demo, spec, request);
}
