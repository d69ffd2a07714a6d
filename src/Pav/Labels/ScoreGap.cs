using System.Text.Json.Serialization;

namespace Pav;

/// <summary>
/// How far a verifier's score of the steps that a search chose lies above their true value: what the choice of the best of many scores
/// makes of their errors (over-optimisation). Over the different steps of one kind that the searches of one method and size came to; values
/// are fresh Monte Carlo estimates, so that the mean gap is unbiased.
/// </summary>
/// <param name="Kind">kept: the search went on from the step; finished: it ended a trace; pruned: it was dropped.</param>
/// <param name="Score">Mean score.</param>
/// <param name="Value">Mean Q̂ = c/n; of a finished step its outcome.</param>
/// <param name="Gap">Score − Value, with a 95% interval over problems; positive where the verifier overrates.</param>
internal sealed record ScoreGap(
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("kind")] VisitedKind Kind,
    [property: JsonPropertyName("steps")] int Steps,
    [property: JsonPropertyName("score")] double Score,
    [property: JsonPropertyName("value")] double Value,
    [property: JsonPropertyName("gap")] double Gap,
    [property: JsonPropertyName("low")] double Low,
    [property: JsonPropertyName("high")] double High)
{
    private readonly record struct Step(string Method, int N, VisitedKind Kind, string Problem, string Text, double Score, double Value);

    /// <summary>One for each method, size and kind, of labels on visited traces and their H + 1 scores each.</summary>
    public static IReadOnlyList<ScoreGap> From(IReadOnlyList<LabelledTrace> traces, IReadOnlyList<double[]> scores, ulong seed = 1) =>
    [
        .. traces.Zip(scores, StepsIn).SelectMany(s => s)
            .DistinctBy(s => (s.Method, s.N, s.Kind, s.Problem, s.Text))
            .GroupBy(s => (s.Method, s.N, s.Kind))
            .OrderBy(g => g.Key.Method, StringComparer.Ordinal).ThenBy(g => g.Key.Kind).ThenBy(g => g.Key.N)
            .Select(g => Sum(g.Key.Method, g.Key.N, g.Key.Kind, [.. g], seed)),
    ];

    private static ScoreGap Sum(string method, int n, VisitedKind kind, IReadOnlyList<Step> steps, ulong seed)
    {
        var problems = steps.GroupBy(s => s.Problem).Select(g => (Sum: g.Sum(s => s.Score - s.Value), Count: g.Count())).ToList();
        var gap = Bootstrap.Interval(problems.Count, drawn => drawn.Sum(i => problems[i].Sum) / drawn.Sum(i => problems[i].Count), seed);
        return new(method, n, kind, steps.Count, steps.Average(s => s.Score), steps.Average(s => s.Value), gap.Value, gap.Low, gap.High);
    }

    /// <summary>The steps of one trace by the searches that came to its end; before that all were kept.</summary>
    private static IEnumerable<Step> StepsIn(LabelledTrace trace, double[] scores)
    {
        var q = trace.Q;
        foreach (var place in trace.Visited ?? [])
        {
            var text = "";
            for (var h = 1; h <= trace.Steps.Count; h++)
            {
                text += trace.Steps[h - 1];
                var kind = h == trace.Steps.Count ? place.Kind : VisitedKind.Kept;
                if (trace.N[h] > 0) yield return new(place.Method, place.N, kind, trace.Problem, text, scores[h], q[h].Value);
            }
        }
    }
}
