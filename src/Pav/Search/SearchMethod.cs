using System.Text.Json.Serialization;

namespace Pav;

/// <summary>What a method is, for the order and colours of tables and charts.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MethodKind>))]
public enum MethodKind
{
    /// <summary>Independent traces without a verifier.</summary>
    [JsonStringEnumMemberName("sampling")] Sampling,

    /// <summary>Independent traces among which a verifier chooses.</summary>
    [JsonStringEnumMemberName("ranking")] Ranking,

    /// <summary>One beam.</summary>
    [JsonStringEnumMemberName("beam")] Beam,

    /// <summary>Other searches of one tree.</summary>
    [JsonStringEnumMemberName("tree")] Tree,

    /// <summary>Weighted traces that are resampled.</summary>
    [JsonStringEnumMemberName("particles")] Particles,

    /// <summary>Several trees that share nothing.</summary>
    [JsonStringEnumMemberName("forest")] Forest,

    /// <summary>Monte Carlo values in the verifier's place.</summary>
    [JsonStringEnumMemberName("oracle")] Oracle,
}

/// <summary>A way to answer problems at test time: a search, and a choice among what it finds.</summary>
/// <param name="Id">Its name in rows and options.</param>
/// <param name="Label">Its name in tables and charts.</param>
/// <param name="Against">Ids of the methods it is compared with at equal compute.</param>
public sealed record SearchMethod(string Id, string Label, MethodKind Kind, Search Search, FinalChoice Choice,
    params IReadOnlyList<string> Against)
{
    /// <summary>Run where no methods are named and its needs are met.</summary>
    public bool ByDefault { get; init; }

    /// <summary>Judged with an oracle in the verifier's place.</summary>
    public bool ByOracle { get; init; }

    /// <summary>Always one trace.</summary>
    public bool SizeOne { get; init; }

    public Needs Needs => ByOracle ? (Search.Needs | Choice.Needs) & ~Needs.Verifier | Needs.Oracle : Search.Needs | Choice.Needs;

    /// <summary>Are its results those of one prover and one α?</summary>
    public bool HasProver => Needs.HasFlag(Needs.Prover);

    /// <summary>The same search with another choice: <c>beam-q+vote</c>.</summary>
    public SearchMethod With(FinalChoice choice) =>
        this with { Id = $"{Id}+{choice.Id}", Label = $"{Label}, {choice.Words}", Choice = choice, ByDefault = false };
}
