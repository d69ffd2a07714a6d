using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Pav.Arithmetic;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Serve;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Bench;

/// <summary>The server under load: many clients, plain samples and beams of 4 by turns, against the same searches in one batch.</summary>
internal static class ServeBench
{
    private const int Requests = 128;

    private static readonly Sampling Sampling = new(MaxTokens: 80);

    private static readonly (string Model, SearchMethod Method, int N)[] Kinds =
        [("served", SearchMethods.Sample, 1), ("served:beam-4", SearchMethods.BeamByQ, 4)];

    /// <summary>Tokens a second, first byte and slowest of a hundred for 1, 8 and 64 clients.</summary>
    public static async Task Load(string folder)
    {
        using var opened = new Opened(folder);
        var problems = Worksheet.Problems(1, Split.Test).Take(Requests).ToList();
        await Batch(opened, problems[..16]);
        Console.WriteLine($"one batch: {await Batch(opened, problems):N0} tokens/s");
        await using var server = await Start(opened);
        foreach (var clients in new[] { 1, 8, 64 })
        {
            var (gate, tokens) = (new Lock(), 0L);
            List<double> first = [], whole = [];
            var clock = Stopwatch.StartNew();
            await Parallel.ForAsync(0, Requests, new ParallelOptions { MaxDegreeOfParallelism = clients }, async (i, cancel) =>
            {
                var (toFirst, toEnd, spent) = await Ask(server, problems[i], Kinds[i % 2].Model, (ulong)i, cancel);
                lock (gate)
                {
                    first.Add(toFirst);
                    whole.Add(toEnd);
                    tokens += spent;
                }
            });
            Console.WriteLine(
                $"{clients,2} clients: {tokens / clock.Elapsed.TotalSeconds:N0} tokens/s; first byte {Quantile(first, 0.5):0} ms "
                + $"(p99 {Quantile(first, 0.99):0}); answer {Quantile(whole, 0.5):0} ms (p99 {Quantile(whole, 0.99):0})");
        }

        Console.WriteLine($"one batch again: {await Batch(opened, problems):N0} tokens/s");
    }

    /// <summary>Many requests, a tenth of them left in the middle: is memory flat, and is none lost?</summary>
    public static async Task Soak(string folder, int requests)
    {
        using var opened = new Opened(folder);
        await using var server = await Start(opened);
        var problems = Worksheet.Problems(1, Split.Test).Take(Requests).ToList();
        var (answered, left) = (0, 0);
        for (var part = 0; part < 8; part++)
        {
            await Parallel.ForAsync(0, requests / 8, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, _) =>
            {
                using var cancel = new CancellationTokenSource();
                if (i % 10 == 9) cancel.CancelAfter(20 + i % 60);
                try
                {
                    await Ask(server, problems[i % Requests], Kinds[i % 2].Model, (ulong)i, cancel.Token);
                    Interlocked.Increment(ref answered);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref left);
                }
            });
            GC.Collect();
            GC.WaitForPendingFinalizers();
            using var http = new HttpClient();
            var health = await http.GetFromJsonAsync<JsonElement>(server.Url + "/health");
            Console.WriteLine(
                $"{answered + left:N0} requests, {left:N0} left: heap {GC.GetTotalMemory(true) >> 20} MB, process "
                    + $"{Environment.WorkingSet >> 20} MB, "
                + $"caches {opened.Policy.CacheBytes >> 20} MB, at work {health.GetProperty("working")}");
        }
    }

    private static Task<PavServer> Start(Opened opened) => PavServer.Start(
        new() { Port = 0 }, _ => Task.FromResult(opened.Models), log => log.SetMinimumLevel(LogLevel.Error));

    /// <summary>The same searches as `pav search` runs them: all problems of a method together.</summary>
    private static async Task<double> Batch(Opened opened, IReadOnlyList<Problem> problems)
    {
        var (clock, tokens) = (Stopwatch.StartNew(), 0L);
        foreach (var (k, (_, method, n)) in Kinds.Index())
        {
            var tools = new SearchTools(opened.Policy, Grader.Numeric, opened.Verifier);
            var chosen = problems.Where((_, i) => i % 2 == k).ToList();
            tokens += (await SearchBatch.Run(chosen, method, n, tools, opened.Models.Defaults)).Sum(r => r.Row.GeneratedTokens);
        }

        return tokens / clock.Elapsed.TotalSeconds;
    }

    private static async Task<(double First, double Whole, long Tokens)> Ask(
        PavServer server, Problem problem, string model, ulong seed, CancellationToken cancel)
    {
        using var http = new HttpClient();
        var clock = Stopwatch.StartNew();
        using var request = new HttpRequestMessage(HttpMethod.Post, server.Url + "/v1/chat/completions")
        {
            Content = JsonContent.Create(new
            {
                model, seed, stream = true, stream_options = new { include_usage = true },
                messages = new[] { new { role = "user", content = problem.Text } },
            }),
        };
        using var reply = (await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel)).EnsureSuccessStatusCode();
        using var reader = new StreamReader(await reply.Content.ReadAsStreamAsync(cancel));
        var (first, tokens) = (0.0, 0L);
        while (await reader.ReadLineAsync(cancel) is { } line)
        {
            var says = line.Contains("\"content\":\"", StringComparison.Ordinal)
                && !line.Contains("\"content\":\"\"", StringComparison.Ordinal);
            if (first == 0 && (says || line.Contains("reasoning", StringComparison.Ordinal))) first = clock.Elapsed.TotalMilliseconds;
            if (line.Contains("\"usage\":{", StringComparison.Ordinal))
                tokens = JsonDocument.Parse(line[6..]).RootElement.GetProperty("usage").GetProperty("completion_tokens").GetInt64();
        }

        return (first, clock.Elapsed.TotalMilliseconds, tokens);
    }

    private static double Quantile(IReadOnlyList<double> values, double share) =>
        values.Order().ElementAt((int)(share * (values.Count - 1)));

    /// <summary>The policy, and a verifier: a folder's, or a random one of the policy's size.</summary>
    private sealed class Opened : IDisposable
    {
        public Opened(string folder)
        {
            var (template, tokenizer) = (new PromptTemplate("{problem}\n"), Tokenizer.Load(folder));
            Policy = TransformerPolicy.Load("served", folder, template, new(160 << 20));
            var config = DecoderConfig.Load(folder) with { Head = DecoderHead.SequenceClassification, Labels = 1 };
            using var model = DecoderModel.RandomInit(config, 5);
            Verifier = new("random", model, new(tokenizer, template), new(160 << 20), new(40, 0));
            Models = new("served", Policy, Grader.Numeric, template)
            {
                Verifier = Verifier, Tokenizer = tokenizer, Defaults = new() { Sampling = Sampling, Prover = Prover.BestOf(4) },
            };
        }

        public TransformerPolicy Policy { get; }

        public TransformerVerifier Verifier { get; }

        public ServedModels Models { get; }

        public void Dispose()
        {
            Policy.Dispose();
            Verifier.Dispose();
        }
    }
}
