using System.Text.Json;
using Pav.Models.Tokenizers;

namespace Pav.Models.Remote;

/// <summary>Finds out what a server is and does, with a handful of requests for a real prompt.</summary>
internal sealed class Probe(RemoteOptions options, Prompt prompt, Tokenizer? tokenizer)
{
    /// <summary>What stands for a sample that is no text.</summary>
    private const string NoText = "\uFFFD";

    /// <summary>Long enough that two samples are equal only if their randomness was, or the model is nearly sure.</summary>
    private const int Tokens = 32;

    private const int ManySlots = 1 << 20, LongestContext = 1 << 30, MostSeeds = 16, MostTries = 3;

    private static readonly Sampling Plain = new(Temperature: 1);

    public async Task<Capabilities> Ask(Endpoint endpoint, CancellationToken cancel)
    {
        try
        {
            var (dialect, model, context) = await Models(endpoint, cancel);
            var (version, slots, slotContext) = await Server(endpoint, dialect, cancel);
            var found = new Capabilities(
                endpoint.Url.ToString(), dialect.Name, version, model, context
                    ?? slotContext, dialect.StopText, false, SeedUse.Ignored, null, slots, TokenCounts.Unknown) { Dialect = dialect };
            found = found with { TokenIds = tokenizer is not null && dialect.SpeaksIds && await SpeaksIds(endpoint, found, cancel) };
            return await Seeds(endpoint, found, cancel);
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw endpoint.Failed(Fault.Malformed, "describes itself in a form that no inference server has", e);
        }
    }

    /// <summary>Is the server well? It is asked what it has answered before; null where it says that it has too much to do.</summary>
    public async Task<bool?> IsWell(Endpoint endpoint, CancellationToken cancel)
    {
        var found = endpoint.Health.Capabilities!;
        try
        {
            var request = new CompletionRequest(found.Model, Spoken(found), 1, Tokens, endpoint.Hash >> 40 << 5, Until.TraceEnd, Plain);
            await endpoint.Complete(request, found.Dialect, cancel);
            return true;
        }
        catch (EndpointException e)
        {
            return e.Fault == Fault.NoText ? true : e.Fault == Fault.Busy ? null : false;
        }
    }

    /// <summary>One failure on the way says nothing of what a server is.</summary>
    private static async Task<Completion> Complete(Endpoint endpoint, CompletionRequest request, Dialect dialect, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await endpoint.Complete(request, dialect, cancel);
            }
            catch (EndpointException e) when (e.Fault is Fault.Server or Fault.Network or Fault.Malformed && tries < MostTries)
            {
                // It is asked again.
            }
        }
    }

    private Prompt Spoken(Capabilities found) => found.TokenIds ? prompt : prompt with { Ids = null };

    private async Task<(Dialect Dialect, string Model, int? Context)> Models(Endpoint endpoint, CancellationToken cancel)
    {
        using var list = await endpoint.Get(endpoint.Url.Api("models"), cancel);
        if (Field(list?.RootElement, "data") is not { ValueKind: JsonValueKind.Array } data || data.GetArrayLength() == 0)
            throw endpoint.Failed(Fault.Refused, "lists no models at /v1/models; is it an inference server?");
        var served = data.EnumerateArray().Where(m => Field(m, "id") is { ValueKind: JsonValueKind.String }).ToList();
        string Id(JsonElement entry) => Field(entry, "id")!.Value.GetString()!;
        if (served.Count == 0) throw endpoint.Failed(Fault.Malformed, "lists models without ids at /v1/models");
        var wanted = options.Model == "" && served.Count == 1 ? served[0] : served.FirstOrDefault(m => Id(m) == options.Model);
        if (wanted.ValueKind == JsonValueKind.Undefined)
        {
            var names = string.Join(", ", served.Take(8).Select(m => endpoint.Clean(Id(m))));
            throw endpoint.Failed(Fault.Refused,
                $"serves {names}{(options.Model == "" ? "; choose one with --model" : $" and not {options.Model}")}");
        }

        // The name goes back to the server and into run folders as it is.
        if (Id(wanted) == "" || endpoint.Clean(Id(wanted)) != Id(wanted))
            throw endpoint.Failed(Fault.Refused, $"serves a model whose name is no name ('{endpoint.Clean(Id(wanted))}')");
        return (Dialect.For(Field(wanted, "owned_by")?.ToString()), Id(wanted), Count(endpoint, wanted, "max_model_len", LongestContext));
    }

    private static async Task<(string? Version, int Slots, int? Context)> Server(Endpoint endpoint, Dialect dialect,
        CancellationToken cancel)
    {
        var unknown = dialect is LlamaCppDialect ? 1 : ManySlots;
        if (dialect.Version(endpoint.Url) is not { } place) return (null, unknown, null);
        using var told = await endpoint.Get(place.Route, cancel);
        if (told is null) return (null, unknown, null);
        var version = Field(told.RootElement, place.Field) is { ValueKind: JsonValueKind.String } text
            ? endpoint.Clean(text.GetString()!) : null;
        var settings = Field(told.RootElement, "default_generation_settings");
        return (version, Count(endpoint, told.RootElement, "total_slots", ManySlots) ?? unknown,
            settings is { } s ? Count(endpoint, s, "n_ctx", LongestContext) : null);
    }

    private static JsonElement? Field(JsonElement? json, string name) => json is { ValueKind: JsonValueKind.Object } some
        && some.TryGetProperty(name, out var value) ? value : null;

    private static int? Count(Endpoint endpoint, JsonElement json, string name, int most) => Field(json, name) switch
    {
        null or { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.Number } value when value.TryGetInt32(out var count) && count >= 1 && count <= most => count,
        { } other => throw endpoint.Failed(Fault.Malformed, $"says that {name} is {endpoint.Clean(other.ToString())}, which is no count "
            + $"from 1 to {most}"),
    };

    /// <summary>Does the server take ids, tell ids, and do they mean to it what they mean to the tokenizer?</summary>
    private async Task<bool> SpeaksIds(Endpoint endpoint, Capabilities found, CancellationToken cancel)
    {
        for (ulong seed = 1; seed <= MostSeeds; seed++)
        {
            try
            {
                var request = new CompletionRequest(found.Model, prompt, 1, Tokens, seed, Until.TraceEnd, Plain);
                var choice = (await Complete(endpoint, request, found.Dialect, cancel)).Choices[0];
                if (choice.Ids is null) return false;
                var without = choice.Ids.Length > 0 ? choice.Ids[..^1] : [];
                bool Reads(int[] ids) => Whole(tokenizer!.Decode(ids)) == Whole(choice.Text);
                if (Reads(choice.Ids) || (choice.Ending == Ending.Trace && Reads(without))) return true;
                throw endpoint.Failed(Fault.Refused,
                    "drew ids that the tokenizer given reads as another text; give the served model's own with --tokenizer, or none");
            }
            catch (EndpointException e) when (e.Fault == Fault.NoText && seed < MostSeeds)
            {
                // Another seed may give a text.
            }
        }

        return false;
    }

    /// <summary>Without the marks of broken characters, of which servers and tokenizers make more or fewer.</summary>
    private static string Whole(string text) => text.Replace("\uFFFD", "", StringComparison.Ordinal);

    private async Task<Capabilities> Seeds(Endpoint endpoint, Capabilities found, CancellationToken cancel)
    {
        // Each endpoint has its own seeds: replicas that give equal samples all the same heed none.
        var seed = endpoint.Hash >> 40 << 5;
        var tokens = 0L;
        async Task<IReadOnlyList<string>> Draw(ulong start, int n)
        {
            try
            {
                var request = new CompletionRequest(found.Model, Spoken(found), n, Tokens, start, Until.TraceEnd, Plain);
                var drawn = await Complete(endpoint, request, found.Dialect, cancel);
                tokens += drawn.Choices.Sum(c => (long)c.Tokens);
                return [.. drawn.Choices.Select(c => c.Text)];
            }
            catch (EndpointException e) when (e.Fault == Fault.NoText)
            {
                return [.. Enumerable.Repeat(NoText, n)];
            }
        }

        var first = (await Draw(seed, 1))[0];
        for (var more = 0; first == NoText && more < MostSeeds; more++) first = (await Draw(++seed, 1))[0];
        var (again, next, after) = ((await Draw(seed, 1))[0], (await Draw(seed + 1, 1))[0], 1UL);
        while (first == next && after < MostSeeds) next = (await Draw(seed + ++after, 1))[0];
        if (first == next)
            throw endpoint.Failed(Fault.Refused, "gives the same sample whatever the seed, at temperature 1: its samples are not random");

        // A model that is nearly sure repeats itself by chance: both samples must come back.
        var repeated = first == again && (await Draw(seed + after, 1))[0] == next;
        found = found with
        {
            Seeds = repeated ? SeedUse.Honoured : SeedUse.Ignored, Samples = [first, again, next],
            Tokens = tokens > 0 ? TokenCounts.Told : tokenizer is not null ? TokenCounts.Estimated : TokenCounts.Unknown,
        };
        if (found.MostN < 2 || options.PerRequest < 2) return found;

        IReadOnlyList<string> two;
        try
        {
            two = await Draw(seed + after - 1, 2);
        }
        catch (EndpointException e) when (e.Fault is Fault.Malformed or Fault.Rejected)
        {
            // It does not know n.
            return found with { MostN = 1 };
        }

        var offset = repeated && two[0] == first && two[1] == next;
        return found with { SeedsOfN = two[0] == two[1] ? ChoiceSeeds.Alike : offset ? ChoiceSeeds.Offset : ChoiceSeeds.Own };
    }
}
