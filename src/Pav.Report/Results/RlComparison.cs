using System.Text.Json.Serialization;

namespace Pav.Report;

/// <summary>A held-out measure during RL: iterations done, tokens generated for the updates so far, those with what the prover took on the
/// way, accuracy; and the tokens with those of the labels that a verifier had learned from before, where they are known.</summary>
internal readonly record struct RlPoint(
    [property: JsonPropertyName("iteration")] int Iteration,
    [property: JsonPropertyName("tokens")] double Tokens,
    [property: JsonPropertyName("all_tokens")] double AllTokens,
    [property: JsonPropertyName("accuracy")] double Accuracy,
    [property: JsonPropertyName("labelled_tokens")] double? LabelledTokens = null);

/// <summary>One run of RL.</summary>
internal sealed record RlCurve(ulong Seed, IReadOnlyList<RlPoint> Points);

/// <summary>A value over seeds with its 95% t interval; no interval with fewer than two seeds.</summary>
internal sealed record SeedInterval(
    [property: JsonPropertyName("value")] double Value, [property: JsonPropertyName("low")] double? Low,
        [property: JsonPropertyName("high")] double? High);

/// <summary>
/// Two ways of RL on the same seeds. <c>Difference</c>: last accuracy of a minus that of b. The ratios: what b needed for its own last
/// accuracy over what a needed for the same, by linear interpolation between measures, where each first reaches it; geometric means over
/// the seeds on which a gets there (<c>Reached</c> of <c>Seeds</c>); absent if it does so on none. Seeds on which a is there before it
/// trains, since b ends no higher, have no ratio (<c>FromStart</c>). Worked: a 0.1, 0.3, 0.5 and b 0.1, 0.2, 0.3 after 0, 10, 20
/// iterations: difference 0.2; a reaches 0.3 at 10, b at 20: 2 times fewer iterations.
/// </summary>
internal sealed record RlComparison(
    [property: JsonPropertyName("a")] string A,
    [property: JsonPropertyName("b")] string B,
    [property: JsonPropertyName("seeds")] int Seeds,
    [property: JsonPropertyName("difference")] SeedInterval Difference,
    [property: JsonPropertyName("reached")] int Reached,
    [property: JsonPropertyName("iterations")] SeedInterval? Iterations,
    [property: JsonPropertyName("tokens")] SeedInterval? Tokens,
    [property: JsonPropertyName("all_tokens")] SeedInterval? AllTokens,
    [property: JsonPropertyName("labelled_tokens")] SeedInterval? LabelledTokens,
    [property: JsonPropertyName("from_start")] int FromStart)
{
    /// <summary>Quantile 0.975 of Student's t with 1, 2, … degrees of freedom.</summary>
    private static readonly double[] Student = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093];

    /// <summary>Null where no seed has both.</summary>
    public static RlComparison? From(string a, IReadOnlyList<RlCurve> ofA, string b, IReadOnlyList<RlCurve> ofB)
    {
        var pairs = ofA.Join(ofB, x => x.Seed, x => x.Seed, (x, y) => (A: x.Points, B: y.Points)).ToList();
        if (pairs.Count == 0) return null;
        var reached = pairs.Where(p => First(p.A, p.B[^1].Accuracy, x => x.Iteration) > 0
            && First(p.B, p.B[^1].Accuracy, x => x.Iteration) > 0).ToList();
        SeedInterval? Ratio(Func<RlPoint, double> cost) => reached.Count == 0
            ? null : Exponential(
            Over([.. reached.Select(p =>
            Math.Log(First(p.B, p.B[^1].Accuracy, cost)!.Value / First(p.A, p.B[^1].Accuracy, cost)!.Value))]));
        return new(
            a, b, pairs.Count, Over([.. pairs.Select(p => p.A[^1].Accuracy - p.B[^1].Accuracy)]), reached.Count,
            Ratio(x => x.Iteration), Ratio(x => x.Tokens), Ratio(x => x.AllTokens),
            reached.All(p => p.A.Concat(p.B).All(x => x.LabelledTokens is not null)) ? Ratio(x => x.LabelledTokens!.Value) : null,
            pairs.Count(p => First(p.A, p.B[^1].Accuracy, x => x.Iteration) == 0));
    }

    /// <summary>Mean over seeds with its interval.</summary>
    public static SeedInterval Over(IReadOnlyList<double> values)
    {
        var (n, mean) = (values.Count, values.Average());
        if (n < 2) return new(mean, null, null);
        var half = (n - 2 < Student.Length ? Student[n - 2] : 1.96 + 2.4 / (n - 1))
            * Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (n - 1) / n);
        return new(mean, mean - half, mean + half);
    }

    /// <summary>The cost at which a curve first reaches an accuracy; null if it does not.</summary>
    internal static double? First(IReadOnlyList<RlPoint> points, double accuracy, Func<RlPoint, double> cost)
    {
        for (var i = 0; i < points.Count; i++)
        {
            if (points[i].Accuracy < accuracy) continue;
            if (i == 0) return cost(points[0]);
            var (left, right) = (points[i - 1], points[i]);
            return cost(left) + (cost(right) - cost(left)) * (accuracy - left.Accuracy) / (right.Accuracy - left.Accuracy);
        }

        return null;
    }

    internal static SeedInterval Exponential(SeedInterval logs) =>
        new(Math.Exp(logs.Value), logs.Low is { } low ? Math.Exp(low) : null, logs.High is { } high ? Math.Exp(high) : null);
}
