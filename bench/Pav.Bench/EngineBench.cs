using System.Diagnostics;
using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// A training step (forward, backward, clipping, AdamW) of next tokens in the CPU's engine and in libtorch, in turns in one run. Beside the clock stands the CPU time of the process,
/// which other work on the machine changes less.
/// </summary>
internal static class EngineBench
{
    private const int Rounds = 7;

    /// <param name="folder">Of a checkpoint, or "11M": the model of the other measurements.</param>
    /// <param name="rows">Of a step.</param>
    /// <param name="tokens">Of a row.</param>
    public static void Run(string folder, int rows, int tokens)
    {
        DecoderModel Open() => folder == "11M" ? DecoderModel.RandomInit(Subject.Config, 1) : DecoderCheckpoint.Load(folder);
        using DecoderModel model = Open(), other = Open();
        other.Native = false;
        using ITrainer engine = Trainer.From(model), libtorch = Trainer.From(other);
        var vocabulary = model.Config.VocabSize;
        var batch = NextToken.Batch([.. Enumerable.Range(0, rows).Select(r => new TokenRow([.. Enumerable.Range(0, tokens + 1).Select(k => (r * 31 + k * k * 7) % vocabulary)], 1))], new());
        Console.WriteLine($"{model.Config.Parameters / 1e6:F2} M parameters, {rows} rows of {tokens} tokens, {Threads.Count} threads, libtorch {torch.version} with {torch.get_num_threads()}");
        var found = new List<(double Wall, double Cpu)>[] { [], [] };
        for (var round = 0; round <= Rounds; round++)
            foreach (var (which, trainer) in new[] { (0, engine), (1, libtorch) })
            {
                var (clock, before) = (Stopwatch.StartNew(), Spent());
                trainer.Accumulate(batch.Parts[0]);
                trainer.Step(1e-5, 1);
                if (round > 1) found[which].Add((clock.Elapsed.TotalSeconds, Spent() - before));
            }

        foreach (var (name, times) in new[] { "engine", "libtorch" }.Zip(found))
            Console.WriteLine($"{name,-9} {rows * tokens / Median(times, t => t.Wall),9:F0} tokens/s, {rows * tokens / Median(times, t => t.Cpu),9:F0} a second of CPU time");
        Console.WriteLine($"ratio     {Median(found[1], t => t.Wall) / Median(found[0], t => t.Wall),9:F2} {Median(found[1], t => t.Cpu) / Median(found[0], t => t.Cpu),19:F2}");
    }

    private static double Spent()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }

    private static double Median(List<(double, double)> times, Func<(double Wall, double Cpu), double> which) => times.Select(which).Order().ElementAt(times.Count / 2);
}
