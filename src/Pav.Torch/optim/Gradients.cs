using static Pav.Torch.Operator;

namespace Pav.Torch.Optim;

internal static class Gradients
{
    /// <summary>
    /// Scales all gradients so that their joint 2-norm is at most <paramref name="max_norm"/>; returns the norm before. Parameters
    /// without a gradient count as zero.
    /// </summary>
    public static double clip_grad_norm_(IEnumerable<Tensor> parameters, double max_norm)
    {
        using var scope = torch.NewDisposeScope();
        using var guard = torch.no_grad();
        var gradients = parameters.Select(p => p.grad).OfType<Tensor>().ToArray();
        if (gradients.Length == 0) return 0;
        var norm = torch.stack(callMany("_foreach_norm.Scalar", gradients.Length, gradients, 2)).norm().item<double>();
        if (norm > max_norm) call_("_foreach_mul_.Scalar", gradients, max_norm / (norm + 1e-6));
        return norm;
    }
}
