using static Pav.Torch.Operator;

namespace Pav.Torch.Optim;

/// <summary>
/// AdamW (Loshchilov and Hutter, decoupled decay) with PyTorch's semantics. One step is a handful of
/// operator calls over all parameters at once. Every parameter needs a gradient at every step.
/// </summary>
internal sealed class AdamW : IDisposable
{
    private const string StepName = "step", FirstSuffix = ".exp_avg", SecondSuffix = ".exp_avg_sq";

    private readonly string[] names;
    private readonly Tensor[] parameters, first, second;
    private readonly double beta1, beta2, eps, weightDecay;
    private long steps;

    public AdamW(IEnumerable<(string name, Tensor parameter)> named, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999,
        double eps = 1e-8, double weight_decay = 0.01)
    {
        var all = named.ToArray();
        names = [.. all.Select(p => p.name)];
        parameters = [.. all.Select(p => p.parameter)];
        first = [.. parameters.Select(p => torch.zeros_like(p).DetachFromDisposeScope())];
        second = [.. parameters.Select(p => torch.zeros_like(p).DetachFromDisposeScope())];
        this.lr = lr;
        (this.beta1, this.beta2, this.eps, weightDecay) = (beta1, beta2, eps, weight_decay);
    }

    /// <summary>Learning rate of the next step; schedules write it.</summary>
    public double lr { get; set; }

    public void step()
    {
        using var scope = torch.NewDisposeScope();
        using var guard = torch.no_grad();
        var gradients = new Tensor[parameters.Length];
        for (var i = 0; i < parameters.Length; i++)
            gradients[i] = parameters[i].grad ?? throw new TorchException($"AdamW: {names[i]} has no gradient");
        steps++;
        if (weightDecay != 0) call_("_foreach_mul_.Scalar", parameters, 1 - lr * weightDecay);
        call_("_foreach_mul_.Scalar", first, beta1);
        call_("_foreach_add_.List", first, gradients, 1 - beta1);
        call_("_foreach_mul_.Scalar", second, beta2);
        call_("_foreach_addcmul_.Scalar", second, gradients, gradients, 1 - beta2);
        var root = callMany("_foreach_sqrt", second.Length, second);
        call_("_foreach_div_.Scalar", root, Math.Sqrt(1 - Math.Pow(beta2, steps)));
        call_("_foreach_add_.Scalar", root, eps);
        call_("_foreach_addcdiv_.Scalar", parameters, first, root, -lr / (1 - Math.Pow(beta1, steps)));
    }

    public void zero_grad()
    {
        foreach (var parameter in parameters) parameter.grad = null;
    }

    /// <summary>The moments and the step count by name, the optimizer's own tensors: with the parameters, all that a resumption
    /// needs.</summary>
    public IReadOnlyList<(string name, Tensor tensor)> state_dict()
    {
        var state = new List<(string, Tensor)> { (StepName, torch.tensor([steps])) };
        for (var i = 0; i < names.Length; i++)
        {
            state.Add((names[i] + FirstSuffix, first[i]));
            state.Add((names[i] + SecondSuffix, second[i]));
        }
        return state;
    }

    /// <summary>Copies a saved state; `find` gives the tensor of a name or throws.</summary>
    public void load_state_dict(Func<string, Tensor> find)
    {
        using var guard = torch.no_grad();
        using (var saved = find(StepName)) steps = saved.item<long>();
        for (var i = 0; i < names.Length; i++)
        {
            Restore(first[i], names[i] + FirstSuffix);
            Restore(second[i], names[i] + SecondSuffix);
        }

        void Restore(Tensor into, string name)
        {
            using var saved = find(name);
            if (!saved.shape.AsSpan().SequenceEqual(into.shape))
                throw new TorchException($"AdamW: the saved {name} is {saved}, the parameter needs {into}");
            into.copy_(saved);
        }
    }

    public void Dispose()
    {
        foreach (var tensor in first) tensor.Dispose();
        foreach (var tensor in second) tensor.Dispose();
    }
}
