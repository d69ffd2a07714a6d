using System.Globalization;
using System.Text.Json.Nodes;
using Pav.Cli.Commands.Label;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Provers;

internal sealed record ProverSettings : ModelSettings
{
    [Flag("Labels of the base policy: a 'label --steps-per-state' run, or any 'label' run whose seed traces share states", Required = true,
        Input = true)]
    public string Labels { get; init; } = "";

    [Flag("Labels of other policies on the same steps ('label --states'): candidate provers", Input = true)]
    public string[] Provers { get; init; } = [];

    [Flag("K of the best-of-K provers; none named means those of 1, 2, 4, 8, 16, 32 that the completions allow", Min = 1, Max = 4096)]
    public int[] K { get; init; } = [];

    [Flag("Weight of progress in the ranking of steps", Min = 0, Max = 10)]
    public double Alpha { get; init; } = 0.5;

    [Flag("Verifier of the base policy's Q: also rank steps by its values, as a search will", Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("Problems of the labels, for --verifier", Input = true)]
    public string[] Problems { get; init; } = [];

    [Flag("A 'search' run with several provers: does its accuracy rank them as the predictors do?", Input = true)]
    public string Search { get; init; } = "";
}

/// <summary>Judges candidate provers from rollouts, before anything is trained.</summary>
internal static class ProverCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<ProverSettings, ProverReport>(
        "prover", "Choose a prover from labels, before anything is trained: how well its progress tells steps apart, and whether it "
            + "agrees with the base policy.",
        """
        pav label --policy runs/sft --problems valid.jsonl --steps-per-state 4 --depths 2 --n-mc 20 --out runs/states
        pav label --policy runs/other --problems valid.jsonl --states runs/states --n-mc 20 --out runs/states-other
        pav prover --labels runs/states --provers runs/states-other
        """, Output.OptionalFolder, Run);

    private static async Task<ProverReport> Run(ProverSettings settings, CommandContext context)
    {
        if (settings.Verifier != "" && settings.Problems.Length == 0)
            throw new UserError("--verifier needs --problems, whose texts it reads.");
        var labels = new ProverLabels(StateLabels.Read("--labels", settings.Labels),
            [.. settings.Provers.Select(p => StateLabels.Read("--provers", p))]);
        var candidates = labels.Candidates(settings.K);
        if (candidates.Count == 0)
            throw new UserError(
                $"{settings.Labels}: one completion after each step leaves nothing to estimate noise from; label with --n-mc 2 at least, better 20.");
        if (candidates.GroupBy(c => c.Name).FirstOrDefault(g => g.Count() > 1)?.Key is { } twice)
            throw new UserError(
                $"--provers: two of the label folders are of policies called {twice}; rename the folder of one policy and label with it again.");
        var searches = settings.Search == "" ? null : Searches(settings, candidates);
        var seen = settings.Verifier == "" ? null : await Score(labels, settings, context);
        var study = new ProverStudy(labels, candidates, settings.Alpha, settings.Seed, seen);
        var report = study.Report(searches is null ? null : SearchAgreement.From(searches, study, settings.Seed));
        foreach (var line in Lines(report, context.Reporter.Width)) context.Reporter.Say(line);
        if (context.Folder is { } folder) AtomicFile.WriteJson(folder.At("provers.json"), report);
        return report;
    }

    /// <summary>A verifier's values at every state and step.</summary>
    private static async Task<IReadOnlyList<PickedSteps.Seen>> Score(ProverLabels labels, ProverSettings settings, CommandContext context)
    {
        var problems = LabelFiles.Problems(settings.Problems);
        if (labels.States.FirstOrDefault(s => !problems.ContainsKey(s.Problem)) is { } unknown)
            throw new UserError($"problem {unknown.Problem} of {settings.Labels} is not in --problems.");
        Checkpoint.Threads(settings.Threads);
        using var verifier = Checkpoint.Verifier("--verifier", settings.Verifier, settings,
            LabelFiles.StepEnd(labels.States.Select(s => s.StepEnd)));
        return await context.Reporter.Track("Scoring", labels.States.Count, "states", async tracker =>
        {
            var seen = new List<PickedSteps.Seen>();
            foreach (var batch in labels.States.Chunk(256))
            {
                var steps = batch.Select(s => Prefixes(s, problems[s.Problem])).ToList();
                var scores = await verifier.Score([.. steps.SelectMany(s => s)], context.Cancel);
                seen.AddRange(scores.SplitBy(steps.Select(s => s.Count))
                    .Select(slice => new PickedSteps.Seen(slice[0].Q[^2], [.. slice.Select(s => s.Q[^1])])));
                verifier.Reset();
                tracker.At(seen.Count, "");
            }
            return seen;
        });
    }

    private static List<Prefix> Prefixes(LabelledState state, Problem problem)
    {
        var prefix = state.ToPrefix(problem);
        return [.. state.Next.Select(n => prefix.Then(n.Step, n.Tokens, n.Ended))];
    }

    private static ProverSearches Searches(ProverSettings settings, IReadOnlyList<ProverCandidate> candidates)
    {
        var file = Path.Combine(settings.Search, "search.jsonl");
        if (!File.Exists(file)) throw new UserError($"--search {settings.Search}: there is no search.jsonl in it.");
        var run = Path.Combine(settings.Search, "run.json");
        var options = File.Exists(run) ? Json.Read<JsonObject>(run)["options"] : null;
        var policies = new[] { "provers", "sweep_provers" }.SelectMany(o => options?[o]?.AsArray().Select(p => (string)p!) ?? []).Distinct()
            .Where(p => ProverChoice.BestOf(p) is null && Home.TryModel(p) is not null)
                .ToDictionary(p => Checkpoint.NameOf(Home.Model("--provers", p)), p =>
                VerifierRecord.Load(Home.Model("--provers", p)).Policy);
        return ProverSearches.From(
            settings.Search, JsonLines.Read<SearchRow>(file), candidates.Select(c => c.Name), name =>
                policies.GetValueOrDefault(name, name));
    }

    private static IEnumerable<string> Lines(ProverReport report, int width)
    {
        yield return Text(
            $"{report.States:N0} states of {report.Problems:N0} problems, {report.Steps:N0} distinct steps of {report.Policy}, {report.Rollouts:N0} rollouts ({report.NMc} or more after each step); alpha {report.Alpha}.");
        yield return "";
        var shown = new (string Name, string Heading)[]
        {
            (ProverStudy.Distinguishability, "distinguishability"), (ProverStudy.Alignment, "alignment"),
                (ProverStudy.SignalToNoise, "signal/noise"),
            (ProverStudy.Best, "best step"), (ProverStudy.Kept, "kept steps"), (ProverStudy.BestByVerifier, "best by verifier"),
                (ProverStudy.KeptByVerifier, "kept by verifier"),
        }.Where(c => report.Provers.Any(p => p.Predictors.ContainsKey(c.Name))).ToList();
        foreach (var line in ResultTable.Lines(
            ["prover", .. shown.Select(c => c.Heading)],
            [.. report.Provers.Select(p =>
                (IReadOnlyList<string>)[p.Name, .. shown.Select(c => p.Predictors.TryGetValue(c.Name, out var v)
                ? Cell(v, c.Name == ProverStudy.SignalToNoise ? "0.00" : "0.0000") : "")])], width)) yield return line;
        yield return "";
        yield return "distinguishability E Var[A^mu] and alignment E[A^mu A^pi] over the steps that the policy takes, free of Monte "
            + "Carlo noise; signal/noise of A^mu at these completions;";
        yield return "best and kept steps: Q^pi of the steps that a beam would pick on Q + alpha A, ranked with half of the completions "
            + "and counted with the other half; 95% over problems; '-': too few completions.";
        yield return "In these picks best-of-K is estimated without bias where half of the completions are K or more, and by 1 - (1 - "
            + "Q)^K where they are fewer.";
        if (report.SharedRounds == 0) yield return "No two states of a problem have the same depth, so best-of-K cannot change a pick; "
            + "label with more seed traces and --depths.";
        yield return "";
        foreach (var advice in report.Advice) yield return $"For {advice.For}: {advice.Reason}";
        yield return "What this cannot tell: the two terms speak of a small first step with exact values; they separate weak from strong "
            + "provers and do not prove that one in between is best. What a trained verifier's errors do is seen only with --verifier.";
        if (report.Search is null) yield break;
        yield return "";
        yield return Text(
            $"Against beam search of {report.Search.N} at alpha {report.Search.Alpha} on {report.Search.Problems} problems: {string.Join(", ", report.Search.Provers.Select(p => Text($"{p.Name} {100 * p.Accuracy:0.0}% [{100 * p.Low:0.0}, {100 * p.High:0.0}]")))}");
        foreach (var line in ResultTable.Lines(["predictor", "provers", "rank correlation"],
            [.. report.Search.Predictors.Select(p =>
            (IReadOnlyList<string>)[p.Predictor, Text($"{p.Provers}"), Cell(p.Spearman, "0.00")])], width)) yield return line;
    }

    private static string Cell(Interval value, string format)
    {
        string T(double x) => x.ToString(format, CultureInfo.InvariantCulture);
        return double.IsFinite(value.Value) ? $"{T(value.Value)} [{T(value.Low)}, {T(value.High)}]" : "-";
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
