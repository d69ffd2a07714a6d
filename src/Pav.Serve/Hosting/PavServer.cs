using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HostFiltering;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Net.Http.Headers;
using Pav.Serve.Chat;
using Pav.Serve.Rewards;
using Pav.Serve.Rooms;
using Pav.Serve.Searches;
using Pav.Serve.Wire;

namespace Pav.Serve.Hosting;

/// <summary>
/// The server: it listens at once, says that it is loading until the models are there, and answers then. Disposing it stops it at once;
/// <see cref="Stop"/> lets what runs come to its end.
/// </summary>
public sealed class PavServer : IAsyncDisposable
{
    /// <summary>Bytes a second below which a client sends too slowly.</summary>
    private const double Slow = 240;

    /// <summary>What a browser may call this machine where no key keeps other sites' pages out.</summary>
    private static readonly string[] Loopback = ["localhost", "127.0.0.1", "[::1]"];

    private readonly WebApplication app;
    private readonly Desk desk;
    private readonly ILogger log;
    private readonly CancellationTokenSource loading = new();
    private int disposed;

    private PavServer(ServeOptions options, Action<ILoggingBuilder>? logging)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (logging is null) builder.Logging.AddJsonConsole();
        else logging(builder.Logging);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting", LogLevel.None);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.MaxBody;
            kestrel.Limits.RequestHeadersTimeout = options.HeadersTimeout;
            kestrel.Limits.MinRequestBodyDataRate = new(Slow, options.SlowGrace);
            if (options.Host == "localhost") kestrel.ListenLocalhost(options.Port);
            else kestrel.Listen(IPAddress.Parse(options.Host), options.Port);
        });
        builder.Services.AddHostFiltering(filter => filter.AllowedHosts = options.IsLoopback && options.Key == "" ? Loopback : ["*"]);
        builder.Services.AddCors();
        builder.Services.AddObserving();
        app = builder.Build();
        desk = new(options);
        log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Pav.Serve");
        app.UseErrorReplies(log);
        app.UseHostFiltering();
        if (options.Key == "") app.Use((context, next) => IsOfAnotherSite(context, options) ? throw ApiError.OtherSite() : next(context));
        if (options.Origins.Count > 0)
            app.UseCors(cors =>
                cors.WithOrigins([.. options.Origins]).AllowAnyHeader().AllowAnyMethod().WithExposedHeaders(HeaderNames.RetryAfter));
        KeyGuard.Use(app, options.Key, HealthEndpoints.Health, PageEndpoint.Address);
        app.UseRouting();
        app.MapPage();
        app.MapHealth(desk);
        app.MapObserving();
        app.MapModels(desk);
        ChatEndpoints.Map(app, desk, log);
        SearchEndpoints.Map(app, desk, log);
        app.MapRewards(desk, log);
    }

    /// <summary>Ends when the models are there, or with the reason why they are not.</summary>
    public Task Loaded { get; private set; } = Task.CompletedTask;

    /// <summary>Where it listens: http://127.0.0.1:8080.</summary>
    public string Url => app.Urls.First();

    /// <summary>Begins to listen, and then to load.</summary>
    /// <param name="options">Where, and what requests may ask.</param>
    /// <param name="load">Opens the models; the caller disposes them after the server.</param>
    /// <param name="logging">Where the log goes; JSON lines on stderr where null.</param>
    public static async Task<PavServer> Start(
        ServeOptions options, Func<CancellationToken, Task<ServedModels>> load, Action<ILoggingBuilder>? logging = null)
    {
        options.Check();
        var server = new PavServer(options, logging);
        try
        {
            await server.app.StartAsync();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await server.DisposeAsync();
            throw new UserError(
                $"cannot listen on {options.Host} port {options.Port}: {e.Message.TrimEnd('.')}; "
                + "--host must be an address of this machine, and --port free (0 finds one)", e);
        }

        server.Loaded = server.Load(load);
        return server;
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
        if (Interlocked.Exchange(ref disposed, 1) == 1) return;
        await Stop(TimeSpan.Zero);
        await Loaded.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await desk.DisposeAsync();
        await app.DisposeAsync();
        loading.Dispose();
    }

    /// <summary>Without a key pages of other sites, which a browser shows on this machine, must not make it work.</summary>
    private static bool IsOfAnotherSite(HttpContext context, ServeOptions options) =>
        context.Request.Headers["Sec-Fetch-Site"] == "cross-site" && !options.Origins.Contains(context.Request.Headers.Origin.ToString());

    private async Task Load(Func<CancellationToken, Task<ServedModels>> load)
    {
        var models = await Task.Run(() => load(loading.Token), loading.Token);
        desk.Open(models);
        log.LogInformation("{Model} is ready", models.Name);
    }
}
