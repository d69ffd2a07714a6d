using Pav.Models;
using Pav.Models.Inference;
using Pav.Models.Tokenizers;

namespace Pav.Gguf.Tests;

/// <summary>llama.cpp and pav's own engine on the same float32 weights.</summary>
public sealed class SameWeightsTests(Fixture fixture) : IClassFixture<Fixture>
{
    /// <summary>Right is an even answer: about as often as not, so that counts have much to differ in.</summary>
    private static readonly Grader Even = new("even", 1, text => text.Split("Answer:") is [_, .., var answer]
        && int.TryParse(answer, out var number) ? $"{number % 2}" : null, answer => answer, (answer, _) => answer == "0");

    private static float[] Ours(int[] ids)
    {
        using var runner = Runner.Open(Fixture.Checkpoint, new(16 << 20, Threads: 1));
        using var segment = new KvSegment(runner.Pool, null);
        var row = runner.Add(segment, ids);
        runner.Run();
        return runner.Output(row).ToArray();
    }

    private static float[] Theirs(string file, int[] ids)
    {
        using var model = LlamaModel.Open(file);
        using var sequences = LlamaSequences.Create(model, ids.Length, new(16 << 20, Slots: 4, Threads: 1));
        sequences.Append(0, ids.AsSpan(..^1));
        sequences.Read([(ids[^1], ids.Length - 1)]);
        return sequences.Logits(0).ToArray();
    }

    /// <summary>Keys and values are float16 in llama.cpp: 11 bits of mantissa.</summary>
    [Fact]
    public void Their_logits_agree_as_far_as_float16_goes()
    {
        var tokenizer = Tokenizer.Load(Fixture.Checkpoint);
        foreach (var problem in Fixture.Problems(5))
        {
            var ids = tokenizer.Encode(Fixture.Template.Fill(problem));
            var (ours, theirs) = (Ours(ids), Theirs(fixture.Exact, ids));
            Assert.True(ours.Max() - ours.Min() > 10);
            Assert.InRange(ours.Zip(theirs, (a, b) => Math.Abs(a - b)).Max(), 0, 0.02);
            Assert.InRange(ours.Zip(Theirs(fixture.Quantised, ids), (a, b) => Math.Abs(a - b)).Max(), 0, 0.5);
        }
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(0.7, 5, 1)]
    [InlineData(1.3, 0, 0.8)]
    public async Task With_the_same_seeds_nearly_all_draws_are_the_same(double temperature, int topK, double topP)
    {
        using var ours = Fixture.Ours();
        using var theirs = fixture.Here();
        var sampling = new Sampling(temperature, topK, topP, 60);
        var draws = Fixture.Problems(20).SelectMany(p => Enumerable.Range(0, 2)
            .Select(k => new Draw(Prefix.Root(p), Seeds.Derive(3, p.Id, "same", k)))).ToList();
        var a = await ours.Extend(draws, Until.TraceEnd, sampling);
        var b = await theirs.Extend(draws, Until.TraceEnd, sampling);
        Assert.InRange(a.Zip(b).Count(p => p.First.Text == p.Second.Text), 38, 40);
    }

    /// <summary>
    /// 200 prefixes with other randomness. Under equal Q the difference of two counts of n has the variance 2nQ(1 − Q); its sum over
    /// prefixes, and the sum of its squares against that variance as both counts estimate it together, are tested to four standard errors.
    /// </summary>
    [Fact]
    public async Task With_other_seeds_labels_are_equal_in_distribution()
    {
        const int n = 4;
        using var ours = Fixture.Ours();
        using var theirs = fixture.Here();
        var seeds = Fixture.Problems(30).Select(p => new Draw(Prefix.Root(p), Seeds.Derive(4, p.Id, "trace", 0))).ToList();
        var traces = await ours.Extend(seeds, Until.TraceEnd, new(MaxTokens: 80));
        var prefixes = traces.SelectMany(t => t.Path()).Where(p => !p.Ended).Distinct().Take(200).ToList();
        Assert.Equal(200, prefixes.Count);
        var (a, b) = (await Counts(ours, 1), await Counts(theirs, 2));
        double sum = 0, variance = 0;
        for (var i = 0; i < prefixes.Count; i++)
        {
            var pooled = (a[i] + b[i]) / (2.0 * n);
            sum += a[i] - b[i];

            // Unbiased for 2nQ(1 − Q): pooled(1 − pooled) falls short by the factor (2n − 1)/2n.
            variance += 2 * n * pooled * (1 - pooled) * 2 * n / (2 * n - 1);
        }

        Assert.True(variance > 30, "the policy's values leave nothing to chance, so that the test would show nothing");
        Assert.InRange(sum / Math.Sqrt(variance), -4, 4);
        Assert.InRange(Enumerable.Range(0, prefixes.Count).Sum(i => Math.Pow(a[i] - b[i], 2)) / variance, 0.6, 1.4);

        async Task<int[]> Counts(IPolicy policy, ulong seed)
        {
            var draws = prefixes.SelectMany(p => Enumerable.Range(0, n)
                .Select(k => new Draw(p, Seeds.Derive(seed, p.Problem.Id, p.Text, k)))).ToList();
            var ended = await policy.Extend(draws, Until.TraceEnd, new(MaxTokens: 80));
            return [.. ended.Chunk(n).Select(chunk => chunk.Sum(Even.Rex))];
        }
    }
}
