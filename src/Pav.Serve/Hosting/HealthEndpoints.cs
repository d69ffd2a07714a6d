using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pav.Serve.Rooms;

namespace Pav.Serve.Hosting;

/// <summary>Is the server ready?</summary>
internal static class HealthEndpoints
{
    public const string Health = "/health";

    /// <param name="status">loading or ready.</param>
    private sealed record HealthReply(string status, int working, int waiting);

    public static void MapHealth(this IEndpointRouteBuilder app, Desk desk) => app.MapGet(Health, () =>
    {
        var (working, waiting) = desk.Load;
        return Results.Json(new HealthReply(desk.IsReady ? "ready" : "loading", working, waiting), statusCode: desk.IsReady ? 200 : 503);
    });
}
