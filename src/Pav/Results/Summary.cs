using System.Text.Json.Serialization;

namespace Pav;

/// <summary>A method at one size over all problems and seeds; costs are means per problem. The interval is a bootstrap over problems.</summary>
public sealed record MethodSummary(
    [property: JsonPropertyName("method")] string Method,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("alpha"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Alpha,
    [property: JsonPropertyName("prover"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Prover,
    [property: JsonPropertyName("problems")] int Problems,
    [property: JsonPropertyName("seeds")] int Seeds,
    [property: JsonPropertyName("accuracy")] double Accuracy,
    [property: JsonPropertyName("low")] double Low,
    [property: JsonPropertyName("high")] double High,
    [property: JsonPropertyName("pass")] double Pass,
    [property: JsonPropertyName("generated_tokens")] double GeneratedTokens,
    [property: JsonPropertyName("scored_tokens")] double ScoredTokens,
    [property: JsonPropertyName("seconds")] double Seconds);

/// <summary>
/// Two methods compared. Claim <c>equal-tokens</c>: <c>difference</c> is accuracy of a minus that of b at a's tokens. Claims <c>tokens-to-reach</c> and
/// <c>tokens-to-reach-peak</c>: <c>difference</c> is the fewest tokens with which b reaches
/// the accuracy of its largest N (or its peak) over the fewest with which a does; 0, and no <c>tokens_a</c>, where a never gets there.
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

/// <summary>What the base policy does without a verifier: accuracy of one sample and of greedy decoding, Pass@64; null where not run.</summary>
public sealed record BaseSummary(
    [property: JsonPropertyName("sample")] double? Sample,
    [property: JsonPropertyName("greedy")] double? Greedy,
    [property: JsonPropertyName("pass_64")] double? Pass64);

/// <summary>What <c>summary.json</c> holds (docs/run-folder.md).</summary>
public sealed record Summary(
    [property: JsonPropertyName("methods")] IReadOnlyList<MethodSummary> Methods,
    [property: JsonPropertyName("comparisons")] IReadOnlyList<Comparison> Comparisons,
    [property: JsonPropertyName("verifiers")] IReadOnlyList<VerifierMeasures> Verifiers,
    [property: JsonPropertyName("base")] BaseSummary Base,
    [property: JsonPropertyName("settings")] object? Settings,
    [property: JsonPropertyName("seconds")] double Seconds,
    [property: JsonPropertyName("peak_memory_mb")] double PeakMemoryMb)
{
    /// <summary>Summarises a search: every method, every beam against each best-of-N, and every beam on the effective reward against the same on Q alone.</summary>
    public static Summary Of(IReadOnlyList<SearchRow> rows, IReadOnlyList<VerifierMeasures> verifiers, object? settings, double seconds, double peakMemoryMb)
    {
        var curves = Curve.All(rows);
        var baselines = curves.Where(c => c.Method.StartsWith("best-of-n", StringComparison.Ordinal)).ToList();
        var beams = curves.Where(c => c.Method.Contains("beam", StringComparison.Ordinal)).ToList();
        var withAndWithout = from a in beams from b in beams where a.Method.EndsWith("beam-pav", StringComparison.Ordinal) && b.Method == a.Method.Replace("-pav", "-q") select (With: a, Without: b);
        return new(
            [.. curves.SelectMany(c => c.Points.Select(c.Summarise))],
            [.. baselines.SelectMany(b => beams.SelectMany(a => Pav.Comparisons.Of(a, b))), .. withAndWithout.SelectMany(p => Pav.Comparisons.Of(p.With, p.Without))],
            verifiers,
            new(
                curves.FirstOrDefault(c => c.Method == "sample")?.At(1)?.Accuracy,
                curves.FirstOrDefault(c => c.Method == "greedy")?.At(1)?.Accuracy,
                curves.Where(c => !c.Method.Contains("beam", StringComparison.Ordinal)).Select(c => c.At(64)?.Pass).FirstOrDefault(p => p is not null)),
            settings, seconds, peakMemoryMb);
    }
}
