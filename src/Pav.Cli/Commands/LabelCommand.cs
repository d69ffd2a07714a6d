using System.Text.Json.Nodes;
using Pav.Cli.Options;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands;

internal sealed record LabelSettings : SamplingSettings
{
    [Flag("Seed traces per problem", Min = 1, Max = 4096)]
    public int NCov { get; init; } = 4;

    [Flag("Completions from the end of every step", Min = 1, Max = 4096)]
    public int NMc { get; init; } = 8;

    [Flag("Which prefixes get them: all alike, or more up to the first pit of wrong traces", Choices = "random|first_pit")]
    public string Strategy { get; init; } = "random";

    [Flag("first_pit: a state is of high value above this", Min = 0, Max = 0.999)]
    public double HighValue { get; init; } = 0.5;

    [Flag("first_pit: completions of the prefixes that are kept", Min = 1, Max = 65536)]
    public int NMcPit { get; init; } = 32;

    [Flag("Draw so many steps at states of the seed traces and complete each, for 'pav prover'; 0 labels the seed traces themselves", Min = 0, Max = 256)]
    public int StepsPerState { get; init; }

    [Flag("steps_per_state: take the states at so many depths of a problem; 0 takes all", Min = 0, Max = 4096)]
    public int Depths { get; init; }

    [Flag("Complete the steps of that run's states.jsonl with this policy, a candidate for 'pav prover --provers'", Input = true)]
    public string States { get; init; } = "";

    [Flag("Problems whose draws go to the policy together: larger is faster, the same labels", Min = 1, Max = 65536, Local = true)]
    public int ProblemsPerBatch { get; init; } = 32;

    public LabelOptions ToOptions() => new(
        NCov, NMc, Strategy == "first_pit" ? LabelStrategy.FirstPit : LabelStrategy.Random, HighValue, NMcPit, Seed, Sampling, ProblemsPerBatch);
}

/// <summary>Collects progress labels: seed traces, and from the end of each of their steps completions that are graded.</summary>
internal static class LabelCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Of<LabelSettings>(
        "label", "Collect progress labels: sample traces, and from the end of every step complete the trace many times and count right answers.",
        "pav label --policy runs/sft --problems train.jsonl --n-cov 4 --n-mc 8 --out runs/labels", Output.Folder, Run);

    private static async Task<JsonObject> Run(LabelSettings settings, CommandContext context)
    {
        var options = settings.ToOptions();
        options.Check();
        var problems = settings.ReadProblems();
        using var policy = Checkpoint.Policy(settings);
        if (settings.StepsPerState > 0 || settings.States != "") return await StateLabels.Run(settings, policy, problems, context);
        var file = context.Run.At("labels.jsonl");
        var done = JsonLines.Read<LabelledTrace>(file).Select(l => (l.Problem, l.Trace)).ToHashSet();
        var missing = problems.Where(p => Enumerable.Range(0, settings.NCov).Any(t => !done.Contains((p.Id, t)))).ToList();
        if (done.Count > 0) context.Reporter.Say($"{done.Count} labelled traces are there already.");

        await context.Reporter.Track("Labelling", problems.Count, "problems", async tracker =>
        {
            var finished = problems.Count - missing.Count;
            using var lines = JsonLines.Append(file);
            void Progress(LabelProgress p) => tracker.At(finished + p.Problems, $"{p.Prefixes:N0} prefixes, {p.GeneratedTokens:N0} tokens");
            await foreach (var line in Labelling.Run(policy, Pav.Grader.Named(settings.Grader), missing, options, (p, t) => done.Contains((p, t)), Progress, context.Cancel))
            {
                lines.Write(line);
            }
            return 0;
        }, problems.Count - missing.Count);

        return Summarise(file, context.Reporter);
    }

    private static JsonObject Summarise(string file, Reporter reporter)
    {
        var (traces, right, prefixes, completions) = (0, 0, 0L, 0L);
        foreach (var line in JsonLines.Read<LabelledTrace>(file))
        {
            traces++;
            right += line.Rex;
            prefixes += line.N.Count(n => n > 0);
            completions += line.N.Sum(n => (long)n);
        }
        reporter.Say($"{traces:N0} traces, {100.0 * right / Math.Max(1, traces):0.0}% of them right; {prefixes:N0} prefixes with {completions:N0} completions in {file}");
        return new JsonObject { ["traces"] = traces, ["right"] = right, ["prefixes"] = prefixes, ["completions"] = completions };
    }
}
