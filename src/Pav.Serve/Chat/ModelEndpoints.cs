using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Chat;

/// <summary>The search method behind a model's name.</summary>
/// <param name="Label">Its name in words.</param>
/// <param name="N">The size that it has where none is named.</param>
/// <param name="HasProver">Does it rank by progress?</param>
public sealed record MethodCard(
    [property: JsonPropertyName("method")] string Method, [property: JsonPropertyName("label")] string Label,
    [property: JsonPropertyName("n")] int N, [property: JsonPropertyName("kind")] MethodKind Kind,
    [property: JsonPropertyName("has_prover")] bool HasProver);

/// <summary>A model as clients list it; those that are a method's full name say which.</summary>
public sealed record ModelCard(
    [property: JsonPropertyName("id")] string Id, [property: JsonPropertyName("created")] long Created,
    [property: JsonPropertyName("owned_by")] string OwnedBy = "pav", [property: JsonPropertyName("object")] string Object = "model",
    [property: JsonPropertyName("pav"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] MethodCard? Pav = null);

/// <summary>All of them.</summary>
public sealed record ModelList(
    [property: JsonPropertyName("data")] IReadOnlyList<ModelCard> Data, [property: JsonPropertyName("object")] string Object = "list");

/// <summary>The names that the field model may have: the policy's, each method's behind it, and for rewards the verifier's.</summary>
internal static class ModelEndpoints
{
    public static void MapModels(this IEndpointRouteBuilder app, Desk desk)
    {
        app.MapGet("/v1/models", () => Results.Json(new ModelList([.. Cards(desk.Models)]))).Produces<ModelList>();
        // Names of hubs have a slash, which clients write as it is or as %2F, and which routing leaves as it finds it.
        app.MapGet("/v1/models/{**id}", (string id) =>
        {
            var models = desk.Models;
            id = id.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
            if (id != models.Verifier?.Name) ModelName.Parse(id, models);
            return Results.Json(new ModelCard(id, models.Since.ToUnixTimeSeconds()));
        }).Produces<ModelCard>().Produces<ErrorReply>(404);
    }

    private static IEnumerable<ModelCard> Cards(ServedModels models)
    {
        var since = models.Since.ToUnixTimeSeconds();
        foreach (var name in ModelName.All(models))
        {
            var method = ModelName.Parse(name, models).Method;
            var isFull = name == ModelName.Full(method, models);
            var card = isFull ? new MethodCard(method.Id, method.Label, ModelName.Usual(method), method.Kind, method.HasProver) : null;
            yield return new(name, since) { Pav = card };
        }

        if (models.Verifier is { } verifier) yield return new(verifier.Name, since);
    }
}
