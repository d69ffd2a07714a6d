using System.Diagnostics;
using Pav.Arithmetic;
using Pav.Double;
using Pav.Models;
using Pav.Models.Remote;
using Pav.Models.Tokenizers;

namespace Pav.Bench;

/// <summary>What remote policies cost: completions per second and memory against a server that does nothing (in this process: both are
/// counted), and what faults cost against none.</summary>
internal static class RemoteBench
{
    private const int Each = 16, PerCall = 4096;

    public static async Task Overhead(int requests)
    {
        await using var server = await NullServer.Start();
        using var policy = await RemotePolicy.Open(new(server.Url), new("{problem}\n"), null, Subject.Problem(0));
        Console.WriteLine($"{"completions",12} {"per second",11} {"processor s",12} {"managed MB",11} {"resident MB",12}");
        var process = Process.GetCurrentProcess();
        for (var done = 0; done < requests;)
        {
            var (clock, cpu, upTo) = (Stopwatch.StartNew(), process.TotalProcessorTime, done + Math.Max(PerCall, requests / 10));
            var before = done;
            while (done < upTo)
            {
                var first = done / Each;
                var draws = Enumerable.Range(0, PerCall)
                    .Select(i => new Draw(Prefix.Root(Subject.Problem(first + i / Each)), Seeds.Mix((ulong)(done + i)))).ToList();
                var traces = await policy.Extend(draws, Until.TraceEnd, new());
                done += traces.Count(t => t.Ended && t.Depth == 3);
            }

            process.Refresh();
            Console.WriteLine($"{done,12:N0} {(done - before) / clock.Elapsed.TotalSeconds,11:N0} "
                + $"{(process.TotalProcessorTime - cpu).TotalSeconds,12:F1} {GC.GetTotalMemory(true) / 1e6,11:F0} "
                + $"{process.WorkingSet64 / 1048576.0,12:F0}");
        }

        Console.WriteLine($"peak {process.PeakWorkingSet64 / 1048576.0:F0} MB");
    }

    private static readonly Mishap[] Mishaps = [Mishap.Error500, Mishap.CutBody, Mishap.TruncatedJson, Mishap.Busy, Mishap.HtmlBadGateway,
        Mishap.WrongN, Mishap.DuplicateChoices, Mishap.InvalidUtf8];

    /// <summary>A mishap, one kind after the other, with every fifth request.</summary>
    public static Mishap EveryFifth(long k) => k % 5 == 4 ? Mishaps[k / 5 % Mishaps.Length] : Mishap.None;

    /// <summary>2,000 labelled prefixes from three endpoints, in turns: all well; then one dies, one is slow and one answers every fifth
    /// request with an error.</summary>
    public static async Task Faults(string folder, int pairs = 4)
    {
        var tokenizer = Tokenizer.Load(folder);
        using var generator = new Generator(TransformerPolicy.Load("served", folder, new("{problem}")), tokenizer);
        var (wall, processor) = (new List<double>(), new List<double>());

        for (var pair = 0; pair < pairs; pair++)
        {
            // Which comes first alternates.
            var first = await Labels(generator, tokenizer, pair % 2 == 1);
            var second = await Labels(generator, tokenizer, pair % 2 == 0);
            var (calm, stormy) = pair % 2 == 0 ? (first, second) : (second, first);
            if (!calm.Lines.SequenceEqual(stormy.Lines)) throw new InvalidDataException("labels with faults are not those without");
            wall.Add(stormy.Seconds / calm.Seconds);
            processor.Add(stormy.Processor / calm.Processor);
        }

        static string Told(List<double> ratios) => string.Join(" ", ratios.Order().Select(r => $"{r:F2}"));
        Console.WriteLine($"labels alike in every pair; with faults / without, time: {Told(wall)}; processor time: {Told(processor)}");
    }

    private static async Task<(List<string> Lines, double Seconds, double Processor)> Labels(Generator generator, Tokenizer tokenizer,
        bool faults)
    {
        await using var dying = await DoubleServer.Start(generator);
        await using var slow = await DoubleServer.Start(generator, new() { Latency = faults ? TimeSpan.FromMilliseconds(50) : default });
        await using var faulty = await DoubleServer.Start(generator, new() { Mishaps = faults ? EveryFifth : _ => Mishap.None });
        var problems = Worksheet.Problems(1, Split.Test).Take(400).ToList();
        using var policy = await RemotePolicy.Open(new($"{dying.Url},{slow.Url},{faulty.Url}"), new("{problem}\n"), tokenizer, problems[0]);
        var (clock, cpu) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        var (lines, prefixes) = (new List<string>(), 0);
        var options = new LabelOptions { NCov = 1, NMc = 4, Sampling = new(MaxTokens: 80), ProblemsPerBatch = 8, BatchesAtOnce = 4 };
        await foreach (var line in Labelling.Run(policy, Grader.Numeric, problems, options))
        {
            lines.Add(System.Text.Json.JsonSerializer.Serialize(line));
            prefixes += line.N.Count;
            if (faults && prefixes > 500) dying.Dead = true;
            if (prefixes >= 2000) break;
        }

        var (seconds, processor) = (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalSeconds);
        Console.WriteLine($"{(faults ? "faults" : "calm"),6}: {prefixes:N0} labels in {seconds:F1} s; "
            + $"{string.Join(", ", policy.Tallies.Select(t => $"{t.Completions:N0} completions with {t.Failed:N0} failures and {t.Busy:N0} 429s"))}");
        return (lines, seconds, processor);
    }
}
