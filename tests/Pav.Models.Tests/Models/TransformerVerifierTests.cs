using Pav.Models.Decoders;
using Pav.Models.Inference;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

public sealed class TransformerVerifierTests : IDisposable
{
    private readonly DecoderModel model = Toy.Scorer();
    private readonly VerifierEncoding encoding = new(Toy.Tokenizer, Toy.Template);

    public void Dispose() => model.Dispose();

    private TransformerVerifier Verifier(long budget = 1 << 24, KvType cache = KvType.Float32, WeightType kept = WeightType.Stored) =>
        new("toy", model, encoding, new(budget, Cache: cache, Weights: kept));

    private double[] Reference(Prefix prefix)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        var (ids, readAt) = encoding.Encode(prefix);
        var q = model.scores(model.forward(tensor(ids.Select(i => (long)i).ToArray(), 1, ids.Length))).sigmoid().to_array<float>();
        return [.. readAt.Select(position => (double)q[position])];
    }

    private static Prefix[] Traces() =>
        [.. Toy.Prefixes(6), .. Toy.Prefixes(4)
            .Select(p => p.Then(" 9 8", [.. Toy.Tokenizer.Encode(" 9 8", false), Toy.Tokenizer.Eos!.Value], ended: true)),
            Prefix.Root(Toy.Problem(3)).Then(" 4", ended: true)];

    [Theory]
    [InlineData(1 << 24)]
    [InlineData(30_000)]
    public async Task Scores_equal_a_full_forward(long budget)
    {
        using var verifier = Verifier(budget);
        var traces = Traces();
        var scored = await verifier.Score(traces);
        for (var i = 0; i < traces.Length; i++)
        {
            Assert.Equal(traces[i].Depth + 1, scored[i].Q.Length);
            foreach (var (expected, found) in Reference(traces[i]).Zip(scored[i].Q)) Assert.Equal(expected, found, 1e-5);
        }

        Assert.True(scored.SelectMany(s => s.Q).Max() - scored.SelectMany(s => s.Q)
            .Min() > 0.1, "the toy's scores are too alike to test anything");
    }

    [Theory]
    [InlineData(1 << 24)]
    [InlineData(400_000)] // the beam's past is more than an eighth of it
    public async Task A_beam_costs_its_new_steps_only(long budget)
    {
        using var verifier = Verifier(budget);
        var beam = Toy.Prefixes(3).ToArray();
        await verifier.Score(beam);
        for (var step = 0; step < 3; step++)
        {
            beam = [.. beam.SelectMany(p => new[] { p.Then(" 1 2\n"), p.Then(" 3\n") })];
            var scored = await verifier.Score(beam);
            for (var i = 0; i < beam.Length; i++)
            {
                Assert.Equal(i % 2 == 0 ? 3 : 2, scored[i].Tokens);
                Assert.Equal(Reference(beam[i])[^1], scored[i].Q[^1], 1e-5);
            }

            beam = [.. beam.Where((_, i) => i % 3 == 0)];
        }

        Assert.All(await verifier.Score(beam), s => Assert.Equal(0, s.Tokens));
        verifier.Reset();
        Assert.All(await verifier.Score([beam[0]]), s => Assert.Equal(encoding.Encode(beam[0]).Ids.Length, s.Tokens));
    }

    /// <summary>Scores from rounded numbers, read from the cache or all anew, are the same bits, and near those in float32.</summary>
    [Theory]
    [InlineData(KvType.Float16, WeightType.Stored, 2e-3)]
    [InlineData(KvType.Float32, WeightType.Int8, 0.05)]
    public async Task Rounding_moves_scores_a_little_and_equally_on_the_cache_and_anew(KvType cache, WeightType kept, double near)
    {
        using var verifier = Verifier(cache: cache, kept: kept);
        var beam = Toy.Prefixes(3).ToArray();
        await verifier.Score(beam);
        beam = [.. beam.SelectMany(p => new[] { p.Then(" 1 2\n"), p.Then(" 3\n") })];
        var cached = await verifier.Score(beam);
        Assert.All(cached, s => Assert.InRange(s.Tokens, 2, 3));
        using var fresh = Verifier(cache: cache, kept: kept);
        var anew = await fresh.Score(beam);
        for (var i = 0; i < beam.Length; i++)
        {
            Assert.Equal(anew[i].Q, cached[i].Q);
            Assert.Equal(Reference(beam[i])[^1], cached[i].Q[^1], near);
        }
    }

    [Fact]
    public void Encoding_reads_at_the_last_id_of_every_step()
    {
        var newline = Toy.Tokenizer.Id("\n")!.Value;
        var (ids, readAt) = encoding.Encode(Prefix.Root(Toy.Problem(0)).Then(" 1 2\n").Then("", ended: false).Then(" 3", ended: true));
        Assert.Equal([newline, newline, newline, Toy.Tokenizer.Id(" 3")!.Value], readAt.Select(position => ids[position]));
        Assert.Equal(readAt[1], readAt[2]);
        Assert.Equal(ids.Length - 1, readAt[^1]);
    }

    [Fact]
    public void Encoding_reads_what_the_text_says_whoever_wrote_it()
    {
        var root = Prefix.Root(Toy.Problem(0));
        var (expected, places) = encoding.Encode(root.Then(" 1 2\n").Then(" 3", ended: true));
        int[] step = Toy.Tokenizer.Encode(" 1 2\n", false), last = Toy.Tokenizer.Encode(" 3", false);
        Prefix[] same =
        [
            root.Then(" 1 2\n", step).Then(" 3", [.. last, Toy.Tokenizer.Eos!.Value], ended: true),
            // another of a config's end-of-sequence ids
            root.Then(" 1 2\n", step).Then(" 3", [.. last, Toy.Tokenizer.Pad!.Value], ended: true),
            root.Then(" 1 2\n", [0, 1, 2]).Then(" 3", [7, 8, 9], ended: true), // ids of another tokenizer
            root.Then(" 1 2\n", [1 << 20]).Then(" 3", [.. last, .. last], ended: true),
        ];
        Assert.All(same, prefix =>
        {
            var (ids, readAt) = encoding.Encode(prefix);
            Assert.Equal(expected, ids);
            Assert.Equal(places, readAt);
        });
    }

    [Fact]
    public void The_wrong_kind_of_checkpoint_is_refused()
    {
        using var policy = Toy.Model();
        Assert.Contains("score head", Assert.Throws<UserError>(() => new TransformerVerifier("toy", policy, encoding)).Message);
        Assert.Contains("score head",
            Assert.Throws<UserError>(() => new TransformerPolicy("toy", model, Toy.Tokenizer, Toy.Template)).Message);
    }
}
