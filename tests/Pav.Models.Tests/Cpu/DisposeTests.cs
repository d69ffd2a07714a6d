using Pav.Models.Cpu;
using Pav.Models.Inference;
using Pav.Models.Tests.Models;
using Pav.Models.Training;
using Pav.Torch;

namespace Pav.Models.Tests.Cpu;

/// <summary>
/// What has memory outside the managed heap frees it once, however often it is disposed: the process would end here otherwise.
/// </summary>
public sealed unsafe class DisposeTests
{
    private static readonly int[] Ids = [3, 1, 4, 1, 5, 9, 2, 6];

    [Fact]
    public void Floats_that_were_freed_are_empty_and_grow_again()
    {
        var floats = new Floats(100);
        floats.Dispose();
        floats.Dispose();
        Assert.Equal((0L, true), (floats.Length, floats.Data == null));
        floats.Clear();
        floats.Set([1, 2, 3]);
        Assert.Equal([1, 2, 3], new ReadOnlySpan<float>(floats.Data, 3).ToArray());
        floats.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_runner_with_the_head_of_its_embeddings(int threads)
    {
        using var model = Toy.Model();
        var runner = Toy.Runner(model, 1 << 24, threads);
        Run(runner);
        runner.Dispose();
        runner.Dispose();
        Assert.Equal(0, runner.Pool.Bytes);
    }

    [Fact]
    public void A_runner_in_libtorch_which_frees_its_model_too()
    {
        var model = Toy.Model();
        var runner = new TorchRunner(model, 1 << 20);
        Run(runner);
        runner.Dispose();
        runner.Dispose();
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.Parameters["model.norm.weight"].to_array<float>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_trainer_and_its_model(bool native)
    {
        var model = Toy.Model();
        model.Native = native;
        var trainer = Trainer.From(model);
        var loss = trainer.Accumulate(NextToken.Batch([new TokenRow(Ids, 1)], new()).Parts.Single());
        trainer.Step(1e-3, 1);
        for (var i = 0; i < 2; i++)
        {
            trainer.Dispose();
            model.Dispose();
        }

        Assert.True(loss > 0);
        Assert.Throws<ObjectDisposedException>(() => model.Parameters["model.norm.weight"].to_array<float>());
    }

    private static void Run(IRunner runner)
    {
        var segment = new KvSegment(runner.Pool, null);
        runner.Add(segment, Ids);
        runner.Run();
        Assert.True(runner.Pool.InUse > 0);
        segment.Dispose();
    }
}
