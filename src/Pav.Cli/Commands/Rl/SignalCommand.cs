using System.Globalization;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Files;
using Pav.Models.Tokenizers;
using Pav.Models.Training;

namespace Pav.Cli.Commands.Rl;

internal sealed record SignalSettings : ModelSettings
{
    [Flag("The present policy: a checkpoint folder, a training run, or an embedded model", Required = true, Input = true)]
    public string Policy { get; init; } = "";

    [OptionGroup]
    public PromptChoice Prompt { get; init; } = new();

    [OptionGroup]
    public EndChoice Ends { get; init; } = new();

    [Flag("Problems that RL trains on: JSON lines with problem and answer, Parquet, Arrow, or a data set's folder", Required = true,
        Input = true)]
    public string Problems { get; init; } = "";

    [OptionGroup]
    public ProblemChoice Rows { get; init; } = new();

    [GraderFlag]
    public string Grader { get; init; } = "numeric";

    [Flag("Q verifier whose progress is judged (a 'train verifier' run or a checkpoint)", Required = true, Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("The prover is best-of-K of --prover-policy", Min = 1, Max = 4096)]
    public int BestOf { get; init; } = 4;

    [Flag("Policy whose completions the verifier learned from, as a rule the one that RL started from (default: --policy)", Input = true)]
    public string ProverPolicy { get; init; } = "";

    [Flag("Independent batches: noise between them is what is measured", Min = 3, Max = 65536)]
    public int Batches { get; init; } = 32;

    [Flag("Problems of a batch", Min = 1, Max = 65536)]
    public int Batch { get; init; } = 8;

    [Flag("Traces of each problem of a batch", Min = 2, Max = 65536)]
    public int Samples { get; init; } = 4;

    [Flag("Most tokens of a trace", Min = 1, Max = 1048576)]
    public int MaxTokens { get; init; } = 256;

    [Flag("Weights of progress that are compared", Min = 0, Max = 1000)]
    public double[] Alphas { get; init; } = [0.3, 1, 3];

    [Flag("Completions from every step's end behind the values of vineppo", Min = 1, Max = 4096)]
    public int ValueRollouts { get; init; } = 3;

    [Flag("Completions from every step's end by either policy behind true progress, in two halves", Min = 2, Max = 4096)]
    public int OracleRollouts { get; init; } = 8;

    [Flag("Tokens of one forward and backward pass", Min = 1)]
    public int PassTokens { get; init; } = 2048;
}

/// <summary>How much signal and how much noise the gradient of each of RL's rewards has at a policy, and how right progress is.</summary>
internal static class SignalCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<SignalSettings, SignalReport>(
        "signal", "Measure the policy gradients of RL's rewards at a policy: signal, noise and direction of each on the same traces, and "
            + "how right the verifier's progress is (docs/rl.md).",
        """
        pav signal --policy runs/rft --verifier runs/verifier --problems train.jsonl --out runs/signal-start
        pav signal --policy runs/rl-pav/checkpoints/00100 --prover-policy runs/rft --verifier runs/verifier --problems train.jsonl
        """, Output.Folder, Run);

    private static async Task<SignalReport> Run(SignalSettings settings, CommandContext context)
    {
        RlSettings.LearnsAsItDraws(settings);
        Checkpoint.Threads(settings.Threads);
        if (!Checkpoint.IsOwn(settings.Device)) throw new UserError("pav signal computes on the CPU; leave --device out.");
        var (folder, grader) = (Home.Model("--policy", settings.Policy), Grader.Named(settings.Grader));
        var proverFolder = settings.ProverPolicy == "" ? folder : Home.Model("--prover-policy", settings.ProverPolicy);
        var template = Checkpoint.Template(settings.Prompt, folder, settings.Ends);
        // A prover that was not taught how it is asked is asked as the policy is, which went on from it.
        var proverTemplate = settings.ProverPolicy == "" || PolicyRecord.Find(proverFolder) is null ? template
            : Checkpoint.Template(settings.Prompt with { Template = "" }, proverFolder, settings.Ends);
        var problems = Problems.Read(settings.Rows.Path(settings.Problems), settings.Rows.Names());
        if (problems.Count == 0) throw new UserError($"{settings.Problems}: there are no problems in it.");
        GraderChoice.Warn(GraderAdvice.ForReferences(grader, problems), context);
        var (tokenizer, engine) = (Tokenizer.Load(folder), Checkpoint.EngineOf(settings));
        Checkpoint.CheckValues("--verifier", settings.Verifier, Home.Model("--verifier", settings.Verifier));
        using var verifier = Checkpoint.Verifier("--verifier", settings.Verifier, settings, template.StepEnd);
        using var model = new RlOptions().Setup.Load(folder);
        using var policy = TransformerPolicy.Load(Checkpoint.NameOf(folder), folder, template, engine);
        using var prover = proverFolder == folder && proverTemplate == template ? null
            : TransformerPolicy.Load(Checkpoint.NameOf(proverFolder), proverFolder, proverTemplate, engine);
        var task = new SignalTask(model, policy, prover, new BestOfKVerifier(verifier, settings.BestOf), tokenizer, template, grader,
            problems);
        var options = new SignalOptions(
            settings.Batches, settings.Batch, settings.Samples, settings.ValueRollouts, settings.OracleRollouts, settings.BestOf,
            settings.Alphas, settings.MaxTokens, settings.PassTokens, settings.Seed);
        var report = await context.Reporter.Track("Gradients", settings.Batches, "batches", tracker =>
            Task.FromResult(new SignalStudy(task, options, n => tracker.At(n, ""), context.Cancel).Run()));
        AtomicFile.WriteJson(context.Run.At(SignalReport.FileName), report);
        foreach (var line in Lines(report, context.Reporter.Width)) context.Reporter.Say(line);
        return report;
    }

    private static IEnumerable<string> Lines(SignalReport report, int width)
    {
        yield return string.Create(CultureInfo.InvariantCulture,
            $"{report.Policy}: {report.Batches} batches, {report.Traces:N0} traces of {report.Steps:N0} steps, {100 * report.Right:0.0}% "
            + $"right.");
        foreach (var line in ResultTable.Lines(["reward", "signal/noise", "cosine with the outcome's gradient",
            "batches of orm it is worth", "the same with exact values", "tokens of a batch"],
            [.. report.Methods.Select(m => (IReadOnlyList<string>)
            [
                Name(m), Cell(m.Gradient.Ratio, "0.000"), Cell(m.Gradient.Cosine, "0.00"), Cell(m.Gradient.Worth, "0.00"),
                m.Exact is { } exact ? Cell(exact.Worth, "0.00") : "",
                m.Tokens.ToString("N0", CultureInfo.InvariantCulture),
            ])], width)) yield return line;
        yield return $"Progress of the verifier: correlation {Cell(report.Progress.WithProver, "0.00")} with the prover's, "
            + $"{Cell(report.Progress.WithPolicy, "0.00")} with the present policy's; these two: "
            + $"{Cell(report.Progress.ProverWithPolicy, "0.00")}. In brackets 95%, over batches or problems.";
    }

    private static string Name(MethodSignal method) => method.Alpha is { } alpha
        ? $"{method.Reward}, alpha {OptionField.Text(alpha)}" : method.Reward;

    private static string Cell(Interval value, string format)
    {
        string Text(double x) => x.ToString(format, CultureInfo.InvariantCulture);
        return double.IsFinite(value.Value) ? $"{Text(value.Value)} [{Text(value.Low)}, {Text(value.High)}]" : "-";
    }
}
