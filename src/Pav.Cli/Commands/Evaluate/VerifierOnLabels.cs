using System.Globalization;
using Pav.Cli.Installation;
using Pav.Cli.Running;
using Pav.Cli.Shared;
using Pav.Cli.Terminal;
using Pav.Models;
using Pav.Models.Files;
using Pav.Report.Reproduction;

namespace Pav.Cli.Commands.Evaluate;

/// <summary>
/// The part of 'pav evaluate' that measures a verifier: on traces that the policy wrote by itself, and apart on those that searches
/// visited.
/// </summary>
internal static class VerifierOnLabels
{
    public const string ScoresName = "scores.jsonl";

    private const int TracesAtOnce = 256;

    /// <summary>The evaluation with what the verifier is worth on both kinds of labels, as far as there are any.</summary>
    public static async Task<EvaluationSummary> Measure(
        EvaluateSettings settings, IReadOnlyList<Problem> problems, IReadOnlyList<LabelledTrace> labels, EvaluationSummary evaluation,
        CommandContext context)
    {
        var scores = await Score(settings, problems, labels, context);
        var folder = Home.Model("--verifier", settings.Verifier);
        var outcome = VerifierRecord.Load(folder).Kind == VerifierKind.Outcome;
        var name = Checkpoint.NameOf(folder);
        var parts = labels.Zip(scores).ToLookup(l => l.First.Visited is not null);
        File.Delete(context.Run.At(ScoresName));
        using (var lines = JsonLines.Append(context.Run.At(ScoresName)))
            foreach (var (trace, q) in parts[false]) lines.Write(new ScoredTrace(trace.Problem, trace.Trace, trace.Rex, q));
        IReadOnlyList<LabelledTrace> Traces(bool visited) => [.. parts[visited].Select(p => p.First)];
        IReadOnlyList<double[]> Scores(bool visited) => [.. parts[visited].Select(p => p.Second)];
        VerifierMeasures? Measured(bool visited) => parts.Contains(visited)
            ? VerifierMeasures.From(name, outcome, Traces(visited), Scores(visited), settings.Seed) : null;
        var result = evaluation with
        {
            Verifier = Measured(false), VerifierVisited = Measured(true),
            Gaps = parts.Contains(true) ? ScoreGap.From(Traces(true), Scores(true), settings.Seed) : null,
        };
        foreach (var line in Lines(result, context.Reporter.Width)) context.Reporter.Say(line);
        foreach (var (visited, traces) in new[] { (false, "finished traces"), (true, "finished visited traces") })
        {
            var ends = parts[visited].Where(p => !p.First.Unfinished)
                .Select(p => new Judged(p.First.Problem, p.Second[^1], p.First.Rex == 1)).ToList();
            if (ends.Count > 0) context.Reporter.Say($"{name}, {traces}: {SignalToNoise.From(ends, settings.Seed)}");
        }
        return result;
    }

    private static async Task<IReadOnlyList<double[]>> Score(
        EvaluateSettings settings, IReadOnlyList<Problem> problems, IReadOnlyList<LabelledTrace> labels, CommandContext context)
    {
        var byId = problems.ToDictionary(p => p.Id);
        using var verifier = Checkpoint.Verifier("--verifier", settings.Verifier, settings,
            LabelFiles.StepEnd(labels.Select(t => t.StepEnd)));
        return await context.Reporter.Track("Scoring labelled traces", labels.Count, "traces", async tracker =>
        {
            var scores = new List<double[]>();
            foreach (var batch in labels.Chunk(TracesAtOnce))
            {
                scores.AddRange((await verifier.Score([.. batch.Select(t => t.ToPrefix(byId[t.Problem]))], context.Cancel))
                    .Select(s => s.Q));
                verifier.Reset();
                tracker.At(scores.Count);
            }
            return scores;
        });
    }

    /// <summary>Measures side by side, and the gaps below.</summary>
    private static IEnumerable<string> Lines(EvaluationSummary result, int width)
    {
        static string Number(double? value) => value?.ToString("0.000", CultureInfo.InvariantCulture) ?? "unknown";
        IReadOnlyList<string> Row(string traces, VerifierMeasures m) =>
        [
            traces, m.AucWithin is null ? "unknown" : $"{Number(m.AucWithin)} [{Number(m.AucWithinLow)}, {Number(m.AucWithinHigh)}]",
            Number(m.AucPooled), Number(m.Brier), Number(m.Ece), Number(m.RankWithinState), Number(m.Correlation),
        ];
        List<IReadOnlyList<string>> rows = [];
        if (result.Verifier is { } policy) rows.Add(Row("of the policy", policy));
        if (result.VerifierVisited is { } visited) rows.Add(Row("visited", visited));
        foreach (var line in ResultTable.Lines(["traces", "AUC within problems", "pooled", "Brier", "ECE", "rank in states",
            "correlation"], rows, width))
            yield return line;
        if (result.Gaps is not { } gaps) yield break;
        yield return "";
        yield return "How far the verifier overrates what the searches chose (score minus fresh Monte Carlo value):";
        foreach (var line in ResultTable.Lines(
            ["method", "N", "steps", "number", "score", "value", "gap", "95%"],
            [.. gaps.Select(g => (IReadOnlyList<string>)
            [
                g.Method, $"{g.N}", g.Kind.ToString().ToLowerInvariant(), $"{g.Steps:N0}", Number(g.Score), Number(g.Value),
                $"{(g.Gap < 0 ? "" : "+")}{Number(g.Gap)}", $"{Number(g.Low)} to {Number(g.High)}",
            ])], width)) yield return line;
    }
}
