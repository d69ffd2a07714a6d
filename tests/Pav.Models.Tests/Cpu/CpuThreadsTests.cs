using Pav.Models.Cpu;
using Pav.Models.Decoders;
using Pav.Models.Training;
using Pav.Models.Tests.Models;

namespace Pav.Models.Tests.Cpu;

/// <summary>Every loss comes out with the same bits for any number of threads: losses, norms, and the weights after two steps.</summary>
public sealed class CpuThreadsTests
{
    private const int Rows = 60, Heads = 2;

    /// <summary>Rows of 20 to 79 tokens, so that a call has more parts than there are threads.</summary>
    private static readonly int[][] Texts = [.. Enumerable.Range(0, Rows).Select(r => r * 37 % Rows + 20)
        .Select((length, r) => Enumerable.Range(0, length).Select(t => (r * 31 + t * t * 7) % Toy.Tokenizer.Size).ToArray())];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Next_tokens(bool recompute) => AreSame(() => Ready(Toy.Model(), recompute),
        _ => NextToken.Batch([.. Texts.Select(ids => new TokenRow(ids, 3))], new()).Parts.Single());

    [Theory]
    [InlineData(PrefixLossKind.Soft, false)]
    [InlineData(PrefixLossKind.Rank, false)]
    [InlineData(PrefixLossKind.Td, false)]
    [InlineData(PrefixLossKind.Soft, true)]
    public void A_verifiers_labels(PrefixLossKind kind, bool adapted) => AreSame(() =>
    {
        var config = Toy.Config() with { Head = DecoderHead.SequenceClassification, Labels = Heads, TiedEmbeddings = false };
        var model = Ready(Toy.Model(config));
        if (!adapted) return model;
        using (model) return Ready(model.WithLora(new(3, 6, "q_proj,v_proj,down_proj"), "", 1));
    }, _ => new PrefixLoss(
        [.. Texts.Select(ids => new ReadRow(ids, [ids.Length / 4, ids.Length / 2, ids.Length - 1]))],
        [.. Texts.Select(ids => new PrefixTargets([0.1, ids.Length % 4 / 4.0, 0.9], [1, 0.5, 2], [1, 2], [true, true, false]))],
        new(kind, Heads: Heads), 1.0 / Rows));

    [Fact]
    public void Values()
    {
        using var scorer = Toy.Scorer();
        AreSame(() => Ready(scorer.Clone()), _ => new SquaredLoss(
            Read(), [.. Texts.SelectMany(ids => ids.Skip(9).Select(id => id / 20f))], 1e-3));
    }

    /// <summary>REINFORCE, or PPO's clipped ratio, with the divergence from where it started.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_policys_rewards(bool clipped) => AreSame(() => Ready(Toy.Model()), threads =>
    {
        using var start = Ready(Toy.Model(seed: 2));
        using var reference = new CpuTrainer(start, new(), threads);
        int[] targets = [.. Texts.SelectMany(ids => ids.Skip(9))];
        float[] advantages = [.. targets.Select((id, t) => (id + t) % 5 / 5f - 0.3f)];
        float[]? before = clipped ? [.. targets.Select(id => -2 - id % 3)] : null;
        return new PolicyLoss(Read(), new(targets, advantages, before, reference.Values(Read())), 0.1, 0.2, 1.0 / Rows);
    });

    [Fact]
    public void A_part_that_fails_stops_the_call_and_the_next_call_is_as_if_it_had_not_been()
    {
        foreach (var threads in (int[])[1, 3])
        {
            using var model = Ready(Toy.Model());
            using CpuDecoder decoder = CpuDecoder.From(model, threads), other = CpuDecoder.From(model, threads);
            decoder.Pack();
            other.Pack();
            var rows = Read();
            var failing = Assert.ThrowsAny<Exception>(() => decoder.Accumulate(rows, (place, _, _) =>
                place == 700 ? throw new InvalidOperationException("here") : 0));
            Assert.Contains("here", (failing as AggregateException)?.InnerException?.Message ?? failing.Message);
            decoder.Gradients.Clear();
            Assert.Equal(other.Accumulate(rows, First), decoder.Accumulate(rows, First));
            Assert.Equal(Span(other).ToArray(), Span(decoder).ToArray());
            Assert.Contains(Span(decoder).ToArray(), g => Math.Abs(g) > 1e-3);
        }

    }

    /// <summary>Of a model this wide some 80 tokens fit into 6 MB, so parts of 370 tokens go through in pieces of at most 128.</summary>
    [Fact]
    public void Parts_in_pieces_have_the_losses_and_gradients_of_their_rows_alone()
    {
        var wide = Toy.Config() with
        {
            HiddenSize = 128, IntermediateSize = 512, Layers = 6, HeadSize = 32, TiedEmbeddings = false,
        };
        using var model = Ready(DecoderModel.RandomInit(wide, 1));
        using CpuDecoder together = CpuDecoder.From(model, 2), alone = CpuDecoder.From(model, 1);
        together.Pack();
        alone.Pack();
        var rows = Read();
        var seen = new System.Collections.Concurrent.ConcurrentBag<int>();
        var sum = together.Accumulate(rows, (place, values, gradient) => Weighed(place, place, values, gradient, seen.Add));
        var (expected, first) = (0.0, 0);
        foreach (var row in rows)
        {
            var before = first;
            expected += alone.Accumulate([row], (place, values, gradient) => Weighed(before + place, place, values, gradient, null));
            first += row.ReadAt.Length;
        }

        Assert.Equal(Enumerable.Range(0, first), seen.Order());
        Assert.Equal(expected, sum, 1e-3);
        var (a, b) = (Span(together).ToArray(), Span(alone).ToArray());
        var largest = b.Max(Math.Abs);
        Assert.True(largest > 0.1, $"{largest}");
        Assert.All(a.Zip(b), pair => Assert.InRange(pair.First - pair.Second, -1e-5 * largest, 1e-5 * largest));

        // Another loss at every place, so that places that change places are seen.
        static double Weighed(int overall, int place, ReadOnlySpan<float> values, Span<float> gradient, Action<int>? tell)
        {
            tell?.Invoke(place);
            var weight = 1 + overall % 7;
            gradient.Clear();
            gradient[overall % 5] = weight;
            return weight * values[overall % 5];
        }
    }

    private static unsafe ReadOnlySpan<float> Span(CpuDecoder decoder) => new(decoder.Gradients.Data, (int)decoder.Gradients.Length);

    private static double First(int place, ReadOnlySpan<float> values, Span<float> gradient)
    {
        gradient.Clear();
        gradient[0] = 1;
        return values[0];
    }

    private static ReadRow[] Read() =>
        [.. Texts.Select(ids => new ReadRow(ids[..^1], [.. Enumerable.Range(8, ids.Length - 9)]))];

    private static DecoderModel Ready(DecoderModel model, bool recompute = false)
    {
        (model.Native, model.Recompute) = (true, recompute);
        return model;
    }

    private static void AreSame(Func<DecoderModel> create, Func<int, RowLoss> loss)
    {
        var found = new[] { 1, 2, 3, 4 }.Select(threads =>
        {
            using var model = create();
            using var trainer = new CpuTrainer(model, new(WeightDecay: 0.1), threads);
            var sums = new List<double>();
            for (var step = 0; step < 2; step++)
            {
                sums.Add(trainer.Accumulate(loss(threads)));
                // A step may have several passes, whose gradients add up.
                sums.Add(trainer.Accumulate(loss(threads)));
                sums.Add(trainer.Step(1e-3, 0.5));
            }

            return (Sums: sums, Weights: model.Trained.ToDictionary(p => p.Key, p => p.Value.to_array<float>()));
        }).ToList();
        Assert.NotEqual(found[0].Sums[0], found[0].Sums[3]);
        Assert.All(found[0].Sums, sum => Assert.True(double.IsFinite(sum)));
        foreach (var other in found.Skip(1))
        {
            Assert.Equal(found[0].Sums, other.Sums);
            Assert.All(found[0].Weights, w => Assert.Equal(w.Value, other.Weights[w.Key]));
        }
    }
}
