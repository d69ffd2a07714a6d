using static Pav.Torch.Operator;

namespace Pav.Torch.Optim;

/// <summary>Plain gradient descent, w ← w − lr·∂/∂w. Every parameter needs a gradient at every step.</summary>
public sealed class SGD(IEnumerable<(string name, Tensor parameter)> named, double lr)
{
    private readonly (string name, Tensor parameter)[] all = [.. named];

    public double lr { get; set; } = lr;

    public void step()
    {
        using var scope = torch.NewDisposeScope();
        using var guard = torch.no_grad();
        var gradients = Array.ConvertAll(all, p => p.parameter.grad ?? throw new TorchException($"SGD: {p.name} has no gradient"));
        call_("_foreach_add_.List", Array.ConvertAll(all, p => p.parameter), gradients, -lr);
    }

    public void zero_grad()
    {
        foreach (var (_, parameter) in all) parameter.grad = null;
    }
}
