using System.Globalization;
using Pav.Cli.Commands.Label;
using Pav.Cli.Commands.Search;
using Pav.Cli.Commands.Train;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Rounds;

/// <summary>What a verifier of a round is worth.</summary>
/// <param name="Round">0: the first verifier.</param>
/// <param name="Labels">What it learned from beside the first labels: first (nothing), visited, or independent (the control).</param>
/// <param name="Verifier">Its folder.</param>
/// <param name="Traces">Labelled traces that it learned from.</param>
/// <param name="GeneratedTokens">Of this round's labels, and of the search that visited their traces.</param>
/// <param name="Curve">On the validation problems.</param>
/// <param name="Mean">Accuracy, all methods and sizes of the curve alike.</param>
/// <param name="Gain">Mean above the best round before; null for the first.</param>
internal sealed record RoundRow(
    int Round, string Labels, string Verifier, int Traces, long GeneratedTokens, IReadOnlyList<RoundPoint> Curve, double Mean,
    RoundGain? Gain);

/// <summary>All rounds, the control's too, and which one's verifier is the best on validation problems.</summary>
internal sealed record RoundsResult(IReadOnlyList<RoundRow> Rounds, int Best, string Verifier);

/// <summary>
/// Rounds of training where the search goes: label, train, search training problems, label what was visited, train on all. Each part is a
/// run in a folder of its own, so that a stopped command goes on where it was.
/// </summary>
internal static class RoundsCommand
{
    public const string FileName = "rounds.json";

    public static CommandSpec Spec { get; } = CommandSpec.Create<RoundsSettings, RoundsResult>(
        "train rounds", "Train a verifier in rounds: search training problems with it, label what the search visited, train anew, "
            + "measure on validation problems.",
        """
        pav train rounds --policy runs/base --trunk pav-tiny-s --problems train.jsonl --valid-problems valid.jsonl --control --out runs/rounds
        """, Output.Folder, Run);

    private static async Task<RoundsResult> Run(RoundsSettings settings, CommandContext context)
    {
        var shared = Overlap.Find(settings.ReadProblems(), Problems.Read(settings.ValidProblems));
        if (shared.Count > 0)
            throw new UserError($"{shared.Count} of the --valid-problems are among --problems; rounds are measured on problems that no "
                + "verifier learned from.");
        return await new Rounds(settings, context).All();
    }

    /// <summary>The parts of one command, each made once.</summary>
    private sealed class Rounds(RoundsSettings settings, CommandContext context)
    {
        private readonly List<RoundRow> rows = [];

        public async Task<RoundsResult> All()
        {
            string[] labels = settings.Labels.Length > 0 ? settings.Labels
                : [await Label("labels", settings.Problems, s => s with { NCov = settings.NCov, NMc = settings.NMc })];
            string[] valid = settings.ValidLabels.Length > 0 ? settings.ValidLabels
                : [await Label("labels-valid", settings.ValidProblems, s =>
                    s with { Limit = 0, NCov = settings.ValidNCov, NMc = settings.ValidNMc, Seed = settings.Seed + 1 })];
            var best = await Measured(0, "first", await Train("verifier-0", labels, valid, 0), labels, [labels], null);
            var (at, control, stopped) = (best, labels, false);
            for (var round = 1; round <= settings.Rounds && !stopped; round++)
            {
                var search = await Search($"search-{round}", settings.Problems, at.Verifier, settings.VisitMethods, settings.VisitBeam,
                    settings.VisitProblems);
                var visited = await Label($"labels-{round}", settings.Problems, s => s with
                {
                    Visited = [search], VisitedKind = settings.VisitedKind, NCov = settings.VisitTraces, NMc = settings.NMc,
                    Seed = settings.Seed + (ulong)round,
                });
                labels = [.. labels, visited];
                at = await Measured(round, "visited", await Train($"verifier-{round}", labels, valid, round), labels,
                    [[search, visited]], best);
                if (settings.Control)
                {
                    var fresh = await Label($"control-labels-{round}", settings.Problems, s => s with
                    {
                        AsManyAs = visited, NCov = settings.VisitTraces, NMc = settings.NMc, Seed = settings.Seed + 1000 + (ulong)round,
                    });
                    control = [.. control, fresh];
                    await Measured(round, "independent", await Train($"control-verifier-{round}", control, valid, round), control,
                        [[fresh]], best);
                }

                stopped = at.Row.Gain!.Value <= 0;
                if (!stopped) best = at;
            }

            if (stopped) context.Reporter.Say($"Round {at.Row.Round} gains nothing on the validation problems, so it is the last.");
            return Told(best);
        }

        private sealed record Measure(RoundRow Row, RoundCurve Curve)
        {
            public string Verifier => Row.Verifier;
        }

        private async Task<string> Label(string name, string problems, Func<LabelSettings, LabelSettings> with) =>
            await Part(LabelCommand.Spec, name, with(Shared<LabelSettings>() with { Problems = problems, VisitedKind = ["finished"] }));

        /// <summary>A search of all problems, or of the first so many, whose trees it keeps.</summary>
        private async Task<string> Search(string name, string problems, string verifier, string[] methods, int[] sizes, int first = 0) =>
            await Part(SearchCommand.Spec, name, Shared<SearchSettings>() with
            {
                Problems = problems, ValidProblems = "", Verifier = verifier, Methods = methods, Beam = sizes, N = sizes, Limit = first,
                Trees = first, TreesBeam = sizes,
            });

        private async Task<string> Train(string name, string[] labels, string[] valid, int round) =>
            await Part(TrainCommands.Verifier, name, Shared<VerifierSettings>() with
            {
                Model = settings.Trunk, Labels = labels, ValidLabels = valid, Problems = [settings.Problems, settings.ValidProblems],
                Prompt = new() { Template = settings.VerifierTemplate }, Steps = settings.Steps + round * settings.MoreSteps,
                CheckpointEvery = settings.EvaluateEvery, Weights = new VerifierSettings().Weights,
            });

        private async Task<Measure> Measured(int round, string kind, string verifier, string[] labels, string[][] costs, Measure? best)
        {
            var name = $"{(kind == "independent" ? "control-" : "")}curve-{round}";
            var searched = await Search(name, settings.ValidProblems, verifier, settings.Methods, settings.Beam);
            var curve = new RoundCurve([.. JsonLines.Read<SearchRow>(Path.Combine(searched, "search.jsonl"))]);
            var cost = costs.SelectMany(c => c).Select(run => Path.Combine(run, Runs.RunFolder.CostFile)).Where(File.Exists)
                .Sum(f => Json.Read<RunCost>(f).GeneratedTokens);
            var row = new RoundRow(round, kind, verifier, labels.Sum(l => LabelFiles.Read(l).Count()), cost, curve.Points, curve.Mean,
                best is null ? null : curve.Above(best.Curve));
            rows.Add(row);
            foreach (var line in Table(rows, context.Reporter.Width).Prepend("")) context.Reporter.Say(line);
            return new(row, curve);
        }

        private RoundsResult Told(Measure chosen)
        {
            var best = Home.Model("--verifier", chosen.Verifier);
            var record = VerifierRecord.Load(best);
            (record with { Members = [Path.GetRelativePath(context.Run.Path, best)], Heads = null, Calibration = null, Caution = null })
                .Save(context.Run.Path);
            var result = new RoundsResult(rows, chosen.Row.Round, context.Run.Path);
            AtomicFile.WriteJson(context.Run.At(FileName), result);
            context.Reporter.Say($"The best verifier on the validation problems is that of round {chosen.Row.Round}: --verifier "
                + $"{context.Run.Path}");
            return result;
        }

        /// <summary>Options of another command with the values that this one's options of the same names have.</summary>
        private T Shared<T>()
            where T : RunSettings, new()
        {
            var (options, given) = (new T(), OptionSchema.From(typeof(RoundsSettings)).Fields);
            foreach (var field in OptionSchema.From(typeof(T)).Fields.Where(f => f.SnakeName != "out"))
            {
                var same = given.FirstOrDefault(f => f.SnakeName == field.SnakeName && f.IsList == field.IsList);
                if (same is not null) field.Set(options, same.Get(settings));
            }

            return options;
        }

        private async Task<string> Part<T>(CommandSpec spec, string name, T options)
            where T : RunSettings
        {
            context.Cancel.ThrowIfCancellationRequested();
            var path = context.Run.At(name);
            context.Reporter.Say($"\n[{name}]");
            await Runner.RunOnce(spec, options with { Out = path }, path, context.Reporter, context.Cancel);
            return path;
        }
    }

    private static IEnumerable<string> Table(IReadOnlyList<RoundRow> rows, int width)
    {
        static string Percent(double value) => (100 * value).ToString("0.0", CultureInfo.InvariantCulture);
        var points = rows[0].Curve;
        var methods = points.Select(p => p.Method).Distinct().Count();
        return ResultTable.Lines(
            ["round", "labels", "traces", .. points.Select(p => $"{(methods > 1 ? p.Method + " " : "")}N={p.N}"), "mean", "gain", "95%"],
            [.. rows.Select(r => (IReadOnlyList<string>)
            [
                $"{r.Round}", r.Labels, $"{r.Traces:N0}", .. r.Curve.Select(p => Percent(p.Accuracy)), Percent(r.Mean),
                r.Gain is { } gain ? $"{(gain.Value < 0 ? "" : "+")}{Percent(gain.Value)}" : "",
                r.Gain is { } g ? $"{Percent(g.Low)} to {Percent(g.High)}" : "",
            ])], width);
    }
}
