using Pav.Gguf;
using Pav.Gguf.Tests;
using Pav.Models;
using Pav.Models.Cpu;
using Pav.Models.Decoders;

namespace Pav.Bench;

/// <summary>
/// Tokens per second of sequences that are sampled together from the same float32 weights, in pav's own engine and in llama.cpp, and in
/// llama.cpp from Q8_0 too; prompts in sixteens, as completions of one prefix have them, and each of its own.
/// </summary>
internal static class GgufBench
{
    private const int Shared = 16;

    /// <param name="subject">Folder of a Llama whose vocabulary is used with other words; 11M: the Llama with random weights.</param>
    /// <param name="sequences">How many together.</param>
    public static async Task Run(string subject, int[] sequences)
    {
        var (prompt, made) = subject == "11M" ? (Subject.PromptTokens, 128) : (40, 60);
        var folder = Directory.CreateTempSubdirectory("pav-bench").FullName;
        try
        {
            SamplingBench.Prepare(subject, folder);
            var config = DecoderConfig.Load(folder);
            var (exact, small) = (Path.Combine(folder, "exact.gguf"), Path.Combine(folder, "small.gguf"));
            LlamaGguf.From(folder).Save(exact);
            LlamaGguf.From(folder, quantised: true).Save(small);
            Console.WriteLine($"{subject}: {Threads.Count} threads, prompts of {prompt}, {made} new tokens; tokens/s, and of CPU time");
            Console.WriteLine($"{"sequences",9} {"prompts",8} {"pav",8} {"CPU",8} {"llama.cpp",10} {"CPU",8} {"Q8_0",8} {"CPU",8}");
            foreach (var count in sequences)
                foreach (var each in count > 1 ? (int[])[1, Shared] : [1])
                {
                    var line = $"{count,9} {count / each,8}";
                    foreach (var file in (string[])[folder, exact, small])
                    {
                        using var policy = Open(file, count);
                        var rate = (await SamplingBench.Best([policy], count, each, prompt, made, config.VocabSize)).Single();
                        line += $" {count * made / rate.Wall,8:F0} {count * made / rate.Cpu,8:F0}";
                    }

                    Console.WriteLine(line);
                }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Nothing ends a trace before its limit.</summary>
    private static TransformerPolicy Open(string file, int count)
    {
        var options = new Models.Inference.EngineOptions(CacheBudgetBytes: 1L << 30, Slots: count, Threads: Threads.Count);
        if (Directory.Exists(file)) return TransformerPolicy.Load("bench", file, new("{problem}"), options);
        var model = LlamaModel.Open(file);
        return new("bench", [], ends => new LlamaEngine("bench", model, options, ends.Contains), model.Tokenizer, new("{problem}"));
    }
}
