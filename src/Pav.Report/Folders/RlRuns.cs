using System.Globalization;
using System.Text.Json;
using Pav.Models.Files;
using Pav.Models.Training;

namespace Pav.Report.Folders;

/// <summary>RL runs of equal settings but for the seed.</summary>
/// <param name="Name">What sets them apart from others: <c>orm</c>, <c>pav alpha=3</c>, …</param>
/// <param name="Valid">One curve per seed.</param>
/// <param name="Batches">Measures on the training batches, means over the seeds.</param>
/// <param name="Pass">Pass@N of the last policies on the test problems: mean, least and largest over the seeds.</param>
/// <param name="Hard">The same on the problems that the start did not solve.</param>
/// <param name="HardBeam">Share of these that a beam of N on the verifier's Q answers.</param>
internal sealed record RlGroup(
    string Name, string Reward, IReadOnlyList<ulong> Seeds, IReadOnlyList<RlCurve> Valid,
        IReadOnlyList<Dictionary<string, double>> Batches, IReadOnlyList<PassBand> Pass, IReadOnlyList<PassBand> Hard,
    IReadOnlyList<PassBand> HardBeam, int HardProblems, int UnsolvedBy, double? Majority, IReadOnlyList<LevelBand> Levels);

internal sealed record PassBand(int N, double Mean, double Low, double High);

internal sealed record LevelBand(int Level, double Sample);

/// <summary>All RL in the folders of a report, and each way of it against outcome rewards.</summary>
/// <param name="Start">Pass@N of the policy that RL started from, where it was evaluated.</param>
internal sealed record RlData(IReadOnlyList<RlGroup> Groups, IReadOnlyList<RlComparison> Comparisons, IReadOnlyList<PassBand> Start);

/// <summary>Reads the metrics of RL runs.</summary>
internal static class RlRuns
{
    private const int MaxPoints = 200;

    private sealed record Run(RlAsked Asked, bool Finished, IReadOnlyList<RlRow> Rows, EvaluationSummary? Evaluation);

    /// <param name="asked">Reads the options of an RL run in that folder.</param>
    public static RlData? Read(IReadOnlyList<(string Folder, RunRow Row)> runs, Func<string, RunRow, RlAsked> asked)
    {
        var rl = runs.Where(r => r.Row.Command == "rl" && File.Exists(Path.Combine(r.Folder, RlLoop.MetricsName)))
            .Select(r => Read(r.Folder, r.Row, asked(r.Folder, r.Row))).Where(r => r.Rows.Count > 0).ToList();
        if (rl.Count == 0) return null;
        var ways = rl.Select(r => r.Asked.Way).ToList();
        var byTask = rl.GroupBy(r => r.Asked.Way.TaskKey)
            .Select(t => t.GroupBy(r => r.Asked.Way.WayKey)
                .Select(w => (Name: w.First().Asked.Way.NameAmong(ways), Runs: (IReadOnlyList<Run>)[.. w]))
                .OrderBy(w => w.Runs[0].Asked.Way.OutcomeOnly ? 0 : 1).ThenBy(w => w.Name, StringComparer.Ordinal).ToList()).ToList();
        var groups = byTask.SelectMany(t => t).Select(w => Group(w.Name, w.Runs)).ToList();
        var comparisons = byTask.SelectMany(Compared).ToList();
        var starts = rl.Select(r => (Same(r.Asked.Policy), Same(r.Asked.TestProblems))).ToHashSet();
        var start = runs.Where(r => r.Row.Command == "evaluate" && r.Row.Options is { } o && o.TryGetProperty("policy", out var policy)
            && o.TryGetProperty("problems", out var on) && starts.Contains((Same(policy.GetString()!), Same(on.GetString()!))))
            .Select(r => EvaluationOf(r.Folder)).OfType<EvaluationSummary>().LastOrDefault();
        return new(groups, comparisons, start is null ? [] : Bands([start.Pass]));
    }

    /// <summary>Each way of RL against outcome rewards on the same task, by the runs that are finished.</summary>
    private static IEnumerable<RlComparison> Compared(IReadOnlyList<(string Name, IReadOnlyList<Run> Runs)> ways)
    {
        var curves = ways.Select(w => (w.Name, w.Runs[0].Asked.Way.OutcomeOnly, Valid: Curves(w.Runs.Where(r => r.Finished))))
            .Where(w => w.Valid.Count > 0).ToList();
        var outcome = curves.Find(w => w.OutcomeOnly);
        return outcome.Valid is null
            ? [] : curves.Where(w => !w.OutcomeOnly).Select(w => RlComparison.From(w.Name, w.Valid, outcome.Name, outcome.Valid))
            .OfType<RlComparison>();
    }

    private static IReadOnlyList<RlCurve> Curves(IEnumerable<Run> runs) => [.. runs.Select(Valid).Where(c => c.Points.Count > 0)];

    private static Run Read(string folder, RunRow row, RlAsked asked) =>
        new(asked, row.Finished is not null, [.. JsonLines.Read<RlRow>(Path.Combine(folder, RlLoop.MetricsName))], EvaluationOf(folder));

    private static EvaluationSummary? EvaluationOf(string folder) => Path.Combine(folder, "evaluation.json") is var file
        && File.Exists(file) ? Json.Read<EvaluationSummary>(file) : null;

    private static RlGroup Group(string name, IReadOnlyList<Run> runs)
    {
        var tested = runs.Select(r => r.Evaluation).OfType<EvaluationSummary>().ToList();
        var hard = tested.Select(e => e.Hard).OfType<HardMeasures>().ToList();
        return new(
            name, runs[0].Asked.Way.Reward, [.. runs.Select(r => r.Asked.Seed)], Curves(runs), Batches(runs),
                Bands([.. tested.Select(e => e.Pass)]),
            Bands([.. hard.Select(h => h.Pass)]), Bands([.. hard.Select(h => h.Beam).OfType<IReadOnlyDictionary<string, double>>()]),
                hard.Count == 0 ? 0 : hard[0].Problems, hard.Count == 0 ? 0 : hard[0].UnsolvedBy,
            tested.Any(e => e.Majority is not null) ? tested.Average(e => e.Majority) : null,
            [.. tested.SelectMany(e => e.Levels).GroupBy(l => l.Level).OrderBy(g => g.Key)
                .Select(g => new LevelBand(g.Key, g.Average(l => l.Sample)))]);
    }

    private static RlCurve Valid(Run run)
    {
        var labels = !run.Asked.Way.UsesProver || run.Asked.Verifier == "" ? 0 : LabelTokens.Read(run.Asked.Verifier);
        return new(run.Asked.Seed, [.. RlRow.Measured(run.Rows).Select(m =>
        {
            var (tokens, all) = (m.Spent.GeneratedTokens, m.Spent.GeneratedTokens + m.Spent.ProverTokens);
            return new RlPoint(m.Row.Iteration, tokens, all, m.Row.ValidAccuracy!.Value, all + labels);
        })]);
    }

    private static IReadOnlyList<Dictionary<string, double>> Batches(IReadOnlyList<Run> runs)
    {
        var rows = runs.SelectMany(r => r.Rows).Where(r => r.Reward is not null).ToList();
        var size = 1 + (rows.Select(r => r.Iteration).DefaultIfEmpty(0).Max() / MaxPoints);
        return [.. rows.GroupBy(r => r.Iteration / size).OrderBy(g => g.Key).Select(bucket =>
        {
            var means = new Dictionary<string, double> { ["iteration"] = bucket.Average(r => r.Iteration) };
            void Mean(string measure, Func<RlRow, double?> select)
            {
                if (bucket.Average(select) is { } mean) means[measure] = mean;
            }

            Mean("reward", r => r.Reward);
            Mean("progress", r => r.Progress);
            Mean("no_progress", r => r.NoProgress);
            Mean("length", r => r.Length);
            Mean("entropy", r => r.Entropy);
            Mean("kl", r => r.Kl);
            return means;
        })];
    }

    private static IReadOnlyList<PassBand> Bands(IReadOnlyList<IReadOnlyDictionary<string, double>> passes) =>
    [
        .. passes.SelectMany(p => p).Where(p => passes.All(other => other.ContainsKey(p.Key)))
            .GroupBy(p => int.Parse(p.Key, CultureInfo.InvariantCulture)).OrderBy(g => g.Key)
            .Select(g => new PassBand(g.Key, g.Average(p => p.Value), g.Min(p => p.Value), g.Max(p => p.Value))),
    ];

    private static string Same(string path) => path == "" ? "" : Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
}
