using System.Runtime.InteropServices;
using Pav.Arithmetic;
using Pav.Double;
using Pav.Models;
using Pav.Models.Remote;
using Pav.Models.Tokenizers;

namespace Pav.Bench;

/// <summary>The double as a server to try things on, and what sending a problem's requests to one replica does for the replicas' prefix
/// caches.</summary>
internal static class ServedBench
{
    private const int Replicas = 3;

    /// <summary>Servers of these dialects (vllm, sglang, llamacpp, openai; +errors fails every fifth request, +slow takes 50 ms more) until
    /// Ctrl-C.</summary>
    public static async Task Serve(IReadOnlyList<string> dialects)
    {
        const string folder = "models/pav-tiny-s";
        using var generator = new Generator(TransformerPolicy.Load("served", folder, new("{problem}")), Tokenizer.Load(folder));
        var servers = await Task.WhenAll(dialects.Select(d => DoubleServer.Start(generator, new()
        {
            Dialect = d.Split('+')[0], Model = "pav-tiny-s",
            Mishaps = d.Contains("+errors", StringComparison.Ordinal) ? RemoteBench.EveryFifth : _ => Mishap.None,
            Latency = TimeSpan.FromMilliseconds(d.Contains("+slow", StringComparison.Ordinal) ? 50 : 0),
        })));
        Console.WriteLine($"--policy {string.Join(",", servers.Select(s => s.Url))} --tokenizer {folder}");
        var stop = new TaskCompletionSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        await stop.Task;
        foreach (var server in servers) await server.DisposeAsync();

        void Stop(PosixSignalContext signal) => signal.Cancel = stop.TrySetResult();
    }

    /// <summary>Share of prompt tokens that three replicas have in their caches: as it was, and had the same prompts been dealt out by
    /// chance.</summary>
    public static async Task Affinity(string folder)
    {
        var tokenizer = Tokenizer.Load(folder);
        using var generator = new Generator(TransformerPolicy.Load("served", folder, new("{problem}")), tokenizer);
        var servers = await Task.WhenAll(Enumerable.Range(0, Replicas).Select(_ => DoubleServer.Start(generator)));
        var problems = Worksheet.Problems(1, Split.Test).Take(60).ToList();
        List<EndpointTally> tallies;
        using (var policy = await RemotePolicy.Open(new(string.Join(",", servers.Select(s => s.Url))), new("{problem}\n"), tokenizer,
            problems[0]))
        {
            foreach (var server in servers) server.Prompts.Clear();
            var options = new LabelOptions { NCov = 2, NMc = 4, Sampling = new(MaxTokens: 80), ProblemsPerBatch = 8, BatchesAtOnce = 4 };
            await foreach (var _ in Labelling.Run(policy, Grader.Numeric, problems, options)) continue;
            tallies = [.. policy.Tallies];
        }

        var prompts = servers.Select(s => s.Prompts.Select(p => p.Trim('[', ']').Split(',').Select(int.Parse).ToArray()).ToList()).ToList();
        foreach (var server in servers) await server.DisposeAsync();
        var all = prompts.SelectMany(p => p).ToList();
        double total = all.Sum(p => (long)p.Length);
        Console.WriteLine($"{all.Count:N0} requests on {Replicas} replicas ({string.Join(", ", prompts.Select(p => $"{p.Count:N0}"))}); "
            + $"told by their usage: {tallies.Sum(t => t.CachedTokens) / (double)tallies.Sum(t => t.PromptTokens):P1} of prompt tokens "
            + "cached");
        Console.WriteLine($"read again, prompts alone: {prompts.Sum(p => Cached(p, _ => 0, 1)) / total:P1} as sent; "
            + $"{Cached(all, Scattered, Replicas) / total:P1} dealt out by chance; {Cached(all, _ => 0, 1) / total:P1} on one replica");
        var each = prompts.SelectMany((served, r) => served.Select(p => (Replica: r, Prompt: string.Join(",", p)))).GroupBy(x => x.Prompt)
            .Where(g => g.Count() > 1).ToList();
        Console.WriteLine("prefixes whose requests all went to one replica: "
            + $"{each.Average(g => g.Select(x => x.Replica).Distinct().Count() == 1 ? 1.0 : 0):P0}");
    }

    private static int Scattered(int k) => (int)(Seeds.Mix((ulong)k + 1) % Replicas);

    private static long Cached(IReadOnlyList<int[]> prompts, Func<int, int> replica, int count)
    {
        var caches = Enumerable.Range(0, count).Select(_ => new PrefixCache()).ToList();
        return prompts.Select((p, k) => (long)caches[replica(k)].Read(p)).Sum();
    }
}
