using System.Diagnostics;
using Pav.Models;
using Pav.Models.Decoders;

namespace Pav.Bench;

/// <summary>Seconds to open a checkpoint as a policy on the CPU, and the most memory that took beside the size of its weights.</summary>
internal static class LoadBench
{
    public static async Task Run(string folder)
    {
        if (!File.Exists(Path.Combine(folder, "tokenizer.json"))) Subject.SaveTokenizer(folder, DecoderConfig.Load(folder).VocabSize);
        var stored = Directory.GetFiles(folder, "*.safetensors").Sum(file => new FileInfo(file).Length);
        var (before, clock) = (Status("VmRSS"), Stopwatch.StartNew());
        using var policy = TransformerPolicy.Load("bench", folder, new("{problem}"));
        var (seconds, peak, after) = (clock.Elapsed.TotalSeconds, Status("VmHWM"), Status("VmRSS"));
        Console.WriteLine($"{DecoderConfig.Load(folder).Parameters / 1e6:F0} M parameters, {stored / 1e6:F0} MB of weights: {seconds:F1} "
            + $"s, at most {peak / 1e6:F0} MB in all, {(peak - before) / (double)stored:F2} of the weights more than before; "
            + $"{after / 1e6:F0} MB when done");
        clock.Restart();
        await policy.Extend([new(Prefix.Root(Subject.Problem(0)), 0)], Until.TraceEnd, new(MaxTokens: 8));
        Console.WriteLine($"{Subject.PromptTokens} tokens read and 8 generated in {clock.Elapsed.TotalSeconds:F1} s");
    }

    private static long Status(string key) =>
        1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith(key, StringComparison.Ordinal))
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1]);
}
