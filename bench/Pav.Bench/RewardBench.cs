using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Pav.Arithmetic;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Bench;

/// <summary>
/// What asking for rewards one sample at a time costs: 32 clients, each of which posts one trace to /get_reward and waits for its number,
/// beside the verifier that scores the same traces in calls of 32 and in one call. They are measured by turns, each round with traces that
/// no cache knows. Clients and server share the machine, as in a test, and unlike in training.
/// </summary>
internal static partial class RewardBench
{
    private const int Clients = 32;

    /// <param name="folder">A verifier's, else the smallest embedded model with two of its tokens as its answers.</param>
    /// <param name="count">Traces of each measurement.</param>
    /// <param name="rounds">After one that only compiles; at least 1.</param>
    public static async Task Run(string? folder, int count, int rounds)
    {
        var opened = folder ?? MadeVerifier();
        Console.WriteLine(
            $"{DecoderConfig.Load(opened).Parameters / 1e6:F2} M parameters, {count} traces, {Environment.ProcessorCount} cores");
        var budget = new EngineOptions(256L << 20);
        using TransformerVerifier chunked = Load(), whole = Load(), served = Load();
        var template = served.Encoding.Template;
        var models = new ServedModels("bench", new NoPolicy(), Grader.Numeric, template) { Verifier = served };
        await using var server = await PavServer.Start(new() { Port = 0 }, _ => Task.FromResult(models), log => log.AddFilter(_ => false));
        await server.Loaded;
        using var http = new HttpClient { BaseAddress = new(server.Url) };
        Console.WriteLine($"{"round",5} {"calls of 32",12} {"one call",10} {"32 clients",11} {"of calls of 32",15} {"processor",10} "
            + $"{"of one call",12} {"processor",10} {"traces of a call",17}");
        List<(Cost Chunks, Cost Whole, Cost Served)> found = [];
        for (var round = 0; round <= rounds; round++)
        {
            var traces = Traces(round, count);
            Func<Task<Cost>>[] measures =
            [
                () => Timed(() => Each(traces, chunk => chunked.Score(chunk))),
                () => Timed(() => whole.Score(traces)),
                () => Timed(() => Served(http, template, traces)),
            ];
            var before = await Batches(http);
            var costs = new Cost[measures.Length];
            for (var i = 0; i < costs.Length; i++) costs[(i + round) % costs.Length] = await measures[(i + round) % costs.Length]();
            var after = await Batches(http);
            if (round == 0) continue;
            found.Add((costs[0], costs[1], costs[2]));
            Console.WriteLine($"{round,5} {count / costs[0].Clock,10:F0}/s {count / costs[1].Clock,8:F0}/s {count / costs[2].Clock,9:F0}/s "
                + $"{costs[0].Clock / costs[2].Clock,15:P0} {costs[0].Processor / costs[2].Processor,10:P0} "
                + $"{costs[1].Clock / costs[2].Clock,12:P0} {costs[1].Processor / costs[2].Processor,10:P0} "
                + $"{(after.Traces - before.Traces) / (after.Calls - before.Calls),17:F1}");
        }

        Tell("calls of 32, by the clock", f => f.Chunks.Clock / f.Served.Clock);
        Tell("calls of 32, by processor time", f => f.Chunks.Processor / f.Served.Processor);
        Tell("one call, by the clock", f => f.Whole.Clock / f.Served.Clock);
        Tell("one call, by processor time", f => f.Whole.Processor / f.Served.Processor);
        if (folder is null) Directory.Delete(opened, true);

        TransformerVerifier Load() => TransformerVerifier.Load("bench", opened, budget);

        void Tell(string what, Func<(Cost Chunks, Cost Whole, Cost Served), double> share)
        {
            List<double> shares = [.. found.Select(share).Order()];
            Console.WriteLine($"of {what}: median {shares[shares.Count / 2]:P0} ({shares[0]:P0} to {shares[^1]:P0})");
        }
    }

    private static async Task Each(Prefix[] traces, Func<Prefix[], Task> ask)
    {
        foreach (var chunk in traces.Chunk(Clients)) await ask(chunk);
    }

    private static async Task<Cost> Timed(Func<Task> work)
    {
        var (clock, processor) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        await work();
        return new(clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - processor).TotalSeconds);
    }

    private static async Task Served(HttpClient http, PromptTemplate template, Prefix[] traces)
    {
        var left = new Queue<Prefix>(traces);
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            while (true)
            {
                Prefix trace;
                lock (left)
                    if (!left.TryDequeue(out trace!)) return;
                var prompt = template.Fill(trace.Problem);
                using var reply = await http.PostAsJsonAsync("/get_reward",
                    new { query = new[] { prompt + trace.Text }, prompts = new[] { prompt }, labels = new[] { trace.Problem.Answer } });
                reply.EnsureSuccessStatusCode();
                (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("rewards")[0].GetDouble();
            }
        }));
    }

    /// <summary>Calls of the verifier, and the traces of all of them, as the server counts them.</summary>
    private static async Task<(double Calls, double Traces)> Batches(HttpClient http)
    {
        var text = await http.GetStringAsync("/metrics");
        return (Number(Count().Match(text)), Number(Sum().Match(text)));

        static double Number(Match match) => match.Success ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }

    [GeneratedRegex(@"pav_batch_scores_count(?:\{[^}]*\})? (\S+)")]
    private static partial Regex Count();

    [GeneratedRegex(@"pav_batch_scores_sum(?:\{[^}]*\})? (\S+)")]
    private static partial Regex Sum();

    private sealed record Cost(double Clock, double Processor);

    private static Prefix[] Traces(int round, int count) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var sheet = Worksheet.Draw((ulong)round + 1, i, Split.Train);
        var trace = Prefix.Root(sheet.ToProblem());
        foreach (var step in Student.Solve(sheet, careful: true, (ulong)i).Steps) trace = trace.Then(step.Text);
        return trace;
    })];

    private static string MadeVerifier()
    {
        var folder = Directory.CreateTempSubdirectory("pav-bench").FullName;
        foreach (var file in Directory.GetFiles("models/pav-tiny-s")) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        new VerifierRecord(VerifierKind.Value, "", "", "Checked:\n{problem}\n", new(0, 0, 0, 0), Mark: " .", AfterMark: "\n",
            Answers: new(13, 14, "right", "wrong")).Save(folder);
        return folder;
    }

    private sealed class NoPolicy : IPolicy
    {
        public string Name => "bench";

        public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
            CancellationToken cancel = default) =>
            throw new NotSupportedException();
    }
}
