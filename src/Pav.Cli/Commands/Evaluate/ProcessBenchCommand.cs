using System.Globalization;
using System.Text.Json.Serialization;
using Pav.Cli.Installation;
using Pav.Cli.Options;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Files;

namespace Pav.Cli.Commands.Evaluate;

internal sealed record ProcessBenchSettings : ModelSettings
{
    [Flag("Verifier: a 'train verifier' run or a checkpoint", Required = true, Input = true)]
    public string Verifier { get; init; } = "";

    [Flag("Traces with their first wrong step: ProcessBench, PRMBench or MR-MATH files, one a split", Required = true, Input = true)]
    public string[] Sets { get; init; } = [];

    [Flag("A step is called wrong if its Q is below this", Min = 0, Max = 1)]
    public double Threshold { get; init; } = 0.5;

    [Flag("Choose the threshold for the best F1 on this file instead (ProcessBench's authors take the gsm8k split)", Input = true)]
    public string TuneOn { get; init; } = "";

    [Flag("Only the first so many traces of each file; 0 takes all", Min = 0)]
    public int Limit { get; init; }

    [Flag("What a row that cannot be used does: stop ends the reading, skip leaves it out and tells how many and why",
        Choices = "stop|skip")]
    public string OnBadRow { get; init; } = "skip";
}

/// <summary>What a verifier finds in files of marked traces (processbench.json).</summary>
internal sealed record ProcessBenchResult(
    string Verifier, double Threshold, string ThresholdRule, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? MeanF1,
    int LeftOutRows, IReadOnlyList<SplitResult> Splits);

/// <summary>What it finds in one of them.</summary>
internal sealed record SplitResult : FirstError
{
    public SplitResult(string split, FirstError found) : base(found) => Split = split;

    [JsonPropertyOrder(-1)]
    public string Split { get; }
}

/// <summary>How well a verifier finds the first wrong step of marked traces.</summary>
internal static class ProcessBenchCommand
{
    public static CommandSpec Spec { get; } = CommandSpec.Create<ProcessBenchSettings, ProcessBenchResult>(
        "evaluate processbench", "Measure how well a verifier finds the first wrong step: ProcessBench's F1 for each file and their mean; also for PRMBench and MR-MATH files.",
        "pav evaluate processbench --verifier runs/verifier --sets gsm8k.jsonl,math.jsonl --tune-on gsm8k.jsonl", Output.Folder, Run);

    /// <summary>One line of <c>steps.jsonl</c>.</summary>
    private sealed record Row(string Set, string Id, int First, double[] Q);

    private static async Task<ProcessBenchResult> Run(ProcessBenchSettings settings, CommandContext context)
    {
        string[] files = [.. settings.Sets.Append(settings.TuneOn).Where(f => f != "").Distinct()];
        var bad = files.ToDictionary(f => f, _ => new BadRows(settings.OnBadRow == "stop"));
        var sets = files.ToDictionary(f => f, f => StepSets.Read(f, bad[f]).Take(settings.Limit == 0 ? int.MaxValue : settings.Limit)
            .ToList());
        foreach (var line in bad.SelectMany(b => b.Value.Lines($"see whether {b.Key} is a ProcessBench, PRMBench or MR-MATH file")))
            context.Reporter.Say(line);
        var steps = VerifierRecord.Load(Home.Model("--verifier", settings.Verifier)).Template.StepEnd;
        using var verifier = Checkpoint.Verifier("--verifier", settings.Verifier, settings, steps);
        var marked = await Score(sets, verifier, steps, context);

        var threshold = settings.TuneOn == "" ? settings.Threshold : FirstError.BestThreshold(marked[settings.TuneOn]);
        var splits = settings.Sets.Distinct().Select(f => (Name: Name(f), Result: FirstError.From(marked[f], threshold))).ToList();
        var mean = splits.Average(s => s.Result.F1);
        var rule = settings.TuneOn == "" ? "fixed" : $"best F1 on {Name(settings.TuneOn)}";
        var result = new ProcessBenchResult(
            verifier.Name, threshold, rule, mean, bad.Values.Sum(b => b.Count), [.. splits.Select(s => new SplitResult(s.Name, s.Result))]);
        AtomicFile.WriteJson(context.Run.At("processbench.json"), result);
        Show(context.Reporter, threshold, rule, splits, mean);
        return result;
    }

    private static async Task<Dictionary<string, List<MarkedScores>>> Score(Dictionary<string, List<MarkedTrace>> sets, IVerifier verifier, StepEnd steps, CommandContext context)
    {
        var file = context.Run.At("steps.jsonl");
        var done = JsonLines.Read<Row>(file).GroupBy(r => r.Set).ToDictionary(g => g.Key, g => g.ToList());
        var scored = done.Values.Sum(rows => rows.Count);
        await context.Reporter.Track("Scoring traces", sets.Values.Sum(s => s.Count), "traces", async tracker =>
        {
            using var lines = JsonLines.Append(file);
            foreach (var (name, traces) in sets)
            {
                var rows = done[name] = done.GetValueOrDefault(name, []);
                foreach (var batch in traces.Skip(rows.Count).Chunk(64))
                {
                    var scores = await Scores(name, batch);
                    verifier.Reset();
                    foreach (var (trace, score) in batch.Zip(scores))
                    {
                        var row = new Row(name, trace.Id, trace.First, score.Q[1..]);
                        lines.Write(row);
                        rows.Add(row);
                    }
                    tracker.At(scored += batch.Length);
                }
            }
            return 0;
        }, scored);
        return done.ToDictionary(s => s.Key, s => s.Value.Select(r => new MarkedScores(r.First, r.Q)).ToList());

        async Task<IReadOnlyList<Scored>> Scores(string file, MarkedTrace[] batch)
        {
            try
            {
                return await verifier.Score([.. batch.Select(t => t.ToPrefix(steps))], context.Cancel);
            }
            catch (UserError e)
            {
                throw new UserError($"{file}: {e.Message}", e);
            }
        }
    }

    private static void Show(Reporter reporter, double threshold, string rule, IReadOnlyList<(string Name, FirstError Result)> splits, double? mean)
    {
        static string Percent(double? value) => value is { } v ? (100 * v).ToString("0.0", CultureInfo.InvariantCulture) : "none";
        reporter.Say(string.Create(CultureInfo.InvariantCulture, $"the first step with Q below {threshold:0.####} ({rule}) is called wrong; error: that step found among traces with one; correct: none found among those without; F1: their harmonic mean"));
        var rows = splits.Select(s => (IReadOnlyList<string>)[s.Name, $"{s.Result.TracesWithError}+{s.Result.CorrectTraces}", Percent(s.Result.ErrorAccuracy), Percent(s.Result.CorrectAccuracy), Percent(s.Result.F1)]);
        foreach (var line in ResultTable.Lines(["split", "traces", "error %", "correct %", "F1"], [.. rows, ["mean", "", "", "", Percent(mean)]], reporter.Width)) reporter.Say(line);
    }

    private static string Name(string file)
    {
        var name = Path.GetFileName(file);
        return name.Contains('.') ? name[..name.IndexOf('.')] : name;
    }
}
