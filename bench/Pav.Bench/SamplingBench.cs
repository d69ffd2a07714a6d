using System.Diagnostics;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// Tokens per second of an 11 M-parameter Llama (hidden 384, 6 layers, 6 heads, inner 1024, vocabulary 512; float32, random weights): distinct prompts of 64
/// tokens, 128 new ones each, no end of sequence; beside libtorch's bare matrix products of the same shapes in the same run.
/// </summary>
internal static class SamplingBench
{
    private const int NewTokens = 128, WarmUp = 32;

    public static async Task Run(int[] sequences)
    {
        using var model = DecoderModel.RandomInit(Subject.Config, 1);
        var tokenizer = Subject.TokenizerWithoutEnd();
        Console.WriteLine($"{Subject.Config.Parameters / 1e6:F1} M parameters, {torch.get_num_threads()} threads, libtorch {torch.version}");
        Console.WriteLine($"{"sequences",9} {"tokens/s",10} {"GEMM bound",11} {"share",6} {"prefill/s",10}");
        foreach (var count in sequences)
        {
            using var policy = new TransformerPolicy("bench", model, tokenizer, new("{problem}"), new(CacheBudgetBytes: 2L << 30, Slots: count));
            var draws = Enumerable.Range(0, count).Select(i => new Draw(Prefix.Root(Subject.Problem(i)), (ulong)i)).ToArray();
            await Seconds(policy, [new(Prefix.Root(Subject.Problem(1000)), 0)], WarmUp);
            var prefill = await Seconds(policy, draws, 1);
            var whole = await Seconds(policy, draws, NewTokens);
            var rate = (policy.GeneratedTokens - WarmUp) / (whole + prefill);
            var bound = GemmRate(count);
            Console.WriteLine($"{count,9} {rate,10:F0} {bound,11:F0} {rate / bound,6:P0} {count * Subject.PromptTokens / prefill,10:F0}");
        }
    }

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
        int hidden = Subject.Config.HiddenSize, inner = Subject.Config.IntermediateSize;
        (int Inputs, int Outputs, int Times)[] shapes = [(hidden, 3 * hidden, Subject.Config.Layers), (hidden, hidden, Subject.Config.Layers), (hidden, 2 * inner, Subject.Config.Layers), (inner, hidden, Subject.Config.Layers), (hidden, Subject.Config.VocabSize, 1)];
        var products = shapes.SelectMany(s => Enumerable.Range(0, s.Times).Select(_ => (X: torch.randn([rows, s.Inputs]), W: torch.randn([s.Outputs, s.Inputs]).transpose(0, 1)))).ToArray();
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
