using System.Diagnostics;
using Pav.Arithmetic;
using Pav.Models;
using Pav.Models.Decoders;
using Pav.Models.Tokenizers;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Bench;

/// <summary>
/// One iteration of online RL of a policy on embedded problems, 32 of them with 8 traces each: seconds of sampling, scoring and update; and
/// the update beside one of as many tokens in
/// sequences of equal length, which needs no padding.
/// </summary>
internal static class RlBench
{
    private const int Problems = 32, Samples = 8, Rounds = 5;

    public static async Task Run(string folder)
    {
        using var model = DecoderCheckpoint.Load(folder);
        var (tokenizer, template) = (Tokenizer.Load(folder), new PromptTemplate(Corpus.QuickTemplate));
        using var scorer = model.WithScoreHead();
        Problem[] problems = [.. Worksheet.Problems(1, Split.Train).Take(Problems)];
        Draw[] draws =
            [.. problems.SelectMany(p =>
            Enumerable.Range(0, Samples).Select(k => new Draw(Prefix.Root(p), Seeds.Derive(1, p.Id, "bench", k))))];
        Console.WriteLine(
            $"{model.Config.Parameters / 1e6:F2} M parameters, {torch.get_num_threads()} threads, {draws.Length} traces an iteration");
        Console.WriteLine($"{"baseline",-14} {"pass",5} {"sampling",9} {"scoring",8} {"update",7} {"shares",15} {"generated/s",12} "
            + $"{"read/s",8} {"equal lengths",14} {"ratio",6}");
        foreach (var baseline in new[] { RlBaseline.LeaveOneOut, RlBaseline.Value })
            foreach (var pass in new[] { 512, 1024, 2048, 4096 })
            {
                var options = new RlOptions { Iterations = 100, Batch = Problems, Samples = Samples, MaxTokens = 128, Baseline = baseline,
                    PassTokens = pass };
                using var learner = new RlLearner(options, model.Clone(), model.Clone(),
                    baseline == RlBaseline.Value ? model.WithScoreHead() : null);
                var (sampling, scoring, update, equal) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
                long generated = 0, read = 0;
                for (var round = 0; round <= Rounds; round++)
                {
                    IReadOnlyList<Prefix> traces = [];
                    IReadOnlyList<Scored> scored = [];
                    sampling.Add(await Seconds(async () =>
                    {
                        using var policy = new TransformerPolicy("bench", model, tokenizer, template);
                        traces = await policy.Extend(draws, Until.TraceEnd, new(MaxTokens: options.MaxTokens));
                    }));
                    using var verifier = new TransformerVerifier("bench", scorer, new(tokenizer, template));
                    scoring.Add(await Seconds(async () => scored = await verifier.Score(traces)));
                    Episode[] episodes = Episode.FromBatch(
                        [.. traces.Chunk(Samples)], [.. scored.Chunk(Samples).Select(s => s.Select(x => x.Q).ToArray())], null,
                        Grader.Numeric, options, tokenizer, template);
                    update.Add(await Seconds(() => Task.FromResult(learner.Update(episodes, 1e-9, round))));
                    var same = OfEqualLength(episodes);
                    equal.Add(await Seconds(() => Task.FromResult(learner.Update(same, 1e-9, round))) * episodes.Sum(e => e.Ids.Length)
                        / same.Sum(e => e.Ids.Length));
                    (generated, read) = (episodes.Sum(e => (long)e.Generated), episodes.Sum(e => (long)e.Ids.Length));
                }

                var (a, b, c, d) = (Median(sampling), Median(scoring), Median(update), Median(equal));
                Console.WriteLine($"{baseline,-14} {pass,5} {a,9:F3} {b,8:F3} {c,7:F3} "
                    + $"{$"{a / (a + b + c):P0}/{b / (a + b + c):P0}/{c / (a + b + c):P0}",15} {generated / (a + b + c),12:F0} "
                    + $"{read / c,8:F0} {read / d,14:F0} {d / c,6:P0}");
            }
    }

    /// <summary>As many episodes, each of the mean length, with the mean prompt.</summary>
    private static Episode[] OfEqualLength(Episode[] episodes)
    {
        var (length, prompt) = ((int)Math.Round(episodes.Average(e => e.Ids.Length)), (int)Math.Round(episodes.Average(e => e.Prompt)));
        var longest = episodes.MaxBy(e => e.Ids.Length)!;
        return [.. episodes.Select(_ =>
            new Episode(longest.Ids[..length], prompt, new int[length - prompt], longest.Returns, longest.Baselines))];
    }

    private static double Median(List<double> seconds) => seconds.Skip(1).Order().ElementAt(Rounds / 2);

    private static async Task<double> Seconds(Func<Task> work)
    {
        var clock = Stopwatch.StartNew();
        await work();
        return clock.Elapsed.TotalSeconds;
    }
}
