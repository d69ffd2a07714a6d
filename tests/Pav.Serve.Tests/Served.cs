using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests;

/// <summary>A server that is ready, and a client of it.</summary>
internal sealed class Served : IAsyncDisposable
{
    private Served(PavServer server, Lines log) => (Server, Log, Http) = (server, log, new() { BaseAddress = new(server.Url) });

    public PavServer Server { get; }

    public HttpClient Http { get; }

    /// <summary>What the server has logged.</summary>
    public Lines Log { get; }

    public static async Task<Served> Start(ServedModels models, ServeOptions? options = null)
    {
        var log = new Lines();
        options = (options ?? new()) with { Port = 0 };
        var server = await PavServer.Start(options, _ => Task.FromResult(models), logging => logging.AddProvider(log));
        await server.Loaded;
        return new(server, log);
    }

    public async Task<(int Status, JsonElement Json)> Post(string path, string json, CancellationToken cancel = default)
    {
        var reply = await Http.PostAsync(path, new StringContent(json, null, "application/json"), cancel);
        return ((int)reply.StatusCode, await reply.Content.ReadFromJsonAsync<JsonElement>(cancel));
    }

    /// <summary>The data lines of a stream, parsed; and whether it ended with [DONE].</summary>
    public async Task<(IReadOnlyList<(string? Name, JsonNode Data)> Events, bool Done)> Stream(string path, string json)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, null, "application/json") };
        using var reply = await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", reply.Content.Headers.ContentType?.MediaType);
        var events = new List<(string?, JsonNode)>();
        string? name = null;
        foreach (var line in (await reply.Content.ReadAsStringAsync()).Split('\n'))
        {
            if (line.StartsWith("event: ", StringComparison.Ordinal)) name = line[7..];
            if (line == "data: [DONE]") return (events, true);
            if (!line.StartsWith("data: ", StringComparison.Ordinal)) continue;
            events.Add((name, JsonNode.Parse(line[6..])!));
            name = null;
        }

        return (events, false);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await Server.DisposeAsync();
    }
}

/// <summary>Keeps what is logged.</summary>
internal sealed class Lines : ILoggerProvider, ILogger
{
    private readonly List<string> lines = [];

    public IReadOnlyList<string> All
    {
        get { lock (lines) return [.. lines]; }
    }

    public IReadOnlyList<string> Errors => [.. All.Where(l => l.StartsWith("Error", StringComparison.Ordinal))];

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (lines) lines.Add($"{logLevel}: {formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}
