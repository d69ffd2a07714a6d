using Pav.Torch;
using Pav.Torch.Optim;

namespace Pav.Models.Tests.Torch;

public class TensorTests
{
    [Fact]
    public void Matmul_and_its_gradient()
    {
        using var scope = torch.NewDisposeScope();
        var a = torch.tensor(new float[] { 1, 2, 3, 4 }, 2, 2).requires_grad_();
        var b = torch.tensor(new float[] { 1, 1, 0, 2 }, 2, 2);
        var c = a.matmul(b);
        Assert.Equal([1f, 5f, 3f, 11f], c.to_array<float>());
        c.sum().backward();
        Assert.Equal([2f, 2f, 2f, 2f], a.grad!.to_array<float>());
    }

    [Fact]
    public void A_failed_operation_names_itself_and_its_operands()
    {
        using var scope = torch.NewDisposeScope();
        var error = Assert.Throws<TorchException>(() => torch.zeros([2, 3]).matmul(torch.zeros([4, 5], torch.float64)));
        Assert.StartsWith("matmul([2, 3] float32, [4, 5] float64): ", error.Message);
        Assert.DoesNotContain("\n", error.Message);
    }

    [Fact]
    public void An_unknown_operator_and_a_missing_argument_are_named()
    {
        using var scope = torch.NewDisposeScope();
        Assert.Contains("aten::no_such", Assert.Throws<TorchException>(() => Operator.call("no_such", 1)).Message);
        Assert.Contains("'mat2' is missing", Assert.Throws<TorchException>(() => Operator.call("mm", torch.zeros([2, 2]))).Message);
    }

    [Fact]
    public void A_freed_tensor_is_refused()
    {
        var a = torch.zeros([2]);
        a.Dispose();
        Assert.Throws<ObjectDisposedException>(() => a + 1);
    }

    [Fact]
    public void A_training_step_frees_what_it_makes()
    {
        var start = Live();
        TrainingStep(fail: false);
        Assert.Equal(start, Live());
    }

    [Fact]
    public void A_training_step_that_throws_frees_what_it_made()
    {
        var start = Live();
        Assert.Throws<TorchException>(() => TrainingStep(fail: true));
        Assert.Equal(start, Live());
    }

    private static long Live()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.live_tensors;
    }

    private static void TrainingStep(bool fail)
    {
        using var w = torch.randn([4, 3]).requires_grad_();
        using var optimizer = new AdamW([("w", w)]);
        using var scope = torch.NewDisposeScope();
        var hidden = functional.rms_norm(functional.linear(torch.randn([5, 3]), w), torch.ones([4]), 1e-5);
        var loss = functional.cross_entropy(hidden, torch.zeros([fail ? 6 : 5], torch.int64));
        loss.backward();
        Gradients.clip_grad_norm_([w], 1);
        optimizer.step();
        optimizer.zero_grad();
    }

    [Fact]
    public void A_scope_keeps_what_is_moved_out_of_it()
    {
        var start = Live();
        Tensor detached, moved;
        using (var outer = torch.NewDisposeScope())
        {
            using (var inner = torch.NewDisposeScope())
            {
                torch.zeros([1]);
                moved = inner.MoveToOuter(torch.ones([1]));
                detached = torch.full([1], 2).DetachFromDisposeScope();
            }
            Assert.Equal(1, moved.item<int>());
            Assert.Equal(start + 2, torch.live_tensors);
        }
        Assert.True(moved.IsClosed);
        Assert.Equal(2f, detached.item<float>());
        detached.Dispose();
        Assert.Equal(start, torch.live_tensors);
    }

    [Fact]
    public void No_grad_ends_with_its_guard()
    {
        using var scope = torch.NewDisposeScope();
        var a = torch.ones([1]).requires_grad_();
        using (torch.no_grad())
        {
            Assert.False((a * 2).requires_grad);
            using (torch.no_grad()) Assert.False((a * 2).requires_grad);
            Assert.False((a * 2).requires_grad);
        }
        Assert.True((a * 2).requires_grad);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Int32)]
    public void Types_convert_and_add(ScalarType type)
    {
        using var scope = torch.NewDisposeScope();
        var sum = torch.arange(4).to(type) + 1;
        Assert.Equal(type, sum.dtype);
        Assert.Equal([1, 2, 3, 4], sum.to(torch.float64).to_array<double>());
    }

    [Fact]
    public void Booleans_choose()
    {
        using var scope = torch.NewDisposeScope();
        var big = torch.arange(4).gt(torch.tensor(new long[] { 1 }));
        Assert.Equal([false, false, true, true], big.data<bool>().ToArray());
        Assert.Equal([9L, 9, 2, 3], torch.arange(4).masked_fill(torch.arange(4).le(torch.tensor(new long[] { 1 })), 9).to_array<long>());
    }

    [Fact]
    public void Lists_options_and_pairs_pass_through()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.arange(6).view(2, 3);
        var (values, indices) = Operator.call2("topk", x, 1, -1, true, true);
        Assert.Equal([2L, 5], values.to_array<long>());
        Assert.Equal([2L, 2], indices.to_array<long>());
        Assert.Equal([3L, 12], torch.stack(Operator.callMany("unbind.int", 2, x, 0)).sum(1).to_array<long>());
        Assert.Equal(15, Operator.call("einsum", "ij->", new[] { x }).item<long>());
    }

    [Fact]
    public void Equal_seeds_give_equal_noise()
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(7);
        var first = torch.randn([8]);
        torch.manual_seed(7);
        Assert.True(torch.equal(first, torch.randn([8])));
    }

    [Fact]
    public void Data_wants_the_right_type_and_order()
    {
        using var scope = torch.NewDisposeScope();
        var x = torch.zeros([2, 3]);
        x.data<float>()[5] = 4;
        Assert.Equal(4, x.sum().item<double>());
        Assert.Contains("not contiguous", Assert.Throws<TorchException>(() => { x.t().data<float>(); }).Message);
        Assert.Contains("data<Double>", Assert.Throws<TorchException>(() => { x.data<double>(); }).Message);
        Assert.Contains("do not fill", Assert.Throws<TorchException>(() => torch.tensor(new float[3], 2, 2)).Message);
    }

    [Fact]
    public void A_device_that_is_not_there_is_refused() => Assert.Throws<TorchException>(() => new Device("tpu"));
}
