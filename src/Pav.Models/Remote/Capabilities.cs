using System.Text.Json;
using System.Text.Json.Serialization;
using Pav.Models.Tokenizers;

namespace Pav.Models.Remote;

/// <summary>What a server turned out to be and to do, as run.json keeps it.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Server">Which dialect it speaks: vllm, sglang, llamacpp, openai (any other).</param>
/// <param name="Version">As it says.</param>
/// <param name="Model">The name it serves.</param>
/// <param name="Context">Most tokens of prompt and trace together; null where it does not tell.</param>
/// <param name="StopText">A step's end is returned, added back, or cut from a whole trace.</param>
/// <param name="TokenIds">Prompts and steps go as ids.</param>
/// <param name="Seeds">Equal seeds gave equal samples: honoured, or ignored.</param>
/// <param name="SeedsOfN">Choice i of n is that of seed + i, has a randomness of its own, or is like all others; null where it was not tried.</param>
/// <param name="MostN">Largest n.</param>
public sealed record Capabilities(string Url, string Server, string? Version, string Model, int? Context, string StopText, bool TokenIds, string Seeds, string? SeedsOfN, int MostN)
{
    public const string Honoured = "honoured", Ignored = "ignored", Offset = "seed + i", Own = "own", Alike = "alike";

    [JsonIgnore]
    internal Dialect Dialect { get; init; } = new();

    /// <summary>Texts of the probe's three draws, for comparison with other replicas.</summary>
    [JsonIgnore]
    internal IReadOnlyList<string> Samples { get; init; } = [];
}

/// <summary>Finds out what a server is and does, with a handful of requests for a real prompt.</summary>
internal sealed class Probe(RemoteOptions options, Prompt prompt, Tokenizer? tokenizer)
{
    /// <summary>Hot and long enough that two samples are equal only if their randomness was.</summary>
    private static readonly Sampling Hot = new(Temperature: 2);

    private const int HotTokens = 32, ManySlots = 1 << 20;

    public async Task<Capabilities> Ask(Endpoint endpoint, CancellationToken cancel)
    {
        var (dialect, model, context) = await Models(endpoint, cancel);
        var (version, slots, slotContext) = await Server(endpoint, dialect, cancel);
        var found = new Capabilities(endpoint.Url.ToString(), dialect.Name, version, model, context ?? slotContext, dialect.StopText, false, Capabilities.Ignored, null, slots) { Dialect = dialect };
        found = found with { TokenIds = tokenizer is not null && dialect.SpeaksIds && await SpeaksIds(endpoint, found, cancel) };
        return await Seeds(endpoint, found, cancel);
    }

    private async Task<(Dialect Dialect, string Model, int? Context)> Models(Endpoint endpoint, CancellationToken cancel)
    {
        using var list = await endpoint.Get(endpoint.Url.Api("models"), cancel);
        if (list is null || !list.RootElement.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Array || data.GetArrayLength() == 0)
            throw endpoint.Failed(Fault.Refused, "lists no models at /v1/models; is it an inference server?");
        var served = data.EnumerateArray().ToList();
        string Id(JsonElement entry) => entry.GetProperty("id").ToString();
        var wanted = options.Model == "" && served.Count == 1 ? served[0] : served.FirstOrDefault(m => Id(m) == options.Model);
        if (wanted.ValueKind == JsonValueKind.Undefined)
            throw endpoint.Failed(Fault.Refused, $"serves {string.Join(", ", served.Take(8).Select(Id))}{(options.Model == "" ? "; choose one with --model" : $" and not {options.Model}")}");
        var context = wanted.TryGetProperty("max_model_len", out var length) && length.ValueKind == JsonValueKind.Number ? length.GetInt32() : (int?)null;
        return (Dialect.Of(wanted.TryGetProperty("owned_by", out var owner) ? owner.ToString() : null), Id(wanted), context);
    }

    private static async Task<(string? Version, int Slots, int? Context)> Server(Endpoint endpoint, Dialect dialect, CancellationToken cancel)
    {
        var unknown = dialect is LlamaCppDialect ? 1 : ManySlots;
        if (dialect.Version(endpoint.Url) is not { } place) return (null, unknown, null);
        using var told = await endpoint.Get(place.Route, cancel);
        if (told is null) return (null, unknown, null);
        var root = told.RootElement;
        var slots = root.TryGetProperty("total_slots", out var total) ? total.GetInt32() : unknown;
        var context = root.TryGetProperty("default_generation_settings", out var settings) && settings.TryGetProperty("n_ctx", out var size) ? size.GetInt32() : (int?)null;
        return (root.TryGetProperty(place.Field, out var version) ? version.ToString() : null, slots, context);
    }

    /// <summary>Does the server take ids, tell ids, and do they mean to it what they mean to the tokenizer?</summary>
    private async Task<bool> SpeaksIds(Endpoint endpoint, Capabilities found, CancellationToken cancel)
    {
        var choice = (await endpoint.Complete(new(found.Model, prompt, 1, HotTokens, 1, Until.TraceEnd, Hot), found.Dialect, cancel)).Choices[0];
        if (choice.Ids is null) return false;
        var without = choice.Ids.Length > 0 ? choice.Ids[..^1] : [];
        bool Reads(int[] ids) => Whole(tokenizer!.Decode(ids)) == Whole(choice.Text);
        if (Reads(choice.Ids) || (choice.Ending == Ending.Trace && Reads(without))) return true;
        throw endpoint.Failed(Fault.Refused, "drew ids that the tokenizer given reads as another text; give the served model's own with --tokenizer, or none");
    }

    /// <summary>Without the marks of broken characters, of which servers and tokenizers make more or fewer.</summary>
    private static string Whole(string text) => text.Replace("\uFFFD", "", StringComparison.Ordinal);

    private async Task<Capabilities> Seeds(Endpoint endpoint, Capabilities found, CancellationToken cancel)
    {
        var spoken = found.TokenIds ? prompt : prompt with { Ids = null };

        // Each endpoint has its own seeds: replicas that give equal samples all the same heed none.
        var seed = endpoint.Hash >> 40 << 2;
        async Task<IReadOnlyList<string>> Draw(ulong from, int n) =>
            [.. (await endpoint.Complete(new(found.Model, spoken, n, HotTokens, from, Until.TraceEnd, Hot), found.Dialect, cancel)).Choices.Select(c => c.Text)];
        var (first, again, next) = ((await Draw(seed, 1))[0], (await Draw(seed, 1))[0], (await Draw(seed + 1, 1))[0]);
        for (ulong more = 2; first == next && more < 5; more++) next = (await Draw(seed + more, 1))[0];
        if (first == next) throw endpoint.Failed(Fault.Refused, "gives the same sample whatever the seed, at temperature 2: its samples are not random");
        found = found with { Seeds = first == again ? Capabilities.Honoured : Capabilities.Ignored, Samples = [first, again, next] };
        if (found.MostN < 2 || options.PerRequest < 2) return found;
        var two = await Draw(seed, 2);
        return found with { SeedsOfN = two[0] == two[1] ? Capabilities.Alike : found.Seeds == Capabilities.Honoured && two[0] == first && two[1] == next ? Capabilities.Offset : Capabilities.Own };
    }
}
