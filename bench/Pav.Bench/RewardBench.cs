using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Pav.Arithmetic;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Serve.Hosting;
using Pav.Serve.Rooms;

namespace Pav.Bench;

/// <summary>
/// What asking for rewards one sample at a time costs: 32 clients, each of which posts one trace to /get_reward and waits for its number,
/// beside the verifier
/// that scores the same traces in calls of 32 and in one call. Clients and server share the machine, as in a test, and unlike in training.
/// </summary>
internal static class RewardBench
{
    private const int Clients = 32, Rounds = 5;

    /// <param name="folder">A verifier's, else the smallest embedded model with two of its tokens as its answers.</param>
    /// <param name="count">Traces of each measurement.</param>
    public static async Task Run(string? folder, int count)
    {
        var opened = folder ?? MadeVerifier();
        Console.WriteLine(
            $"{DecoderConfig.Load(opened).Parameters / 1e6:F2} M parameters, {count} traces, {Environment.ProcessorCount} cores");
        Console.WriteLine(
            $"{"round",5} {"calls of 32",12} {"one call",10} {"32 clients",11} {"of calls of 32",15} {"of one call",12} {"batch",6}");
        List<(double Calls, double Served)> shares = [];
        for (var round = 0; round <= Rounds; round++)
        {
            var traces = Traces(round, count);
            var calls = await Timed(opened, verifier => Each(traces, async chunk => await verifier.Score(chunk)));
            var one = await Timed(opened, verifier => verifier.Score(traces));
            var (served, batch) = await Served(opened, traces);
            if (round == 0) continue; // compiling
            shares.Add((calls, served));
            Console.WriteLine($"{round,5} {count / calls,10:F0}/s {count / one,8:F0}/s {count / served,9:F0}/s {calls / served,15:P0} "
                + $"{one / served,12:P0} {batch,6:F1}");
        }

        Console.WriteLine($"median share of calls of 32: {shares.Select(s => s.Calls / s.Served).Order().ElementAt(Rounds / 2):P0}");
        if (folder is null) Directory.Delete(opened, true);
    }

    private static async Task Each(Prefix[] traces, Func<Prefix[], Task> ask)
    {
        foreach (var chunk in traces.Chunk(Clients)) await ask(chunk);
    }

    private static async Task<double> Timed(string folder, Func<TransformerVerifier, Task> work)
    {
        using var verifier = TransformerVerifier.Load("bench", folder);
        await verifier.Score([Prefix.Root(Subject.Problem(0) with { Text = "Start 1" })]);
        var clock = Stopwatch.StartNew();
        await work(verifier);
        return clock.Elapsed.TotalSeconds;
    }

    private static async Task<(double Seconds, double Batch)> Served(string folder, Prefix[] traces)
    {
        using var verifier = TransformerVerifier.Load("bench", folder);
        var counted = new Counted(verifier);
        var template = verifier.Encoding.Template;
        var models = new ServedModels("bench", new NoPolicy(), Grader.Numeric, template) { Verifier = counted };
        await using var server = await PavServer.Start(new() { Port = 0 }, _ => Task.FromResult(models), log => log.AddFilter(_ => false));
        await server.Loaded;
        using var client = new HttpClient { BaseAddress = new(server.Url) };
        var left = new Queue<Prefix>(traces);
        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async _ =>
        {
            while (true)
            {
                Prefix trace;
                lock (left)
                    if (!left.TryDequeue(out trace!)) return;
                var prompt = template.Fill(trace.Problem);
                using var reply = await client.PostAsJsonAsync("/get_reward",
                    new { query = new[] { prompt + trace.Text }, prompts = new[] { prompt }, labels = new[] { trace.Problem.Answer } });
                reply.EnsureSuccessStatusCode();
                (await reply.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("rewards")[0].GetDouble();
            }
        }));
        return (clock.Elapsed.TotalSeconds, counted.Batch);
    }

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
            Answers: new(13, 14, " right", " wrong")).Save(folder);
        return folder;
    }

    /// <summary>Counts the traces of a call.</summary>
    private sealed class Counted(IVerifier inner) : IVerifier
    {
        private int calls, traces;

        public string Name => inner.Name;

        public double Batch => traces / (double)Math.Max(1, calls);

        public Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
        {
            (calls, traces) = (calls + 1, traces + prefixes.Count);
            return inner.Score(prefixes, cancel);
        }
    }

    private sealed class NoPolicy : IPolicy
    {
        public string Name => "bench";

        public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
            CancellationToken cancel = default) =>
            throw new NotSupportedException();
    }
}
