using System.Globalization;
using System.Text.Json.Serialization;

namespace Pav;

/// <summary>How a printed result fares.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
internal enum Verdict
{
    [JsonStringEnumMemberName("holds")] Holds,

    /// <summary>Only where a condition is met, or only in part; the finding says which.</summary>
    [JsonStringEnumMemberName("within_limits")] WithinLimits,

    [JsonStringEnumMemberName("fails")] Fails,

    /// <summary>None of the trees is of the kind that the result speaks of.</summary>
    [JsonStringEnumMemberName("no_case")] NoCase,
}

/// <summary>One result of the paper, checked on random trees.</summary>
/// <param name="Name">Short name.</param>
/// <param name="Claim">What is claimed.</param>
/// <param name="Found">What came of it, with numbers.</param>
/// <param name="Numbers">Those numbers by name.</param>
internal sealed record TheoryResult(string Name, string Claim, Verdict Verdict, string Found, IReadOnlyDictionary<string, double> Numbers)
{
    [JsonIgnore]
    public string VerdictText =>
        Verdict switch { Verdict.Holds => "holds", Verdict.Fails => "fails", Verdict.NoCase => "no case", _ => "within limits" };

    /// <summary>The results as a table in Markdown: what docs/theory.md shows.</summary>
    public static string Markdown(IEnumerable<TheoryResult> results) =>
        string.Join('\n', results.Select(r => $"| {r.Name} | {r.Claim} | {r.VerdictText} | {r.Found} |")
            .Prepend("| --- | --- | --- | --- |").Prepend("| result | claim | verdict | found |")) + "\n";

    internal static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What the checks run on: options of <c>pav theory</c>.</summary>
internal sealed record TheoryOptions
{
    [Flag("Random trees, each with a random policy and a random prover", Min = 2, Max = 100_000)]
    public int Trees { get; init; } = 200;

    [Flag("Steps to choose from in a state", Min = 2, Max = 16)]
    public int Steps { get; init; } = 4;

    [Flag("Steps of a trace", Min = 1, Max = 8)]
    public int Depth { get; init; } = 4;

    [Flag("Chance that a leaf is right", Min = 0, AboveMin = true, Max = 0.99)]
    public double Right { get; init; } = 0.3;

    [Flag("Weight of progress in the effective reward", Min = 0, AboveMin = true, Max = 10)]
    public double Alpha { get; init; } = 1;

    /// <summary>η.</summary>
    [Flag("Rate of the natural policy gradient step", Min = 0, AboveMin = true, Max = 1)]
    public double Rate { get; init; } = 1e-4;

    [Flag("Seed; equal seeds give equal results")]
    public ulong Seed { get; init; } = 1;
}
