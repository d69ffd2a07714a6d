using System.Diagnostics;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// Tokens per second of a Qwen2 of 0.5 B parameters with random weights in bfloat16, by libtorch on a device: sampling (prompts of 64
/// tokens, 128 new ones each) and training
/// (rows of 128 tokens, float32 masters). On the CPU a model of the same kind that is small enough to try the bench itself.
/// </summary>
internal static class DeviceBench
{
    private const int NewTokens = 128, TrainRows = 32, TrainTokens = 128, Rounds = 5;

    private static readonly DecoderConfig Half = new()
    {
        Family = Family.Qwen2, VocabSize = 151_936, HiddenSize = 896, IntermediateSize = 4864, Layers = 24, Heads = 14, KvHeads = 2,
            HeadSize = 64, MaxPositions = 32_768, RopeTheta = 1e6, QkvBias = true,
        TiedEmbeddings = true,
    };

    /// <param name="place">cpu, cuda, cuda:1.</param>
    /// <param name="folder">Where the checkpoint is, or is made, for others to be measured with.</param>
    /// <param name="sequences">Sampled together.</param>
    public static async Task Run(string place, string folder, int[] sequences)
    {
        var device = new Device(place);
        var config = device.IsCuda ? Half : Half with { VocabSize = 512, HiddenSize = 128, IntermediateSize = 256, Layers = 2, Heads = 2 };
        if (!File.Exists(Path.Combine(folder, "config.json"))) Make(config, folder);
        Console.WriteLine($"{config.Parameters / 1e6:F0} M parameters on {device}, libtorch {torch.version}");
        Console.WriteLine($"{"sampling",9} {"tokens/s",10} {"prefill/s",10}");
        foreach (var count in sequences)
        {
            using var policy = TransformerPolicy.Load("bench", folder, new("{problem}"), new(CacheBudgetBytes: device.IsCuda
                ? 4L << 30 : 1L << 28, Slots: count, Torch: device));
            var draws = Enumerable.Range(0, count).Select(i => new Draw(Prefix.Root(new($"{i}", Text(i), "")), (ulong)i)).ToArray();
            await Seconds(policy, [new(Prefix.Root(new("warm", Text(-1), "")), 0)], 8);
            var prefill = await Seconds(policy, draws, 1);
            var whole = await Seconds(policy, draws, NewTokens);
            Console.WriteLine($"{count,9} {count * NewTokens / whole,10:F0} {count * Subject.PromptTokens / prefill,10:F0}");
        }

        Console.WriteLine($"{"training",9} {TrainRows * TrainTokens / StepSeconds(folder, place),10:F0}");
    }

    private static void Make(DecoderConfig config, string folder)
    {
        using var random = DecoderModel.RandomInit(config, 1);
        using var stored = random.Clone(type: torch.bfloat16);
        stored.Save(folder);
        Subject.SaveTokenizer(folder, config.VocabSize);
    }

    private static string Text(int seed) => Subject.Words(seed + 1, Subject.PromptTokens);

    private static async Task<double> Seconds(TransformerPolicy policy, Draw[] draws, int tokens)
    {
        var clock = Stopwatch.StartNew();
        await policy.Extend(draws, Until.TraceEnd, new(MaxTokens: tokens));
        return clock.Elapsed.TotalSeconds;
    }

    /// <summary>Median of a step: forward, backward, clipping, AdamW.</summary>
    private static double StepSeconds(string folder, string place)
    {
        var options = new TrainOptions { Steps = 1, Batch = TrainRows, Rate = 1e-5, Fit = new(place, BFloat16: true) };
        using var model = options.Setup.Ready(options.Load(folder));
        using var trainer = Trainer.From(model);
        var batch = NextToken.Batch([.. Enumerable.Range(0, TrainRows)
            .Select(r => new TokenRow([.. Enumerable.Range(0, TrainTokens + 1).Select(k => (r * 31 + k * k * 7) % 509)], 1))],
            options.Fitted);
        List<double> seconds = [];
        for (var round = 0; round <= Rounds; round++)
        {
            var clock = Stopwatch.StartNew();
            trainer.Accumulate(batch.Parts[0]);
            trainer.Step(1e-5, 1);
            if (round > 0) seconds.Add(clock.Elapsed.TotalSeconds);
        }

        return seconds.Order().ElementAt(Rounds / 2);
    }
}
