using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pav.Serve.Chat;
using Pav.Serve.Rewards;
using Pav.Serve.Rooms;
using Pav.Serve.Wire;

namespace Pav.Serve.Hosting;

/// <summary>
/// The server: it listens at once, says that it is loading until the models are there, and answers then. Disposing it stops it at once;
/// <see cref="Stop"/> lets what runs come to its end.
/// </summary>
public sealed class PavServer : IAsyncDisposable
{
    /// <summary>A client has so long for its headers.</summary>
    private static readonly TimeSpan HeadersTimeout = TimeSpan.FromSeconds(10);

    private readonly WebApplication app;
    private readonly Desk desk;
    private readonly CancellationTokenSource loading = new();

    private PavServer(ServeOptions options, Action<ILoggingBuilder>? logging, Func<CancellationToken, Task<ServedModels>> load)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (logging is null) builder.Logging.AddJsonConsole();
        else logging(builder.Logging);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBody;
            kestrel.Limits.RequestHeadersTimeout = HeadersTimeout;
            if (options.Host == "localhost") kestrel.ListenLocalhost(options.Port);
            else kestrel.Listen(IPAddress.Parse(options.Host), options.Port);
        });
        builder.Services.AddHostFiltering(filter => filter.AllowedHosts = options.IsLoopback && options.Key == "" ? ["localhost", "127.0.0.1", "[::1]"] : ["*"]);
        builder.Services.AddCors();
        app = builder.Build();
        desk = new(options);
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Pav.Serve");
        app.UseErrorReplies(log);
        app.UseHostFiltering();
        if (options.Origins.Count > 0) app.UseCors(cors => cors.WithOrigins([.. options.Origins]).AllowAnyHeader().AllowAnyMethod());
        KeyGuard.Use(app, options.Key, HealthEndpoints.Health);
        app.UseRouting();
        app.MapHealth(desk);
        app.MapModels(desk);
        app.MapRewards(desk);
        Loaded = Load(load, log);
    }

    /// <summary>Ends when the models are there, or with the reason why they are not.</summary>
    public Task Loaded { get; }

    /// <summary>Where it listens: http://127.0.0.1:8080.</summary>
    public string Url => app.Urls.First();

    /// <summary>Begins to listen, and to load.</summary>
    /// <param name="options">Where, and what requests may ask.</param>
    /// <param name="load">Opens the models; the caller disposes them after the server.</param>
    /// <param name="logging">Where the log goes; JSON lines on the console where null.</param>
    public static async Task<PavServer> Start(ServeOptions options, Func<CancellationToken, Task<ServedModels>> load, Action<ILoggingBuilder>? logging = null)
    {
        options.Check();
        var server = new PavServer(options, logging, load);
        try
        {
            await server.app.StartAsync();
            return server;
        }
        catch (IOException e)
        {
            await server.DisposeAsync();
            throw new UserError($"cannot listen on {options.Host} port {options.Port}: {e.Message.TrimEnd('.')}; choose another --port, or 0 for a free one", e);
        }
    }

    /// <summary>Takes no new requests, and lets what runs come to its end within so much time.</summary>
    public async Task Stop(TimeSpan grace)
    {
        await loading.CancelAsync();
        using var patience = new CancellationTokenSource(grace);
        await app.StopAsync(patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await Stop(TimeSpan.Zero);
        await desk.DisposeAsync();
        await app.DisposeAsync();
        loading.Dispose();
    }

    private async Task Load(Func<CancellationToken, Task<ServedModels>> load, ILogger log)
    {
        var models = await Task.Run(() => load(loading.Token), loading.Token);
        desk.Open(models);
        log.LogInformation("{Model} is ready", models.Name);
    }
}
