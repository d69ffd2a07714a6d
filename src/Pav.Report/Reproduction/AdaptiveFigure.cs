using System.Globalization;

namespace Pav.Report.Reproduction;

/// <summary>
/// Beams that grow where the verifier is unsure: the smallest beam first, then the next larger one for as long as the best answer so far
/// has Q̂ below a threshold. The answer is that of the highest Q̂; every beam that was run is paid for. Worked: beams of 1, 4 cost 50, 200
/// tokens with Q̂ 0.7, 0.6: at threshold 0.5 the first alone (50 tokens), at 0.8 both (250), and the first one's answer. Beside them
/// forests that grow until their vote is settled, which spend compute where the vote is not.
/// </summary>
internal static class AdaptiveFigure
{
    public static IReadOnlyList<double> Thresholds { get; } = [0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99];

    public static FigureSummary From(IReadOnlyList<ModelRuns> models, string prover, RunSize size)
    {
        const string title = "Beams that grow where the verifier is unsure";
        const string asks = "Is compute better spent where the verifier is unsure? The smallest beam first, then larger ones for as long "
            + "as the verifier's Q of the best answer stays below a threshold, beside beams of one fixed size for all problems.";
        var (panels, findings, ahead) = (new List<Panel>(), new List<Finding>(), new List<bool>());
        foreach (var m in models)
        {
            var lines = new List<Line>();
            foreach (var (method, by) in new[] { (SearchMethods.BeamByQ.Id, (string?)null), (SearchMethods.BeamByProgress.Id, prover) })
            {
                if (SearchFigures.Curve(m, method, by) is not { Points.Count: > 1 } fixedSize
                    || Grown(m, method, by, fixedSize) is not { } grown) continue;
                lines.AddRange([grown.ToLine(), fixedSize.ToLine(kind: method == SearchMethods.BeamByQ.Id ? "series-4" : "series-5")]);
                if (Comparisons.AtEqualTokens(grown, fixedSize) is not { } gain) continue;
                findings.Add(Finding.From($"{m.Model}: {grown.Name} minus {fixedSize.Name} at equal tokens, mean over thresholds "
                    + $"{SearchFigures.Sizes(Comparisons.Comparable(grown, fixedSize))}", gain, "points"));
                ahead.Add(gain.Low > 0);
            }

            if (SearchFigures.Curve(m, SearchMethods.ForestInTurn.Id) is { } settled)
            {
                lines.Add(settled.ToLine());
                foreach (var other in new[] { SearchFigures.Curve(m, SearchMethods.Forest.Id), Beams(m) }.OfType<Curve>())
                {
                    if (other.Kind == SearchMethods.Forest.Id) lines.Add(other.ToLine());
                    if (Comparisons.AtEqualTokens(settled, other) is { } more)
                        findings.Add(Finding.From($"{m.Model}: {settled.Name} minus {other.Name} at equal tokens, mean", more, "points"));
                }
            }

            if (lines.Count > 0)
                panels.Add(new($"Base policy {m.Model}", "generated tokens per problem", "problems answered", true, true, lines));
        }

        if (panels.Count == 0) return FigureSummary.NotRun("adaptive", title, asks, "Not run: it needs beams of several sizes with the "
            + "verifier's Q of their answers.");
        var sentence = ahead.Count == 0 ? "no threshold costs as much as any of the fixed sizes" : ahead.All(a => a)
            ? "beams that grow answer more at equal tokens" : ahead.Any(a => a)
            ? "beams that grow answer more at equal tokens for some of the beams compared"
            : "beams that grow answer no more at equal tokens, as far as can be told";
        return new("adaptive", title, asks, FigureVerdict.Measured, $"Not in the paper: {sentence}.", "", panels, findings, [], size,
            Intervals.OfSearch);
    }

    /// <summary>Growing beams on Q; null where they cannot be told from the rows.</summary>
    private static Curve? Beams(ModelRuns m) =>
        SearchFigures.Curve(m, SearchMethods.BeamByQ.Id) is { Points.Count: > 1 } beams
            ? Grown(m, SearchMethods.BeamByQ.Id, null, beams) : null;

    /// <summary>The beams of a curve, grown at every threshold; its "N" is the threshold. Null where some row holds no Q.</summary>
    private static Curve? Grown(ModelRuns m, string method, string? prover, Curve beams)
    {
        var rowsOfRun = m.Runs.Select(run => run.Rows.Where(r => r.Method == method && (prover is null || r.Prover == prover))
            .GroupBy(r => (r.Problem, r.N)).ToDictionary(g => g.Key, g => g.First())).ToList();
        if (rowsOfRun.Any(rows => rows.Values.Any(r => r.Q is null))) return null;
        return beams with
        {
            Name = $"growing {beams.Name} (N: threshold)", Points = [.. Thresholds.Select(t =>
            {
                double[][] Each(Func<(SearchRow Best, long Tokens), double> value) =>
                    [.. rowsOfRun.Select(rows =>
                        beams.Problems.Select(p => value(Grow([.. beams.Points.Select(b => rows[(p, (int)b.N)])], t))).ToArray())];
                var correct = Each(g => g.Best.Correct);
                return new CurvePoint(t, correct, correct, Each(g => g.Tokens), correct);
            })],
        };
    }

    /// <summary>Beams of one problem, smallest first: the answer, and the tokens of the beams that were run.</summary>
    public static (SearchRow Best, long Tokens) Grow(IReadOnlyList<SearchRow> beams, double threshold)
    {
        var (best, tokens) = (beams[0], beams[0].GeneratedTokens);
        foreach (var larger in beams.Skip(1).TakeWhile(_ => best.Q < threshold))
        {
            tokens += larger.GeneratedTokens;
            if (larger.Q > best.Q) best = larger;
        }

        return (best, tokens);
    }
}
