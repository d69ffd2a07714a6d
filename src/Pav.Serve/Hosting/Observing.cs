using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using OpenTelemetry.Metrics;
using Pav.Serve.Rooms;

namespace Pav.Serve.Hosting;

/// <summary>What can be read about the server: /metrics for Prometheus, /openapi.json for programs.</summary>
internal static class Observing
{
    private const string Metrics = "/metrics", OpenApi = "/openapi.json";

    /// <summary>Batches have from one member to some thousands.</summary>
    private static readonly double[] Sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];

    private static readonly double[] Seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

    public static void AddObserving(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
        });
        services.AddOpenApi(api => api.AddDocumentTransformer(Entitle).AddSchemaTransformer(LeaveOut));
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(Meters.Name, "Microsoft.AspNetCore.Hosting")
            .AddView("pav.batch.*", new ExplicitBucketHistogramConfiguration { Boundaries = Sizes })
            .AddView("pav.request.*", new ExplicitBucketHistogramConfiguration { Boundaries = Seconds })
            .AddPrometheusExporter());
    }

    private static Task Entitle(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancel)
    {
        document.Info.Title = "pav serve";
        return Task.CompletedTask;
    }

    /// <summary>A field that may be null may be absent too, in requests and in replies.</summary>
    private static Task LeaveOut(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancel)
    {
        foreach (var field in context.JsonTypeInfo.Properties.Where(field => field.IsGetNullable)) schema.Required?.Remove(field.Name);
        return Task.CompletedTask;
    }

    public static void MapObserving(this WebApplication app)
    {
        app.MapPrometheusScrapingEndpoint(Metrics);
        app.MapOpenApi(OpenApi);
    }
}
