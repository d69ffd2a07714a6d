using System.Text.Json.Serialization;

namespace Pav.Models.Remote;

/// <summary>How the end of a step comes from a server.</summary>
[JsonConverter(typeof(WordsConverter<StopText>))]
public enum StopText
{
    /// <summary>The server sends it.</summary>
    Returned,

    /// <summary>The server cuts it off, and it is added again.</summary>
    AddedBack,

    /// <summary>The server does not tell: whole traces are drawn and cut after their first step.</summary>
    Cut,
}

/// <summary>Do equal seeds give equal samples?</summary>
[JsonConverter(typeof(WordsConverter<SeedUse>))]
public enum SeedUse
{
    Honoured,
    Ignored,
}

/// <summary>The randomness of choice i of n.</summary>
[JsonConverter(typeof(WordsConverter<ChoiceSeeds>))]
public enum ChoiceSeeds
{
    /// <summary>That of seed + i.</summary>
    Offset,

    /// <summary>One of its own.</summary>
    Own,

    /// <summary>The same for all of them.</summary>
    Alike,
}

/// <summary>Where the number of generated tokens comes from.</summary>
[JsonConverter(typeof(WordsConverter<TokenCounts>))]
public enum TokenCounts
{
    /// <summary>The server tells it, or the ids.</summary>
    Told,

    /// <summary>The text, encoded by the tokenizer that was given.</summary>
    Estimated,

    /// <summary>Nowhere: it counts as 0.</summary>
    Unknown,
}

/// <summary>What a server turned out to be and to do, as run.json keeps it.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Server">Which dialect it speaks: vllm, sglang, llamacpp, openai (any other).</param>
/// <param name="Version">As it says.</param>
/// <param name="Model">The name it serves.</param>
/// <param name="Context">Most tokens of prompt and trace together; null where it does not tell.</param>
/// <param name="StopText">How the end of a step comes.</param>
/// <param name="TokenIds">Prompts and steps go as ids.</param>
/// <param name="Seeds">Are seeds heeded?</param>
/// <param name="SeedsOfN">What choice i of n is seeded with; null where it was not tried.</param>
/// <param name="MostN">Largest n.</param>
/// <param name="Tokens">Where counts of tokens come from.</param>
public sealed record Capabilities(
    string Url, string Server, string? Version, string Model, int? Context, StopText StopText, bool TokenIds, SeedUse Seeds,
        ChoiceSeeds? SeedsOfN, int MostN,
    TokenCounts Tokens)
{
    [JsonIgnore]
    internal Dialect Dialect { get; init; } = new();

    /// <summary>Texts of the probe's three draws, for comparison with other replicas.</summary>
    [JsonIgnore]
    internal IReadOnlyList<string> Samples { get; init; } = [];
}

/// <summary>Writes an enum's value in small letters.</summary>
internal sealed class WordsConverter<T>() : JsonStringEnumConverter<T>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower)
    where T : struct, Enum;
