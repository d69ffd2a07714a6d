using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Runs;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Search;

/// <summary>Searches for answers with every method asked for, at every size, and sums up accuracy against compute.</summary>
internal static class SearchCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<SearchSettings, object>(
        "search", "Answer problems by sampling, voting, re-ranking and guided search on progress, and compare accuracy at equal compute.",
        """
        pav search --policy runs/sft --verifier runs/verifier --outcome runs/outcome --problems test.jsonl --out runs/search
        pav search --policy runs/sft --verifier runs/verifier --problems test.jsonl --methods beam-q,beam-pav --beam 4 --provers bo1,bo2,bo4,bo8
        """, Output.Folder, Run);

    private static async Task<object> Run(SearchSettings settings, CommandContext context)
    {
        settings.Check();
        var methods = settings.ChosenMethods();
        if (methods.Any(m => m.Search.Needs.HasFlag(Needs.Verifier) && !m.ByOracle))
            Checkpoint.CheckValues("--verifier", settings.Verifier, Home.Model("--verifier", settings.Verifier));
        foreach (var name in settings.Provers.Concat(settings.SweepProvers).Where(p => ProverChoice.BestOf(p) is null))
            Checkpoint.CheckValues("--provers", name, Home.Model("--provers", name));
        var problems = settings.ReadProblems();
        var grader = new WatchedGrader(Grader.Named(settings.Grader));
        var loaded = new Dictionary<string, IVerifier>();
        foreach (var model in new[] { settings.Verifier, settings.Outcome, settings.Policy }.Where(m => m != "")
            .Select(m => Home.TryModel(m)).OfType<string>().Distinct())
            KnownProblems.Warn(model, problems, context.Reporter);
        using var policy = await OpenedPolicy.Open(settings, problems, context);
        try
        {
            IVerifier Open(string option, string folder) => loaded.TryGetValue(folder, out var known)
                ? known : loaded[folder] = Checkpoint.Verifier(option, folder, settings, policy.StepEnd);
            var tools = new SearchTools(
                policy, grader.Grader,
                settings.Verifier == "" ? null : Open("--verifier", settings.Verifier),
                settings.Outcome == "" ? null : Open("--outcome", settings.Outcome));
            Prover Named(string name) => ProverChoice.BestOf(name) is { } k ? Prover.BestOf(k) : Prover.By(Open("--provers", name));
            foreach (var name in settings.NeededProvers(methods)) Named(name);
            var run = new SearchRun(settings, tools, Named, context.Folder, context.Reporter, context.Cancel);
            if (settings.DryRun) return await Estimate(settings, run, problems, context.Reporter);
            if (settings.Caution != "") await SetCaution(settings, (ILoadedVerifier)tools.Verifier!, run);
            var alpha = settings.FixedAlpha ?? await run.ChooseAlpha(Problems.Read(settings.ValidProblems));
            if (settings.FixedAlpha is null) context.Reporter.Say($"alpha = {alpha}");
            var chosen = await new ValidationChoices(settings, tools, context).Choose(methods, alpha);
            context.Reporter.Say($"{problems.Count} problems; {string.Join(", ", methods.Select(m => m.Id))}");
            await run.All(problems, chosen);
            GraderChoice.Warn(grader.Advice, context);
            return SumUp(settings, run.Rows(), context.Run, context.Reporter);
        }
        finally
        {
            foreach (var verifier in loaded.Values.OfType<IDisposable>()) verifier.Dispose();
        }
    }

    /// <summary>What validation problems would settle is taken as it stands before: the grid's middle, or the usual value.</summary>
    private static async Task<SearchCost> Estimate(SearchSettings settings, SearchRun run, IReadOnlyList<Problem> problems,
        Reporter reporter)
    {
        var alpha = settings.FixedAlpha ?? settings.AlphaGrid[settings.AlphaGrid.Length / 2];
        var cost = await run.Estimate(problems, new(alpha, settings.FixedSettle ?? 1, settings.FixedSure ?? 0.95, new(1, 0, 0.1),
            (int)(settings.FixedWidest ?? 0)));
        if (settings.ValidProblems != "") reporter.Say("What is chosen on --valid-problems takes searches of its own, not counted here.");
        return cost.Tell(reporter);
    }

    private static async Task SetCaution(SearchSettings settings, ILoadedVerifier verifier, SearchRun run)
    {
        if (verifier.Judges < 2)
            throw new UserError($"--caution {settings.Caution}: {settings.Verifier} has one head and no members, so nothing disagrees; "
                + $"train one with --heads or --members.");
        if (settings.Caution == AutoNumber.Auto) await run.ChooseCaution(Problems.Read(settings.ValidProblems), verifier);
        else verifier.Caution = Pav.Caution.Parse("--caution", settings.Caution, settings.Seed);
    }

    private static Summary SumUp(SearchSettings settings, IReadOnlyList<SearchRow> rows, RunFolder folder, Reporter reporter)
    {
        var verifiers = new[] { settings.Outcome, settings.Verifier }.Where(v => v != "").Select(MeasuresOf).OfType<VerifierMeasures>()
            .ToList();
        folder.Spend();
        var summary = Summary.From(rows, verifiers, OptionSchema.From(typeof(SearchSettings)).ToJson(settings), folder.SecondsBefore,
            folder.PeakMemory);
        AtomicFile.WriteJson(folder.At("summary.json"), summary);
        reporter.Say("");
        foreach (var line in ResultTable.FromSummary(summary, reporter.Width).Concat(ResultTable.Claims(summary).Prepend("")))
            reporter.Say(line);
        return summary;
    }

    /// <summary>The measures in verifier.json, under the name of its training; null where it was not measured.</summary>
    private static VerifierMeasures? MeasuresOf(string given)
    {
        var folder = Home.Model("--verifier", given);
        var measures = VerifierRecord.Load(folder).Measures;
        return measures is null ? null : measures with { Name = Checkpoint.NameOf(folder) };
    }
}
