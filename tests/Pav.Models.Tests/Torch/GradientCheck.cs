using Pav.Torch;

namespace Pav.Models.Tests.Torch;

/// <summary>Gradients against central finite differences, in float64.</summary>
internal static class GradientCheck
{
    /// <param name="loss">A function of the inputs; any shape, checked through a fixed random projection.</param>
    internal static void Check(Func<Tensor[], Tensor> loss, params Tensor[] inputs)
    {
        const double step = 1e-6;
        using var scope = torch.NewDisposeScope();
        Tensor? projection = null;
        double Value()
        {
            using var inner = torch.NewDisposeScope();
            using var guard = torch.no_grad();
            return (loss(inputs) * projection!).sum().item<double>();
        }

        foreach (var input in inputs) input.requires_grad = true;
        var output = loss(inputs);
        projection = torch.randn(output.shape, torch.float64);
        (output * projection).sum().backward();

        foreach (var input in inputs)
        {
            var gradient = input.grad!.to_array<double>();
            for (var i = 0; i < gradient.Length; i++)
            {
                var before = input.data<double>()[i];
                input.data<double>()[i] = before + step;
                var above = Value();
                input.data<double>()[i] = before - step;
                var below = Value();
                input.data<double>()[i] = before;
                var expected = (above - below) / (2 * step);
                Assert.True(Math.Abs(expected - gradient[i]) < 1e-6 * Math.Max(1, Math.Abs(expected)),
                    $"element {i} of {input}: gradient {gradient[i]}, finite difference {expected}");
            }
        }
    }

    internal static Tensor Random(params long[] shape) => torch.randn(shape, torch.float64);
}
