using Pav.Torch;

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
}
