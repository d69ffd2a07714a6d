using System.Diagnostics;
using Pav.Models;
using Pav.Models.Decoders;

namespace Pav.Bench;

/// <summary>What sharing the past saves: prompts of 64 tokens, steps of 12.</summary>
internal static class TreeBench
{
    private const int StepTokens = 12;

    private static Prefix Step(Prefix prefix, int seed) => prefix.Then(Subject.Words(seed, StepTokens - 1) + "\n");

    /// <summary>Tokens computed for each label of seed traces of 8 steps, with 1, 4 and 16 completions per prefix, against reading each
    /// prefix anew for each completion.</summary>
    public static async Task Labelling()
    {
        const int steps = 8, seeds = 4, most = steps * StepTokens;
        using var model = DecoderModel.RandomInit(Subject.Config, 1);
        Console.WriteLine($"{"n_mc",5} {"labels",7} {"computed per label",19} {"re-reading",11} {"saved",6} {"labels/s",9}");
        foreach (var completions in (int[])[1, 4, 16])
        {
            using var policy = new TransformerPolicy("bench", model, Subject.TokenizerWithoutEnd(), new("{problem}"), new(Slots: 64));
            List<Draw> draws = [];
            long again = 0;
            for (var trace = 0; trace < seeds; trace++)
            {
                var prefix = Prefix.Root(Subject.Problem(0));
                for (var h = 0; h < steps; h++)
                {
                    for (var k = 0; k < completions; k++) draws.Add(new(prefix, Seeds.Derive(1, $"{trace}", $"{h}", k)));
                    again += completions * (Subject.PromptTokens + most);
                    prefix = Step(prefix, trace * 100 + h);
                }
            }

            var clock = Stopwatch.StartNew();
            await policy.Extend(draws, Until.TraceEnd, new(MaxTokens: most));
            var labels = seeds * steps;
            double computed = policy.PrefilledTokens + policy.GeneratedTokens;
            Console.WriteLine($"{completions,5} {labels,7} {computed / labels,19:F0} {again / (double)labels,11:F0} "
                + $"{1 - computed / again,6:P0} {labels / clock.Elapsed.TotalSeconds,9:F1}");
        }
    }

    /// <summary>Seconds to score one step of a beam of 16 with 3 candidates each, on the cache that follows it and from nothing.</summary>
    public static async Task Scoring()
    {
        const int beam = 16, candidates = 3;
        using var trunk = DecoderModel.RandomInit(Subject.Config, 1);
        using var model = trunk.WithScoreHead();
        var encoding = new VerifierEncoding(Subject.TokenizerWithoutEnd(), new("{problem}"));
        using var cached = new TransformerVerifier("cached", model, encoding, new());
        using var fresh = new TransformerVerifier("fresh", model, encoding, new());
        Prefix[] states = [.. Enumerable.Repeat(Prefix.Root(Subject.Problem(0)), beam)];
        Console.WriteLine($"{"step",5} {"cached s",9} {"tokens",7} {"fresh s",9} {"tokens",7} {"ratio",6}");
        for (var step = 1; step <= 10; step++)
        {
            Prefix[] children =
                [.. states.SelectMany((s, b) => Enumerable.Range(0, candidates).Select(c => Step(s, step * 1000 + b * 10 + c)))];
            var (seconds, tokens) = await Timed(cached, children);
            fresh.Reset();
            var (freshSeconds, freshTokens) = await Timed(fresh, children);
            Console.WriteLine($"{step,5} {seconds,9:F3} {tokens,7} {freshSeconds,9:F3} {freshTokens,7} {freshSeconds / seconds,6:F1}");
            states = [.. Enumerable.Range(0, beam).Select(b => children[b * candidates + (b + step) % candidates])];
        }
    }

    private static async Task<(double Seconds, long Tokens)> Timed(TransformerVerifier verifier, Prefix[] prefixes)
    {
        var (clock, before) = (Stopwatch.StartNew(), verifier.ScoredTokens);
        await verifier.Score(prefixes);
        return (clock.Elapsed.TotalSeconds, verifier.ScoredTokens - before);
    }
}
