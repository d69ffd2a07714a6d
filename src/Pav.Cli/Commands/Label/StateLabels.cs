using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Terminal;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Label;

/// <summary>What the labelled states of a run come to.</summary>
internal sealed record StateTotals(int States, int Steps, long Completions);

/// <summary>The part of 'pav label' that labels several steps of each state, for 'pav prover'.</summary>
internal static class StateLabels
{
    public const string FileName = "states.jsonl";

    /// <summary>The states of a 'label' run: those of its states.jsonl, else those that several traces of its labels.jsonl pass
    /// through.</summary>
    public static LabelSource Read(string option, string path)
    {
        var file = !Directory.Exists(path) ? path : Path.Combine(path, FileName) is var states && File.Exists(states)
            ? states : Path.Combine(path, "labels.jsonl");
        if (!File.Exists(file)) throw new UserError($"{option} {path}: there is no "
            + $"{(Directory.Exists(path) ? $"{FileName} and no labels.jsonl in it" : "such file or folder")}.");
        var read = Path.GetFileName(file) == "labels.jsonl" ? LabelledState.FromTraces(Labels.Read(file, Uneven)) : [.. States.Read(file)];
        return read.Count > 0 ? new(path, read)
            : throw new UserError($"{option} {path}: "
                + $"{(Path.GetFileName(file) == FileName ? "holds no state" : "no state is passed by two seed traces, so each has a single step and shows no difference between steps")}; label with --steps-per-state 4.");
    }

    /// <summary>Estimates from counts are unbiased only where no count decided how many completions there are, or which prefixes have
    /// any.</summary>
    private static string? Uneven(LabelledTrace trace) =>
        (trace.Plan is not null ? "the number of completions depends on what they showed (--allocation adaptive)"
            : trace.Strategy != "random" ? $"the labels are of strategy '{trace.Strategy}'"
            : trace.Visited is not null ? "a search chose the steps, and not the policy alone (--visited)" : null) is { } what
            ? $"{what}, from which provers cannot be judged without bias; label with --strategy random --allocation fixed, or with "
                + "--steps-per-state 4" : null;

    /// <summary>Draws steps at states and counts (--steps-per-state), or counts another policy's completions after the same steps
    /// (--states).</summary>
    public static async Task<StateTotals> Run(LabelSettings settings, IPolicy policy, LabelOptions options,
        IReadOnlyList<Problem> problems, CommandContext context)
    {
        if (settings.Strategy != "random") throw new UserError($"--strategy {settings.Strategy} chooses prefixes of seed traces; it has "
            + "no meaning with --steps-per-state or --states.");
        if (settings.States != "" && settings.StepsPerState > 0)
            throw new UserError("--states has its steps already; leave out --steps-per-state.");
        var file = context.Run.At(FileName);
        var there = States.Read(file).Select(s => s.Key).ToList();
        if (there.Count > 0) context.Reporter.Say($"{there.Count} labelled states are there already.");
        var (grader, written) = (Pav.Grader.Named(settings.Grader), 0);

        if (settings.States != "")
        {
            var states = Read("--states", settings.States).States;
            var known = problems.ToDictionary(p => p.Id);
            await Write(states.Count, there.Count, "states", progress =>
                StateLabelling.Recount(policy, grader, known, states.Skip(there.Count), options, progress, context.Cancel));
        }
        else
        {
            // Problems are written in order, so the last one there may lack states and those before it are whole.
            var (begun, done) = (there.Count == 0
                ? 0 : Math.Max(0, problems.Select(p => p.Id).ToList().IndexOf(there[^1].Problem)), there.ToHashSet());
            await Write(problems.Count, begun, "problems", progress => StateLabelling.Run(
                policy, grader, problems.Skip(begun), options, settings.StepsPerState, settings.Depths, done.Contains, progress,
                    context.Cancel));
        }
        return Summarise(file, there.Count + written, context.Reporter);

        async Task Write(int total, int begun, string unit, Func<Action<LabelProgress>, IAsyncEnumerable<LabelledState>> labelled) =>
            await context.Reporter.Track("Labelling", total, unit, async tracker =>
            {
                using var lines = JsonLines.Append(file);
                await foreach (var line in labelled(p =>
                    tracker.At(begun + p.Problems, $"{p.Prefixes:N0} prefixes, {p.GeneratedTokens:N0} tokens")))
                {
                    lines.Write(line);
                    written++;
                }
                return 0;
            }, begun);
    }

    private static StateTotals Summarise(string file, int written, Reporter reporter)
    {
        var (states, steps, completions) = (0, 0, 0L);
        foreach (var state in States.Read(file))
        {
            states++;
            steps += state.Next.Count;
            completions += state.N + state.Next.Where(n => !n.Ended).Sum(n => (long)n.N);
        }
        RunFolder.CheckWritten(file, states, written);
        reporter.Say($"{states:N0} states with {steps:N0} distinct steps and {completions:N0} completions in {file}");
        return new(states, steps, completions);
    }
}
