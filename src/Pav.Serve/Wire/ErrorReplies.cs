using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Pav.Serve.Wire;

/// <summary>Turns failures into replies with an error object.</summary>
internal static class ErrorReplies
{
    /// <summary>What a client gets whose request the server failed by its own fault; the cause is in the log.</summary>
    public static ErrorReply Fault { get; } = new(new("the server failed; its log says why", "server_error", null, "internal_error"));

    public static void UseErrorReplies(this IApplicationBuilder app, ILogger log) => app.Use(async (context, next) =>
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, StatusCode: 404 or 405 or 415, ContentLength: null, ContentType: null })
                await Send(context, Missing(context));
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            context.Abort();
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            var known = ApiError.From(e);
            if (known is null or { Status: 503, InnerException: not null })
                log.LogError(e, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
            await Send(context, known);
        }
    });

    private static ApiError Missing(HttpContext context) => context.Response.StatusCode switch
    {
        405 => new(405, $"{context.Request.Method} is not for {context.Request.Path}", "invalid_request_error", code: "method_not_allowed"),
        415 => ApiError.NotJson(),
        _ => ApiError.NotFound(null, $"there is nothing at {context.Request.Path}", "not_found"),
    };

    private static async Task Send(HttpContext context, ApiError? error)
    {
        context.Response.Clear();
        context.Response.StatusCode = error?.Status ?? 500;
        if (error?.RetryAfter is { } wait)
            context.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        if (error?.Status == 401) context.Response.Headers.WWWAuthenticate = "Bearer";
        await context.Response.WriteAsJsonAsync(error?.Reply ?? Fault, (JsonSerializerOptions?)null, CancellationToken.None);
    }
}
