using System.Text.Json.Serialization;

namespace Pav;

/// <summary>One bin of a reliability curve: mean prediction, mean outcome, how many.</summary>
public sealed record ReliabilityPoint(
    [property: JsonPropertyName("predicted")] double Predicted,
    [property: JsonPropertyName("observed")] double Observed,
    [property: JsonPropertyName("count")] int Count);

/// <summary>
/// How far predictions p in [0, 1] are from outcomes y in [0, 1] (soft labels allowed). Worked: p = (0.9, 0.8, 0.2), y = (1, 0, 0): Brier
/// (0.01 + 0.64 + 0.04)/3 = 0.23;
/// ECE (0.1 + 0.8 + 0.2)/3 = 0.3667.
/// </summary>
public static class Calibration
{
    public const int Bins = 10;

    /// <summary>Mean of (p − y)².</summary>
    public static double Brier(IReadOnlyList<double> predicted, IReadOnlyList<double> observed) =>
        predicted.Zip(observed, (p, y) => (p - y) * (p - y)).Average();

    /// <summary>Expected calibration error: Σ_b (n_b/n)·|mean p − mean y| over ten bins of equal width.</summary>
    public static double Ece(IReadOnlyList<double> predicted, IReadOnlyList<double> observed) =>
        Reliability(predicted, observed).Sum(b => b.Count * Math.Abs(b.Predicted - b.Observed)) / predicted.Count;

    /// <summary>The ten bins, empty ones left out, in order of prediction.</summary>
    public static IReadOnlyList<ReliabilityPoint> Reliability(IReadOnlyList<double> predicted, IReadOnlyList<double> observed) =>
        [.. predicted.Zip(observed)
            .GroupBy(x => Math.Min(Bins - 1, (int)(x.First * Bins)))
            .OrderBy(bin => bin.Key)
            .Select(bin => new ReliabilityPoint(bin.Average(x => x.First), bin.Average(x => x.Second), bin.Count()))];
}
