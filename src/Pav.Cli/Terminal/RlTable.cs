using System.Globalization;
using Pav.Report.Folders;

namespace Pav.Cli.Terminal;

/// <summary>What RL runs came to, for a terminal.</summary>
internal static class RlTable
{
    public static IEnumerable<string> Lines(RlData? rl, int width = int.MaxValue)
    {
        if (rl is null) yield break;
        yield return "";
        // The largest N that every way was tested with.
        var tested = rl.Groups.Where(g => g.Pass.Count > 0).ToList();
        var most = tested.SelectMany(g => g.Pass.Select(b => b.N)).GroupBy(n => n).Where(n => n.Count() == tested.Count).Select(n => n.Key)
            .DefaultIfEmpty(1).Max();
        foreach (var line in ResultTable.Lines(
            ["RL", "seeds", "held-out at first %", "at the end %", "test %", $"Pass@{most} %", "majority %", $"hard, Pass@{most} %"],
            [.. rl.Groups.Select(g => (IReadOnlyList<string>)
            [
                g.Name, $"{g.Seeds.Count}", Mean(g.Valid.Select(c => c.Points[0].Accuracy)),
                    Mean(g.Valid.Select(c => c.Points[^1].Accuracy)),
                Pass(g.Pass, 1), Pass(g.Pass, most), g.Majority is { } majority ? Percent(majority) : "", Pass(g.Hard, most),
            ])], width)) yield return line;
        foreach (var c in rl.Comparisons)
        {
            var reach = c.Iterations is null ? $"does not reach the last accuracy of {c.B}"
                : $"reaches the last accuracy of {c.B} with {Costs(c)}, on {c.Reached} of {c.Seeds}";
            yield return $"{c.A} ends {Points(c.Difference)} points from {c.B} over {c.Seeds} {(c.Seeds == 1 ? "seed" : "seeds")}; it "
                + $"{reach}.";
        }
    }

    private static string Costs(RlComparison c)
    {
        var labels = c.LabelledTokens is null ? "what its verifier's labels took is not known"
            : $"{Times(c.LabelledTokens, "")} with those of its verifier's labels as well";
        var doubt = c.Iterations!.Low is null || TimesFewer.IsShown(c.Iterations.Low, c.Iterations.High) ? ""
            : "; 1 lies in the interval of iterations, so no saving of them is shown";
        return $"{Times(c.Iterations, "iterations")} and {Times(c.Tokens, "tokens")} "
            + $"({Times(c.AllTokens, "")} with those of the prover during RL; {labels}{doubt})";
    }

    private static string Mean(IEnumerable<double> values) => values.ToList() is { Count: > 0 } all ? Percent(all.Average()) : "";

    private static string Pass(IReadOnlyList<PassBand> bands, int n) => bands.FirstOrDefault(b => b.N == n) is { } band
        ? Percent(band.Mean) : "";

    private static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Points(SeedInterval interval) =>
        string.Create(CultureInfo.InvariantCulture,
        $"{100 * interval.Value:+0.0;-0.0;0.0}{(interval.Low is null ? "" : $" [{100 * interval.Low:+0.0;-0.0;0.0}, {100 * interval.High:+0.0;-0.0;0.0}]")}");

    private static string Times(SeedInterval? ratio, string unit) =>
        ratio is null ? "unknown" : TimesFewer.Words(ratio.Value, ratio.Low, ratio.High, unit);
}
