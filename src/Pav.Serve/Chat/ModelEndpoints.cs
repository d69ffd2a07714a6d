using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>What one request may ask.</summary>
/// <param name="N">Largest size of a search, and most choices.</param>
/// <param name="Prompt">Most tokens of a prompt.</param>
/// <param name="Trace">Most tokens of a trace.</param>
/// <param name="Budget">Most tokens to generate in all.</param>
/// <param name="Alpha">Largest weight of progress.</param>
internal sealed record LimitCard(
    [property: JsonPropertyName("n")] int N, [property: JsonPropertyName("prompt")] int Prompt,
    [property: JsonPropertyName("trace")] int Trace, [property: JsonPropertyName("budget")] long Budget,
    [property: JsonPropertyName("alpha")] double Alpha);

/// <summary>The search method behind a model's name.</summary>
/// <param name="Label">Its name in words.</param>
/// <param name="N">The size that the name says, else the usual one.</param>
/// <param name="HasProver">Does it rank by progress?</param>
/// <param name="Verifier">Scores its steps; null: it needs none.</param>
/// <param name="Outcome">Judges its whole traces; null: it needs none.</param>
internal sealed record MethodCard(
    [property: JsonPropertyName("method")] string Method, [property: JsonPropertyName("label")] string Label,
    [property: JsonPropertyName("n")] int N, [property: JsonPropertyName("kind")] MethodKind Kind,
    [property: JsonPropertyName("has_prover")] bool HasProver, [property: JsonPropertyName("verifier")] string? Verifier,
    [property: JsonPropertyName("outcome")] string? Outcome, [property: JsonPropertyName("limits")] LimitCard Limits);

/// <summary>A model as clients list it; those that are a method's full name say which.</summary>
internal sealed record ModelCard(
    [property: JsonPropertyName("id")] string Id, [property: JsonPropertyName("created")] long Created,
    [property: JsonPropertyName("owned_by")] string OwnedBy = "pav", [property: JsonPropertyName("object")] string Object = "model",
    [property: JsonPropertyName("pav"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] MethodCard? Pav = null);

/// <summary>All of them.</summary>
internal sealed record ModelList(
    [property: JsonPropertyName("data")] IReadOnlyList<ModelCard> Data, [property: JsonPropertyName("object")] string Object = "list");

/// <summary>The names that the field model may have: the policy's, each method's behind it, and for rewards the verifier's.</summary>
internal static class ModelEndpoints
{
    public static void MapModels(this IEndpointRouteBuilder app, Desk desk)
    {
        app.MapGet("/v1/models", () => Results.Json(new ModelList([.. Names(desk.Models).Select(name => Card(name, desk))])))
            .Produces<ModelList>();
        // Names of hubs have a slash, which clients write as it is or as %2F, and which routing leaves as it finds it.
        app.MapGet("/v1/models/{**id}", (string id) => Results.Json(Card(id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase), desk)))
            .Produces<ModelCard>().Produces<ErrorReply>(404);
    }

    private static IEnumerable<string> Names(ServedModels models) =>
        models.Verifier is { } verifier ? ModelName.All(models).Append(verifier.Name) : ModelName.All(models);

    /// <summary>Short names are other words for full ones, and have no method's card of their own.</summary>
    private static ModelCard Card(string id, Desk desk)
    {
        var models = desk.Models;
        var card = new ModelCard(id, models.Since.ToUnixTimeSeconds());
        if (id == models.Verifier?.Name) return card;
        var (method, n) = ModelName.Parse(id, models);
        if (ModelName.Lacks(method, models) is { } lacks)
            throw ApiError.NotFound("model", $"the method {method.Id} needs {lacks}, which this server has not", "model_not_found");
        return id.StartsWith($"{models.Name}:{method.Id}", StringComparison.Ordinal) ? card with { Pav = Method(method, n, desk) } : card;
    }

    private static MethodCard Method(SearchMethod method, int? n, Desk desk)
    {
        var (models, limits) = (desk.Models, desk.Options);
        return new(
            method.Id, method.Label, method.SizeOne ? 1 : n ?? ModelName.Usual(method), method.Kind, method.HasProver,
            method.Needs.HasFlag(Needs.Verifier) ? models.Verifier?.Name : null,
            method.Needs.HasFlag(Needs.Outcome) ? models.Outcome?.Name : null,
            new(limits.MaxN, limits.MaxPrompt, limits.MaxTokens, limits.MaxBudget, ServeOptions.MaxAlpha));
    }
}
