using System.Diagnostics;
using Pav.Models.Files;

namespace Pav.Bench;

/// <summary>Memory of the labelling pipeline while it goes through many prefixes, from a policy that answers at once, into a
/// file.</summary>
internal static class StreamingBench
{
    private const int StepsOfTrace = 8, Traces = 4;

    private sealed class Instant : IPolicy
    {
        public string Name => "instant";

        public Task<IReadOnlyList<Prefix>> Extend(IReadOnlyList<Draw> draws, Until until, Sampling sampling,
            CancellationToken cancel = default) =>
            Task.FromResult<IReadOnlyList<Prefix>>([.. draws.Select(Whole)]);

        private static Prefix Whole(Draw draw)
        {
            var prefix = draw.Prefix;
            for (var h = prefix.Depth; h < StepsOfTrace; h++)
                prefix = prefix.Then(h == StepsOfTrace - 1
                    ? $"Answer: {draw.Seed % 3}" : $"{h}: {draw.Seed:x} and so on\n", ended: h == StepsOfTrace - 1, tokenCount: 12);
            return prefix;
        }
    }

    public static async Task Run(int prefixes)
    {
        var folder = Directory.CreateTempSubdirectory("pav-bench").FullName;
        var problems = Enumerable.Range(0, prefixes / (StepsOfTrace * Traces) + 1).Select(i => new Problem($"{i}", $"problem {i}", "1"));
        var done = new HashSet<(string, int)>();
        var (clock, process, seen, next) = (Stopwatch.StartNew(), Process.GetCurrentProcess(), 0, 0);
        Console.WriteLine($"{"prefixes",12} {"per second",11} {"managed MB",11} {"resident MB",12}");
        var options = new LabelOptions { NCov = Traces, NMc = 2, ProblemsPerBatch = 32, BatchesAtOnce = 4 };
        using (var lines = JsonLines.Append(Path.Combine(folder, "labels.jsonl"), 64))
            await foreach (var line in Labelling.Run(new Instant(), Grader.Numeric, problems, options))
            {
                lines.Write(line);
                done.Add((line.Problem, line.Trace));
                seen += line.Steps.Count;
                if (seen < next) continue;
                process.Refresh();
                Console.WriteLine($"{seen,12:N0} {seen / clock.Elapsed.TotalSeconds,11:N0} {GC.GetTotalMemory(true) / 1e6,11:F0} "
                    + $"{process.WorkingSet64 / 1048576.0,12:F0}");
                next += prefixes / 8;
            }

        process.Refresh();
        Console.WriteLine($"{seen,12:N0} prefixes, peak {process.PeakWorkingSet64 / 1048576.0:F0} MB");
        Directory.Delete(folder, recursive: true);
    }
}
