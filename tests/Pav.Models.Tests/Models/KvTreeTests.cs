using Pav.Models.Decoders;
using Pav.Models.Inference;

namespace Pav.Models.Tests.Models;

public sealed class KvTreeTests : IDisposable
{
    private const int Capacity = 64;

    private readonly IRunner runner;
    private readonly KvTree tree;

    public KvTreeTests()
    {
        var config = new DecoderConfig
        {
            VocabSize = 500, HiddenSize = 8, IntermediateSize = 8, Layers = 1, Heads = 1, KvHeads = 1, HeadSize = 8, MaxPositions = 64,
        };
        using var model = DecoderModel.RandomInit(config, 1);
        runner = Runner.Create(model, new(CacheBudgetBytes: Capacity * 2 * 8 * sizeof(float) * Kernels.Block));
        tree = new(runner);
    }

    [Fact]
    public void What_was_used_last_is_held_when_the_cache_is_full()
    {
        Assert.Equal(Capacity, runner.Pool.Capacity);
        for (var id = 0; id < 400; id++)
        {
            Hold(id);
            tree.Trim();
            Assert.InRange(runner.Pool.InUse, 0, Capacity / 4 * 3);
            var held = Enumerable.Range(0, id + 1).Where(i => tree.Find([[i]]).Complete).ToList();
            Assert.Equal(Enumerable.Range(id + 1 - held.Count, held.Count), held);
            Assert.InRange(held.Count, Math.Min(id + 1, Capacity / 8 * 5), Capacity);
        }
    }

    [Fact]
    public void Of_nodes_that_hold_nothing_there_are_no_more_than_of_others()
    {
        for (var id = 0; id < 20; id++) Hold(id);
        var root = tree.Find([[0]]).Parent!;
        for (var id = 20; id < 500; id++)
        {
            tree.Find([[id]]);
            tree.Trim();
            Assert.InRange(root.Children.Count, 20, 20 + 20);
        }

        Assert.All(Enumerable.Range(0, 20), id => Assert.True(tree.Find([[id]]).Complete));
    }

    private void Hold(int id)
    {
        Assert.True(tree.MakeRoom(1));
        tree.Compute(tree.Find([[id]]));
        runner.Run();
    }

    public void Dispose()
    {
        tree.Clear();
        runner.Dispose();
    }
}
