using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pav.Models;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Inference;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// Tokens per second of sequences that are sampled together in float32, without an end of sequence: each with a prompt of its own, and in
/// sixteens that continue one prompt, as the completions of a labelled prefix do. The best of some rounds, prompts included, by the clock
/// and by the CPU time of the process, which other work on the machine changes less;
/// and a digest of what was drawn, which shows that two builds draw the same. Beside it the same with keys and values in
/// float16, and with weights in int8, round by round in turns; then both by the clock and by CPU time, of the first.
/// </summary>
internal static class SamplingBench
{
    private const int Rounds = 5, Shared = 16;

    /// <param name="subject">Folder of a checkpoint whose vocabulary is used with other words; 11M: the Llama with random weights.</param>
    /// <param name="sequences">How many together.</param>
    /// <param name="products">Measure libtorch's products alone too.</param>
    public static async Task Run(string subject, int[] sequences, bool products)
    {
        var (prompt, made) = subject == "11M" ? (Subject.PromptTokens, 128) : (40, 60);
        var folder = Directory.CreateTempSubdirectory("pav-bench").FullName;
        try
        {
            Prepare(subject, folder);
            var config = DecoderConfig.Load(folder);
            Console.WriteLine(
                $"{subject}: {config.Parameters / 1e6:F2} M parameters, {Threads.Count} threads, prompts of {prompt}, {made} new tokens");
            Console.WriteLine($"{"sequences",9} {"prompts",8} {"tokens/s",10} {"CPU tokens/s",13} {"draws",8} {"float16",10} "
                + $"{"CPU tokens/s",13} {"draws",8} {"ratio",6} {"CPU",5} {"int8",10} "
                + $"{"CPU tokens/s",13} {"draws",8} {"ratio",6} {"CPU",5}" + (products ? $" {"bare products",14}" : ""));
            foreach (var count in sequences)
                foreach (var each in count > 1 ? (int[])[1, Shared] : [1])
                {
                    if (count % each != 0) continue;
                    using var full = Open(new());
                    using var half = Open(new(Cache: KvType.Float16));
                    using var int8 = Open(new(Weights: WeightType.Int8));
                    var rates = await Best([full, half, int8], count, each, prompt, made, config.VocabSize);
                    var bound = products && each == 1 ? $" {GemmRate(config, count),14:F0}" : "";
                    Console.WriteLine($"{count,9} {count / each,8} {Told(rates[0])} {Beside(rates[1])} {Beside(rates[2])}{bound}");

                    TransformerPolicy Open(EngineOptions options) => TransformerPolicy.Load("bench", folder, new("{problem}"),
                        options with { CacheBudgetBytes = 2L << 30, Slots = count });

                    string Beside(Rate rate) => $"{Told(rate)} {rates[0].Wall / rate.Wall,6:F2} {rates[0].Cpu / rate.Cpu,5:F2}";

                    string Told(Rate rate) => $"{count * made / rate.Wall,10:F0} {count * made / rate.Cpu,13:F0} {rate.Draws}";
                }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A folder with its weights, and words of no meaning.</summary>
    public static void Prepare(string subject, string folder)
    {
        if (subject == "11M")
        {
            using var model = DecoderModel.RandomInit(Subject.Config, 1);
            model.Save(folder);
        }
        else foreach (var name in (string[])["config.json", "model.safetensors"])
                File.Copy(Path.Combine(subject, name), Path.Combine(folder, name));
        var path = Path.Combine(folder, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config["eos_token_id"] = null;
        File.WriteAllText(path, config.ToJsonString());
        Subject.SaveTokenizer(folder, (int)config["vocab_size"]!);
    }

    /// <summary>Least seconds of a round, by the clock and of the CPU, and a digest of the first round's draws.</summary>
    public sealed record Rate(double Wall, double Cpu, string Draws);

    /// <summary>Policies in turns. No round finds what another computed.</summary>
    public static async Task<Rate[]> Best(
        IReadOnlyList<TransformerPolicy> policies, int count, int each, int prompt, int made, int vocabulary)
    {
        var (best, all) = (new Rate[policies.Count], Stopwatch.StartNew());
        for (var round = 0; round <= Rounds || all.Elapsed.TotalSeconds < 3 * policies.Count; round++)
            for (var p = 0; p < policies.Count; p++)
            {
                var draws = Enumerable.Range(0, count).Select(i => new Draw(Prompt(round * count + i / each), (ulong)i)).ToArray();
                var (before, clock) = (Spent(), Stopwatch.StartNew());
                var drawn = await policies[p].Extend(draws, Until.TraceEnd, new(MaxTokens: made));
                var (wall, cpu) = (clock.Elapsed.TotalSeconds, Spent() - before);
                if (round == 0)
                    best[p] = new(double.MaxValue, double.MaxValue,
                        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(drawn.Select(d => d.Step)))))[..8]);
                else best[p] = best[p] with { Wall = Math.Min(wall, best[p].Wall), Cpu = Math.Min(cpu, best[p].Cpu) };
            }

        return best;

        Prefix Prompt(int i) => Prefix.Root(new($"{i}",
            string.Concat(Enumerable.Range(0, prompt).Select(k => $" w{(i * 31 + i / 97 + k * (k * 7 + i % 5)) % (vocabulary - 3)}")), ""));
    }

    private static double Spent()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>Tokens per second if a step were nothing but its matrix products, by libtorch.</summary>
    private static double GemmRate(DecoderConfig config, int rows)
    {
        using var scope = torch.NewDisposeScope();
        using var off = torch.no_grad();
        var (hidden, inner, heads) = (config.HiddenSize, config.IntermediateSize, config.Heads * config.HeadSize);
        (int Inputs, int Outputs, int Times)[] shapes =
        [
            (hidden, heads + 2 * config.KvHeads * config.HeadSize, config.Layers), (heads, hidden, config.Layers),
            (hidden, 2 * inner, config.Layers), (inner, hidden, config.Layers), (hidden, config.VocabSize, 1),
        ];
        var products = shapes.SelectMany(s => Enumerable.Range(0, s.Times)
            .Select(_ => (X: torch.randn([rows, s.Inputs]), W: torch.randn([s.Outputs, s.Inputs]).transpose(0, 1)))).ToArray();
        var (steps, clock) = (0, new Stopwatch());
        for (var warm = true; clock.Elapsed.TotalSeconds < 1.5; warm = false)
        {
            if (!warm) clock.Start();
            foreach (var (x, w) in products)
                using (x.mm(w)) { }
            if (!warm) steps++;
        }

        return rows * steps / clock.Elapsed.TotalSeconds;
    }
}
