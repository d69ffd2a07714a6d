using Pav.Models.Inference;
using Pav.Torch;
using static Pav.Torch.torch;

namespace Pav.Models.Tests.Models;

public class CpuRunnerTests
{
    private static readonly int[][] Sequences = [.. Enumerable.Range(0, 9)
        .Select(i => Enumerable.Range(0, 5 + 9 * i).Select(t => (t * t + 3 * i + 2) % Toy.Tokenizer.Size).ToArray())];

    /// <summary>Last logits of each sequence, each cut into stretches of at most a length, all in one call or each alone.</summary>
    private static float[][] Logits(CpuRunner runner, int stretch, bool together)
    {
        var results = new float[Sequences.Length][];
        var rows = new int[Sequences.Length];
        for (var i = 0; i < Sequences.Length; i++)
        {
            KvSegment? segment = null;
            foreach (var ids in Sequences[i].Chunk(stretch))
            {
                segment = new(runner.Pool, segment);
                rows[i] = runner.Add(segment, ids);
                if (!together) Run(i);
            }
        }

        if (together) Run([.. Enumerable.Range(0, results.Length)]);
        return results;

        void Run(params int[] which)
        {
            runner.Run();
            foreach (var i in which) results[i] = runner.Output(rows[i]).ToArray();
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(20)]
    [InlineData(32)]
    [InlineData(56)]
    [InlineData(8, KvType.Float16)]
    [InlineData(20, KvType.Float16)]
    [InlineData(56, KvType.Float16)]
    [InlineData(8, KvType.Float32, WeightType.Int8)]
    [InlineData(20, KvType.Float16, WeightType.Int8)]
    public void Bits_depend_on_the_context_alone(int headSize, KvType cache = KvType.Float32, WeightType kept = WeightType.Stored)
    {
        using var model = Toy.Model(Toy.Config(headSize));
        using var one = Toy.Runner(model, 1 << 24, 1, cache, kept);
        using var two = Toy.Runner(model, 1 << 24, 2, cache, kept);
        var expected = Logits(one, 1000, together: false);
        Assert.Equal(expected, Logits(one, 1000, together: true));
        Assert.Equal(expected, Logits(two, 1000, together: true));
        Assert.Equal(expected, Logits(two, 7, together: true));
        Assert.Equal(expected, Logits(one, 3, together: false));
        Assert.Equal(expected, Logits(one, 1, together: false));
    }

    /// <summary>Of a model whose products are cut by outputs among threads where rows are few, with all that may lie between
    /// them.</summary>
    [Theory]
    [InlineData(64, false)]
    [InlineData(20, true)]
    [InlineData(40, true)]
    [InlineData(64, false, KvType.Float16)]
    [InlineData(20, true, KvType.Float16)]
    [InlineData(64, false, KvType.Float32, WeightType.Int8)]
    [InlineData(20, true, KvType.Float32, WeightType.Int8)]
    public void Bits_do_not_depend_on_how_products_are_cut(
        int headSize, bool everything, KvType cache = KvType.Float32, WeightType kept = WeightType.Stored)
    {
        var config = Toy.Config(headSize) with
        {
            HiddenSize = 256, IntermediateSize = 520, PostNorms = everything, QueryKeyNorm = everything, QkvBias = everything,
            OutputBias = everything, MlpBias = everything, LogitCap = everything ? 20 : null, AttentionCap = everything ? 10 : null,
        };
        using var model = Toy.Model(config);
        using var one = Toy.Runner(model, 1 << 24, 1, cache, kept);
        var expected = Logits(one, 1000, together: true);
        foreach (var threads in (int[])[2, 3, 4])
        {
            using var several = Toy.Runner(model, 1 << 24, threads, cache, kept);
            Assert.Equal(expected, Logits(several, 1000, together: true));
            Assert.Equal(expected, Logits(several, 1000, together: false));
            Assert.Equal(expected, Logits(several, 9, together: false));
        }
    }

    /// <summary>Completions of one prefix read it together; one that is alone reads the same.</summary>
    [Theory]
    [InlineData(4, 4)]
    [InlineData(4, 2)]
    [InlineData(3, 1)]
    [InlineData(4, 4, KvType.Float16)]
    [InlineData(4, 2, KvType.Float16)]
    public void A_shared_past_gives_the_same_bits(int heads, int kvHeads, KvType cache = KvType.Float32)
    {
        using var model = Toy.Model(Toy.Config(20) with { Heads = heads, KvHeads = kvHeads, SlidingWindow = 30, WindowEvery = 2 });
        using var runner = Toy.Runner(model, 1 << 24, 1, cache);
        var past = new KvSegment(runner.Pool, null);
        runner.Add(past, Sequences[4]);
        runner.Run();
        var (together, alone) = (new float[11][], new float[11][]);
        var continued = together.Select(_ => new KvSegment(runner.Pool, past)).ToArray();
        var again = together.Select(_ => new KvSegment(runner.Pool, past)).ToArray();
        for (var step = 0; step < 20; step++)
        {
            var rows = continued.Select((s, i) => runner.Add(s, [(step * (i + 3) + i) % Toy.Tokenizer.Size])).ToArray();
            runner.Run();
            for (var i = 0; i < rows.Length; i++) together[i] = runner.Output(rows[i]).ToArray();
            for (var i = 0; i < rows.Length; i++)
            {
                var row = runner.Add(again[i], [(step * (i + 3) + i) % Toy.Tokenizer.Size]);
                runner.Run();
                alone[i] = runner.Output(row).ToArray();
            }

            Assert.Equal(alone, together);
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(56)]
    public void Logits_equal_the_training_model(int headSize)
    {
        using var scope = NewDisposeScope();
        using var off = no_grad();
        using var model = Toy.Model(Toy.Config(headSize));
        using var runner = Toy.Runner(model, 1 << 24, 2);
        var found = Logits(runner, 10, together: true);
        for (var i = 0; i < Sequences.Length; i++)
        {
            var ids = tensor(Sequences[i].Select(t => (long)t).ToArray(), 1, Sequences[i].Length);
            var expected = model.logits(model.forward(ids)).select(1, -1).to_array<float>();
            Assert.InRange(expected.Zip(found[i], (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
        }
    }

    /// <summary>Keys and values that are rounded to 11 bits move the logits a little, and take half the memory.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(20)]
    [InlineData(64)]
    public void Logits_from_half_the_memory_are_nearly_the_same(int headSize)
    {
        using var model = Toy.Model(Toy.Config(headSize));
        using var full = Toy.Runner(model, 1 << 24, 1);
        using var half = Toy.Runner(model, 1 << 24, 1, KvType.Float16);
        var (expected, found) = (Logits(full, 10, together: true), Logits(half, 10, together: true));
        var spread = expected.Max(l => l.Max() - l.Min());
        var moved = expected.Zip(found, (a, b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max()).Max();
        Assert.InRange(moved, 1e-6, spread / 500);

        // Layers × (keys + values) × key-value heads × size × positions of a block × bytes.
        Assert.Equal(2 * 2 * 2 * headSize * 16 * 2, half.Pool.BlockBytes);
        Assert.Equal(full.Pool.BlockBytes, 2 * half.Pool.BlockBytes);
        Assert.Equal(full.Pool.Bytes, 2 * half.Pool.Bytes);
        Assert.Equal(2 * full.Pool.Capacity, half.Pool.Capacity);
    }

    /// <summary>Weights and rows that are rounded to 255 steps move the logits a little.</summary>
    [Theory]
    [InlineData(8)]
    [InlineData(64)]
    public void Logits_from_int8_weights_are_near(int headSize)
    {
        using var model = Toy.Model(Toy.Config(headSize));
        using var full = Toy.Runner(model, 1 << 24, 1);
        using var rounded = Toy.Runner(model, 1 << 24, 1, kept: WeightType.Int8);
        var (expected, found) = (Logits(full, 10, together: true), Logits(rounded, 10, together: true));
        var spread = expected.Max(l => l.Max() - l.Min());
        var moved = expected.Zip(found, (a, b) => a.Zip(b, (x, y) => Math.Abs(x - y)).Max()).Max();
        Assert.InRange(moved, 1e-6, spread / 80);
    }

    [Fact]
    public void Ids_and_lengths_that_the_model_lacks_are_told()
    {
        using var model = Toy.Model(Toy.Config(maxPositions: 8));
        using var runner = Toy.Runner(model, 1 << 24, 1);
        Assert.Contains("vocabulary", Assert.Throws<UserError>(() => runner.Add(new(runner.Pool, null), [Toy.Tokenizer.Size])).Message);
        Assert.Contains("max_position_embeddings", Assert.Throws<UserError>(() => runner.Add(new(runner.Pool, null), new int[9])).Message);
    }
}
