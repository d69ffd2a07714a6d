using System.Text.Json;
using Pav.Didactic;

namespace Pav.Cli.Terminal;

/// <summary>The tables of the didactic task as text.</summary>
internal static class DidacticTables
{
    public static IEnumerable<string> FromSummary(DidacticSummary summary, int width) =>
        [.. Speeds(summary, width), .. Strengths(summary, width), .. Tabular(summary, width), .. Passes(summary, width), "",
            .. summary.Findings, "", Rate(summary)];

    private static IEnumerable<string> Speeds(DidacticSummary summary, int width) => Titled(
        width,
        Text($"Fig. 3a and 9: iterations until an accuracy, median [first, last] over seeds; gamma = {summary.Gamma}, Adam, exact values"),
        ["|y*|", "reward", "seeds", "start", "50%", "99%", "100%", "at the end", "iterations"],
        summary.Speeds.Select(r =>
            (string[])[$"{r.Length}", Name(r.Reward), $"{r.Seeds}", Text($"{r.Start:0.0e0}"), ReachText(r.To50, r.Seeds),
            ReachText(r.To99, r.Seeds), ReachText(r.To100, r.Seeds), Text($"{100 * r.Final:0.0}%"), $"{r.Cap}"]));

    private static IEnumerable<string> Strengths(DidacticSummary summary, int width) => Titled(
        width,
        Text($"Fig. 3b: mean accuracy over {summary.Iterations} iterations by the prover's strength, |y*| = {summary.Length}, A^mu over all actions"),
        ["gamma", "optimizer", "values", "mean", "lowest", "highest", "reached 99%"],
        summary.Strengths.Select(r =>
            (string[])[Text($"{r.Gamma}"), Name(r.Method), r.Rollouts == 0
            ? "exact" : $"{r.Rollouts} rollouts", Text($"{r.Mean:0.000}"), Text($"{r.Low:0.000}"), Text($"{r.High:0.000}"),
            $"{r.Solved} of {r.Seeds}"]));

    private static IEnumerable<string> Tabular(DidacticSummary summary, int width)
    {
        foreach (var rows in summary.Tabular.GroupBy(r => (r.Method, r.Rate)))
        {
            var lengths = rows.Select(r => r.Length).Distinct().ToList();
            foreach (var line in Titled(
                width,
                Text($"Tabular policy, exact gradient, {(rows.Key.Method == GradientMethod.Adam ? "Adam" : "plain ascent")} at rate {rows.Key.Rate}: updates to 99%"),
                ["gamma", .. lengths.Select(l => $"|y*| = {l}")],
                rows.GroupBy(r => r.Gamma)
                    .Select(g =>
                    (string[])[g.Key is { } gamma
                    ? Text($"{gamma}") : "outcome only", .. g.Select(r => r.Steps is { } steps ? $"{steps}" : $"> {r.Cap}")])))
                yield return line;
        }
    }

    private static IEnumerable<string> Passes(DidacticSummary summary, int width)
    {
        int[] shown = [1, 4, 16, 64, 256, 1024];
        return Titled(
            width,
            "Fig. 3c: Pass@N in % after 100 iterations, mean over planted sequences",
            ["|y*|", "reward", "sequences", .. shown.Select(n => $"N = {n}")],
            summary.Passes.Select(c =>
                (string[])[$"{c.Length}", Name(c.Reward), $"{c.Sequences}",
                .. shown.Select(n => Text($"{100 * c.Points.First(p => p.N == n).Pass:0.0###}"))]));
    }

    private static string Rate(DidacticSummary summary) =>
        Text($"Policy gradient ran at {summary.IterationsPerSecond:0} iterations/s on each thread (median run with A^mu over all actions, evaluations not counted).");

    private static IEnumerable<string> Titled(int width, string title, IReadOnlyList<string> headings, IEnumerable<string[]> rows)
    {
        var all = rows.ToList();
        return all.Count == 0 ? [] : ["", title, "", .. ResultTable.Lines(headings, all, width)];
    }

    private static string ReachText(Reach reach, int seeds) =>
        reach.Reached == 0 ? "never"
        : reach.Median is null ? $"never, {reach.Reached} of {seeds} at {reach.First}"
        : $"{reach.Median} [{reach.First}, {(reach.Last is { } last ? $"{last}" : "never")}]";

    private static string Name<T>(T value) where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
