using System.Diagnostics;
using System.Text.Json.Nodes;
using Pav.Models;
using Pav.Models.Engine;
using Pav.Models.Llama;
using Pav.Models.Tokenizers;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// Tokens per second of an 11 M-parameter Llama (hidden 384, 6 layers, 6 heads, inner 1024, vocabulary 512; float32, random weights): distinct prompts of 64
/// tokens, 128 new ones each, no end of sequence; beside libtorch's bare matrix products of the same shapes in the same run.
/// </summary>
internal static class SamplingBench
{
    private const int PromptTokens = 64, NewTokens = 128;

    private static readonly LlamaConfig Config = new()
    {
        VocabSize = 512, HiddenSize = 384, IntermediateSize = 1024, Layers = 6, Heads = 6, KvHeads = 6, HeadSize = 64, MaxPositions = 256,
    };

    public static async Task Run(int[] sequences)
    {
        using var model = LlamaModel.RandomInit(Config, 1);
        var tokenizer = WithoutEnd();
        Console.WriteLine($"{Config.Parameters / 1e6:F1} M parameters, {torch.get_num_threads()} threads, libtorch {torch.version}");
        Console.WriteLine($"{"sequences",9} {"tokens/s",10} {"GEMM bound",11} {"share",6} {"prefill/s",10}");
        foreach (var count in sequences)
        {
            using var policy = new TransformerPolicy("bench", model, tokenizer, new("{problem}"), new(CacheBudgetBytes: 2L << 30, Slots: count));
            var draws = Enumerable.Range(0, count).Select(i => new Draw(Prefix.Root(Prompt(i)), (ulong)i)).ToArray();
            var prefill = await Seconds(policy, draws, 1);
            var whole = await Seconds(policy, draws, NewTokens);
            var rate = policy.GeneratedTokens / (whole + prefill);
            var bound = GemmRate(count);
            Console.WriteLine($"{count,9} {rate,10:F0} {bound,11:F0} {rate / bound,6:P0} {count * PromptTokens / prefill,10:F0}");
        }
    }

    /// <summary>A tokenizer without tokenizer_config.json has no end of sequence: every draw is as long as it may be.</summary>
    private static Tokenizer WithoutEnd()
    {
        var folder = Directory.CreateTempSubdirectory("pav-bench").FullName;
        Tokenizer.WordLevel(Enumerable.Range(0, Config.VocabSize - 2).Select(i => $" w{i}")).Save(folder);
        File.Delete(Path.Combine(folder, "tokenizer_config.json"));
        var tokenizer = Tokenizer.Load(folder);
        Directory.Delete(folder, recursive: true);
        return tokenizer;
    }

    private static Problem Prompt(int i) => new($"{i}", string.Concat(Enumerable.Range(0, PromptTokens).Select(k => $" w{(i * 31 + k * k * 7) % (Config.VocabSize - 2)}")), "");

    private static async Task<double> Seconds(TransformerPolicy policy, Draw[] draws, int tokens)
    {
        var clock = Stopwatch.StartNew();
        await policy.Extend(draws, Until.TraceEnd, new(MaxTokens: tokens));
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>Tokens per second if a step were nothing but its matrix products.</summary>
    private static double GemmRate(int rows)
    {
        using var scope = torch.NewDisposeScope();
        using var off = torch.no_grad();
        int hidden = Config.HiddenSize, inner = Config.IntermediateSize;
        (int Inputs, int Outputs, int Times)[] shapes = [(hidden, 3 * hidden, Config.Layers), (hidden, hidden, Config.Layers), (hidden, 2 * inner, Config.Layers), (inner, hidden, Config.Layers), (hidden, Config.VocabSize, 1)];
        var products = shapes.SelectMany(s => Enumerable.Range(0, s.Times).Select(_ => (X: torch.randn([rows, s.Inputs]), W: torch.randn([s.Outputs, s.Inputs]).t()))).ToArray();
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
