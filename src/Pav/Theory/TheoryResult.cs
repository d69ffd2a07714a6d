using System.Globalization;
using System.Text.Json.Serialization;

namespace Pav;

/// <summary>How a printed result fares.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Verdict>))]
public enum Verdict
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
public sealed record TheoryResult(string Name, string Claim, Verdict Verdict, string Found, IReadOnlyDictionary<string, double> Numbers)
{
    [JsonIgnore]
    public string VerdictText => Verdict switch { Verdict.Holds => "holds", Verdict.Fails => "fails", Verdict.NoCase => "no case", _ => "within limits" };

    /// <summary>The results as a table in Markdown: what docs/theory.md shows.</summary>
    public static string Markdown(IEnumerable<TheoryResult> results) =>
        string.Join('\n', results.Select(r => $"| {r.Name} | {r.Claim} | {r.VerdictText} | {r.Found} |").Prepend("| --- | --- | --- | --- |").Prepend("| result | claim | verdict | found |")) + "\n";

    internal static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What the checks run on.</summary>
/// <param name="Trees">Random trees, each with a random policy π and a random prover μ.</param>
/// <param name="Steps">Steps to choose from in a state.</param>
/// <param name="Depth">Steps of a trace.</param>
/// <param name="Right">Chance that a leaf is right.</param>
/// <param name="Alpha">Weight of A^μ.</param>
/// <param name="Rate">η of the natural policy gradient step.</param>
public sealed record TheoryOptions(int Trees = 200, int Steps = 4, int Depth = 4, double Right = 0.3, double Alpha = 1, double Rate = 1e-4, ulong Seed = 1);
