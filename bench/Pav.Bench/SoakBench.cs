using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Pav.Arithmetic;
using Pav.Serve.Hosting;

namespace Pav.Bench;

/// <summary>
/// Many requests of all kinds, a tenth of them left in the middle: is memory flat, is every one answered, and is nothing held when all have
/// gone? Answers are short, so that there are many of them.
/// </summary>
internal static class SoakBench
{
    private const int Clients = 32, Parts = 10, Problems = 512;

    private static readonly string[] Models = ["served", "served:beam-2", "served:vote-4", "served:mcts-2"];

    private sealed record Count(int Answered, int Left, int Lost);

    /// <param name="folder">A model's.</param>
    /// <param name="requests">At least 10.</param>
    public static async Task Run(string folder, int requests)
    {
        using var subject = new ServedSubject(folder, maxTokens: 24);
        var faults = 0;
        await using var server = await PavServer.Start(new() { Port = 0 }, _ => Task.FromResult(subject.Models), log =>
            log.SetMinimumLevel(LogLevel.Error).AddProvider(new Faults(() => Interlocked.Increment(ref faults))));
        await server.Loaded;
        using var http = new HttpClient { BaseAddress = new(server.Url) };
        List<Problem> problems = [.. Worksheet.Problems(1, Split.Train).Take(Problems)];
        var all = new Count(0, 0, 0);
        Console.WriteLine($"{"requests",9} {"answered",9} {"left",6} {"lost",5} {"faults",7} {"seconds",8} {"heap MB",8} {"process MB",11} "
            + $"{"caches MB",10} {"handles",8} {"threads",8} {"at work",8}");
        for (var part = 0; part < Parts; part++)
        {
            var clock = Stopwatch.StartNew();
            var from = part * (requests / Parts);
            var found = await Ask(http, problems, from, from + requests / Parts);
            all = new(all.Answered + found.Answered, all.Left + found.Left, all.Lost + found.Lost);
            var seconds = clock.Elapsed.TotalSeconds;
            var working = await AtWork(http);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var process = Process.GetCurrentProcess();
            Console.WriteLine($"{all.Answered + all.Left + all.Lost,9:N0} {all.Answered,9:N0} {all.Left,6:N0} {all.Lost,5:N0} "
                + $"{faults,7:N0} {seconds,8:F0} {GC.GetTotalMemory(true) / 1e6,8:F1} {process.WorkingSet64 / 1e6,11:F0} "
                + $"{subject.CacheBytes / 1e6,10:F0} {process.HandleCount,8} {process.Threads.Count,8} {working,8}");
        }
    }

    private static async Task<Count> Ask(HttpClient http, List<Problem> problems, int from, int to)
    {
        var (answered, left, lost) = (0, 0, 0);
        await Parallel.ForAsync(from, to, new ParallelOptions { MaxDegreeOfParallelism = Clients }, async (i, _) =>
        {
            using var cancel = new CancellationTokenSource();
            if (i % 10 == 9) cancel.CancelAfter(1 + i * 7 % 60);
            try
            {
                if (await IsAnswered(http, problems[i % problems.Count], i, cancel.Token)) Interlocked.Increment(ref answered);
                else Interlocked.Increment(ref lost);
            }
            catch (OperationCanceledException)
            {
                Interlocked.Increment(ref left);
            }
        });
        return new(answered, left, lost);
    }

    /// <summary>Half are chats, half of these streams; the others are searches to watch, rewards of steps and of traces.</summary>
    private static async Task<bool> IsAnswered(HttpClient http, Problem problem, int i, CancellationToken cancel)
    {
        var model = Models[i / 8 % Models.Length];
        var messages = new[] { new { role = "user", content = problem.Text } };
        var response = string.Join('\n', problem.Text.Split('\n').Skip(1).Take(1 + i % 4));
        var (path, body, mark) = (i % 8) switch
        {
            0 or 1 => ("/v1/chat/completions", (object)new { model, messages, seed = i }, "\"usage\""),
            2 or 3 => ("/v1/chat/completions", new { model, messages, seed = i, stream = true }, "[DONE]"),
            4 => ("/v1/completions", new { model, prompt = problem.Text, seed = i, n = 2 }, "\"usage\""),
            5 => ("/v1/search", new { model, problem = problem.Text, seed = i, trace = true }, "search.done"),
            6 => ("/v1/steps", new { prompt = problem.Text, response, label = problem.Answer }, "\"q0\""),
            _ => ("/get_reward", new { query = new[] { $"{problem.Text}\n{response}" }, prompts = new[] { $"{problem.Text}\n" },
                labels = new[] { problem.Answer } }, "\"rewards\""),
        };
        using var reply = await http.PostAsJsonAsync(path, body, cancel);
        return reply.IsSuccessStatusCode && (await reply.Content.ReadAsStringAsync(cancel)).Contains(mark, StringComparison.Ordinal);
    }

    /// <summary>Requests at work when all clients have gone: those that were left may need a moment.</summary>
    private static async Task<int> AtWork(HttpClient http)
    {
        for (var tries = 0; ; tries++)
        {
            var working = (await http.GetFromJsonAsync<JsonElement>("/health")).GetProperty("working").GetInt32();
            if (working == 0 || tries == 50) return working;
            await Task.Delay(20);
        }
    }

    private sealed class Faults(Action told) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            Console.Error.WriteLine($"{formatter(state, exception)} {exception}");
            told();
        }

        public void Dispose()
        {
        }
    }
}
