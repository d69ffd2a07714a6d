using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Pav.Arithmetic;
using Pav.Serve.Hosting;

namespace Pav.Bench;

/// <summary>
/// The server under load: plain samples and beams of 4 by turns, asked by 1, 8 and 64 clients at once, beside `pav search` with the same
/// problems and seeds in one batch, which draws the same tokens. Both are measured by turns, each time with problems that no cache knows.
/// Clients and server are in one process.
/// </summary>
internal static class ServeBench
{
    private static readonly (int Clients, int Requests)[] Loads = [(1, 32), (8, 128), (64, 256)];

    /// <param name="folder">A model's.</param>
    /// <param name="rounds">After one that only compiles; at least 1.</param>
    public static async Task Run(string folder, int rounds)
    {
        using ServedSubject searched = new(folder), served = new(folder);
        await using var server = await PavServer.Start(
            new() { Port = 0 }, _ => Task.FromResult(served.Models), log => log.SetMinimumLevel(LogLevel.Error));
        await server.Loaded;
        using var clients = new ServeClients(server.Url);
        var problems = new Queue<Problem>(Worksheet.Problems(1, Split.Train).Take((rounds + 1) * Loads.Sum(l => l.Requests)));
        var shares = Loads.ToDictionary(l => l.Clients, _ => new List<(double Clock, double Processor)>());
        Console.WriteLine($"{"round",5} {"clients",7} {"one batch",12} {"as many",10} {"served",10} {"of one batch",13} {"processor",10} "
            + $"{"engine at work",15} {"draws of a call",16} {"first byte, p99",16} {"answer, p99",13}");
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (count, requests) in Loads)
            {
                List<Problem> asked = [.. Enumerable.Range(0, requests).Select(_ => problems.Dequeue())];
                var order = round % 2 == 0;
                var batch = order ? await Searched(searched, asked, requests, round) : null;
                var replies = new List<ServeClients.Reply>();
                var reply = await Timed(served, async () => replies.AddRange(await clients.AskAll(asked, count, (ulong)round)));
                batch ??= await Searched(searched, asked, requests, round);
                var some = await Searched(searched, Again(asked, round), count, round);
                var tokens = replies.Sum(r => r.Tokens);
                if (tokens != batch.Tokens)
                    throw new InvalidOperationException($"{tokens} tokens were served, and the search drew {batch.Tokens}");
                if (round == 0) continue;
                shares[count].Add((batch.Seconds / reply.Seconds, batch.Processor / reply.Processor));
                Console.WriteLine($"{round,5} {count,7} {batch.Rate,10:N0}/s {some.Rate,8:N0}/s {tokens / reply.Seconds,8:N0}/s "
                    + $"{batch.Seconds / reply.Seconds,13:P0} {batch.Processor / reply.Processor,10:P0} {reply.Busy / reply.Seconds,15:P0} "
                    + $"{reply.Draws,16:F1} {Times(replies.Select(r => r.First)),16} {Times(replies.Select(r => r.Whole)),13}");
            }
        }

        foreach (var (count, found) in shares)
            Console.WriteLine($"{count} clients, of one batch: median {Middle(found.Select(s => s.Clock)):P0} by the clock "
                + $"({found.Min(s => s.Clock):P0} to {found.Max(s => s.Clock):P0}), {Middle(found.Select(s => s.Processor)):P0} by "
                + $"processor time ({found.Min(s => s.Processor):P0} to {found.Max(s => s.Processor):P0})");
    }

    /// <summary>The problems under other names, so that no cache knows their draws.</summary>
    private static List<Problem> Again(List<Problem> problems, int round) =>
        [.. problems.Select((p, i) => Worksheet.Draw((ulong)(1000 + round), i, Split.Train).ToProblem())];

    /// <summary>The same searches as `pav search` runs them, so many problems at once, all of a method together.</summary>
    private static async Task<Cost> Searched(ServedSubject subject, List<Problem> problems, int atOnce, int seed)
    {
        var tokens = 0L;
        var cost = await Timed(subject, async () =>
        {
            foreach (var chunk in problems.Index().Chunk(atOnce))
            {
                foreach (var (k, (_, method, n)) in ServedSubject.Kinds.Index())
                {
                    List<Problem> chosen = [.. chunk.Where(p => p.Index % 2 == k).Select(p => p.Item)];
                    if (chosen.Count == 0) continue;
                    var options = subject.Models.Defaults with { Seed = (ulong)seed };
                    var found = await SearchBatch.Run(chosen, method, n, subject.Tools, options);
                    tokens += found.Sum(r => r.Row.GeneratedTokens);
                }
            }
        });
        return cost with { Tokens = tokens };
    }

    private static async Task<Cost> Timed(ServedSubject subject, Func<Task> work)
    {
        var (busy, draws, calls) = (subject.Busy, subject.Policy.Asked, subject.Policy.Calls);
        var (clock, processor) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        await work();
        return new(clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalSeconds, subject.Busy - busy,
            (subject.Policy.Asked - draws) / (double)Math.Max(1, subject.Policy.Calls - calls), 0);
    }

    private static double Middle(IEnumerable<double> values) => Quantile([.. values], 0.5);

    private static string Times(IEnumerable<double> milliseconds)
    {
        List<double> all = [.. milliseconds];
        return $"{Quantile(all, 0.5):0}, {Quantile(all, 0.99):0} ms";
    }

    private static double Quantile(IReadOnlyList<double> values, double share) =>
        values.Order().ElementAt((int)(share * (values.Count - 1)));

    /// <summary>Seconds by the clock, of processor time, and in which the models were at work; draws of a call of the policy.</summary>
    private sealed record Cost(double Seconds, double Processor, double Busy, double Draws, long Tokens)
    {
        public double Rate => Tokens / Seconds;
    }
}
