using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Pav.Models;
using Pav.Models.Tokenizers;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Serve.Tests.Rewards;

/// <summary>Says what it was told: Q by the number of steps.</summary>
internal sealed class ToldVerifier(params double[] q) : IVerifier
{
    public string Name => "told";

    /// <summary>Prefixes of each call.</summary>
    public List<IReadOnlyList<Prefix>> Calls { get; } = [];

    /// <summary>What a call takes.</summary>
    public TimeSpan Time { get; init; }

    public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
    {
        Calls.Add(prefixes);
        if (Time > TimeSpan.Zero) await Task.Delay(Time, cancel);
        return [.. prefixes.Select(p => new Scored(q[..(p.Depth + 1)], p.Depth))];
    }
}

/// <summary>A server with a verifier that says what it was told, and a client of it.</summary>
internal sealed class RewardClient(PavServer server, ILoggerProvider log) : IAsyncDisposable
{
    private readonly HttpClient client = new() { BaseAddress = new(server.Url) };

    public static Task<RewardClient> Start(params double[] q) => Start(new ToldVerifier(q));

    public static async Task<RewardClient> Start(IVerifier? verifier, Func<ServedModels, ServedModels>? change = null)
    {
        var models = new ServedModels("toy", new ToyPolicy(), Grader.Numeric, new PromptTemplate("{problem}\n"))
        {
            Verifier = verifier, Tokenizer = Tokenizer.WordLevel(["\n", "2+2", " =", " 4", "so", "Answer:"]),
            Defaults = new() { Prover = Prover.BestOf(1), Alpha = 0.5 },
        };
        var log = new ErrorLog();
        var served = change?.Invoke(models) ?? models;
        var server = await PavServer.Start(new() { Port = 0 }, _ => Task.FromResult(served), logging => logging.AddProvider(log));
        await server.Loaded;
        return new(server, log);
    }

    public string Url => server.Url;

    /// <summary>What the server has logged as its own fault.</summary>
    public IReadOnlyList<string> Faults => [.. ((ErrorLog)log).Lines];

    public async Task<(int Status, string Text)> Post(string path, string json)
    {
        using var content = new StringContent(json, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        using var reply = await client.PostAsync(path, content);
        return ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync());
    }

    public async Task<JsonElement> Get(string path) => JsonDocument.Parse(await client.GetStringAsync(path)).RootElement;

    /// <summary>The reply's JSON, of a request that is answered.</summary>
    public async Task<JsonElement> Ask(string path, string json)
    {
        var (status, text) = await Post(path, json);
        Assert.True(status == 200, $"{path} answered {status}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await server.DisposeAsync();
    }

    private sealed class ErrorLog : ILoggerProvider, ILogger
    {
        public List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel level) => level >= LogLevel.Error;

        public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> format)
        {
            lock (Lines)
                if (IsEnabled(level)) Lines.Add($"{format(state, exception)} {exception}");
        }

        public void Dispose()
        {
        }
    }
}
