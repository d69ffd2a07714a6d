using System.Text.Json.Serialization;

namespace Pav.Report;

/// <summary>A method at one size over all problems and seeds; costs are means per problem. The interval is a bootstrap over
/// problems.</summary>
public sealed record MethodSummary
{
    [JsonPropertyName("method")]
    public required string Method { get; init; }

    [JsonPropertyName("n")]
    public required int N { get; init; }

    [JsonPropertyName("alpha"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Alpha { get; init; }

    [JsonPropertyName("prover"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Prover { get; init; }

    [JsonPropertyName("problems")]
    public required int Problems { get; init; }

    [JsonPropertyName("seeds")]
    public required int Seeds { get; init; }

    [JsonPropertyName("accuracy")]
    public required double Accuracy { get; init; }

    [JsonPropertyName("low")]
    public required double Low { get; init; }

    [JsonPropertyName("high")]
    public required double High { get; init; }

    [JsonPropertyName("pass")]
    public required double Pass { get; init; }

    [JsonPropertyName("generated_tokens")]
    public required double GeneratedTokens { get; init; }

    [JsonPropertyName("scored_tokens")]
    public required double ScoredTokens { get; init; }

    [JsonPropertyName("seconds")]
    public required double Seconds { get; init; }

    [JsonPropertyName("label")]
    public string Label { get; init; } = "";

    [JsonPropertyName("kind")]
    public MethodKind? Kind { get; init; }

    [JsonPropertyName("compare_with"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? CompareWith { get; init; }
}

/// <summary>
/// Two methods compared. Claim <c>equal-tokens</c>: <c>difference</c> is accuracy of a minus that of b at a's tokens. Claims
/// <c>tokens-to-reach</c> and <c>tokens-to-reach-peak</c>: <c>difference</c> is the fewest tokens with which b reaches the accuracy of its
/// largest N (or its peak) over the fewest with which a does; 0, and no <c>tokens_a</c>, where a never gets there.
/// </summary>
public sealed record Comparison(
    [property: JsonPropertyName("claim")] string Claim,
    [property: JsonPropertyName("a")] string A,
    [property: JsonPropertyName("b")] string B,
    [property: JsonPropertyName("difference")] double Difference,
    [property: JsonPropertyName("low")] double Low,
    [property: JsonPropertyName("high")] double High,
    [property: JsonPropertyName("tokens_a")] double? TokensA,
    [property: JsonPropertyName("tokens_b")] double TokensB);

/// <summary>What the base policy does without a verifier: accuracy of one sample and of greedy decoding, Pass@64; null where not
/// run.</summary>
public sealed record BaseSummary(
    [property: JsonPropertyName("sample")] double? Sample,
    [property: JsonPropertyName("greedy")] double? Greedy,
    [property: JsonPropertyName("pass_64")] double? Pass64);

/// <summary>What <c>summary.json</c> holds (docs/run-folder.md); time and memory are null where a stopped search is summed up.</summary>
public record Summary(
    [property: JsonPropertyName("methods")] IReadOnlyList<MethodSummary> Methods,
    [property: JsonPropertyName("comparisons")] IReadOnlyList<Comparison> Comparisons,
    [property: JsonPropertyName("verifiers")] IReadOnlyList<VerifierMeasures> Verifiers,
    [property: JsonPropertyName("base")] BaseSummary Base,
    [property: JsonPropertyName("settings")] object? Settings,
    [property: JsonPropertyName("seconds")] double? Seconds,
    [property: JsonPropertyName("peak_memory_mb")] double? PeakMemoryMb)
{
    /// <summary>Summarises a search: every method in the order of <see cref="SearchMethods.All"/>, and each against those it is to be
    /// compared with.</summary>
    public static Summary From(IReadOnlyList<SearchRow> rows, IReadOnlyList<VerifierMeasures> verifiers, object? settings, double? seconds,
        double? peakMemoryMb)
    {
        var curves = MethodCurve.All(rows).OrderBy(c => SearchMethods.Order(c.Method)).ToList();
        var pairs = from a in curves
                    from against in SearchMethods.Find(a.Method)?.Against ?? []
                    from b in curves
                    where b.Method == against
                    select (A: a, B: b);
        double? Accuracy(SearchMethod method) => curves.Find(c => c.Method == method.Id)?.Curve.At(1)?.Accuracy;
        var independent = curves.Where(c => SearchMethods.Find(c.Method)?.Kind is MethodKind.Sampling or MethodKind.Ranking);
        return new(
            [.. curves.SelectMany(c => c.Curve.Points.Select(c.Summarise))],
            [.. pairs.SelectMany(p => Report.Comparisons.Between(p.A.Curve, p.B.Curve))],
            verifiers,
            new(Accuracy(SearchMethods.Sample), Accuracy(SearchMethods.Greedy), independent.Select(c => c.Curve.At(64))
                .FirstOrDefault(p => p is not null) is { } many ? CurvePoint.Mean(many.Pass) : null),
            settings, seconds, peakMemoryMb);
    }
}
