using System.Text.Json.Serialization;

namespace Pav;

/// <summary>A trace whose first wrong step people marked, and what a verifier says of its steps.</summary>
/// <param name="First">Index of the first wrong step, from 0; −1 if all are right.</param>
/// <param name="Q">The verifier's Q after each step.</param>
public sealed record MarkedScores(int First, IReadOnlyList<double> Q);

/// <summary>
/// How well a verifier finds the first wrong step (ProcessBench). It says that the first step with Q below a threshold is wrong, or, where
/// there is none, that all are right.
/// </summary>
/// <param name="ErrorAccuracy">Share of the traces with a wrong step in which that very step is found.</param>
/// <param name="CorrectAccuracy">Share of the traces without one in which none is found.</param>
/// <param name="F1">The harmonic mean of the two; null where one kind of trace is missing.</param>
public record FirstError(
    [property: JsonPropertyName("threshold")] double Threshold,
    [property: JsonPropertyName("traces_with_error")] int TracesWithError,
    [property: JsonPropertyName("correct_traces")] int CorrectTraces,
    [property: JsonPropertyName("error_accuracy"), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? ErrorAccuracy,
    [property: JsonPropertyName("correct_accuracy"), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? CorrectAccuracy,
    [property: JsonPropertyName("f1"), JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? F1)
{
    private const int MostThresholds = 1000;

    /// <summary>The step that is said to be wrong; −1 for none.</summary>
    public static int Predicted(IReadOnlyList<double> q, double threshold)
    {
        for (var h = 0; h < q.Count; h++)
            if (q[h] < threshold) return h;
        return -1;
    }

    /// <summary>Worked: hits on 1 of 2 traces with an error and on 3 of 4 without are 0.5 and 0.75, F1 = 2·0.5·0.75/1.25 = 0.6.</summary>
    public static FirstError From(IReadOnlyList<MarkedScores> traces, double threshold)
    {
        double? Accuracy(bool wrong) => traces.Where(t => t.First >= 0 == wrong)
            .Select(t => (double?)(Predicted(t.Q, threshold) == t.First ? 1 : 0)).Average();
        var (error, correct) = (Accuracy(true), Accuracy(false));
        double? f1 = error + correct == 0 ? 0 : 2 * error * correct / (error + correct);
        return new(threshold, traces.Count(t => t.First >= 0), traces.Count(t => t.First < 0), error, correct, f1);
    }

    /// <summary>The threshold of the best F1 on these traces, among their own scores (a thousand of them, if there are more) and 0.5; of
    /// equal ones that nearest to 0.5.</summary>
    public static double BestThreshold(IReadOnlyList<MarkedScores> traces)
    {
        double[] scores = [.. traces.SelectMany(t => t.Q).Distinct().Order()];
        var every = Math.Max(1, (scores.Length + MostThresholds - 1) / MostThresholds);
        return scores.Where((_, i) => i % every == 0).Append(0.5).OrderByDescending(t => From(traces, t).F1 ?? 0)
            .ThenBy(t => Math.Abs(t - 0.5)).First();
    }
}
