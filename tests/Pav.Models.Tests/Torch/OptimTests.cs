using Pav.Torch;
using Pav.Torch.Optim;

namespace Pav.Models.Tests.Torch;

public class OptimTests
{
    [Fact]
    public void Two_steps_by_the_formulas()
    {
        const double lr = 0.1, beta1 = 0.9, beta2 = 0.99, eps = 1e-8, decay = 0.5;
        using var scope = torch.NewDisposeScope();
        var w = torch.tensor([1.0]).requires_grad_();
        using var optimizer = new AdamW([("w", w)], lr, beta1, beta2, eps, decay);
        double p = 1, m = 0, v = 0;
        for (var t = 1; t <= 2; t++)
        {
            optimizer.zero_grad();
            (w * w).sum().backward();
            optimizer.step();

            var g = 2 * p;
            p -= lr * decay * p;
            m = beta1 * m + (1 - beta1) * g;
            v = beta2 * v + (1 - beta2) * g * g;
            p -= lr * (m / (1 - Math.Pow(beta1, t))) / (Math.Sqrt(v / (1 - Math.Pow(beta2, t))) + eps);
            Assert.Equal(p, w.item<double>(), 12);
        }
    }

    [Fact]
    public void First_step_moves_by_the_learning_rate()
    {
        // m̂ / √v̂ is the gradient's sign at t = 1: 1 − 0.1·0.01·1 − 0.1.
        using var scope = torch.NewDisposeScope();
        var w = torch.tensor([1.0]).requires_grad_();
        using var optimizer = new AdamW([("w", w)], lr: 0.1, weight_decay: 0.01);
        (w * 3).sum().backward();
        optimizer.step();
        Assert.Equal(0.899, w.item<double>(), 8);
    }

    [Fact]
    public void A_restored_state_continues_the_same_run()
    {
        using var scope = torch.NewDisposeScope();
        torch.manual_seed(3);
        var data = torch.randn([8, 3], torch.float64);
        var w = torch.randn([2, 3], torch.float64).requires_grad_();
        using var optimizer = new AdamW([("w", w)], lr: 0.05);
        for (var i = 0; i < 3; i++) Step(w, optimizer);

        var copy = w.detach().clone().requires_grad_();
        using var restored = new AdamW([("w", copy)], lr: 0.05);
        var saved = optimizer.state_dict().ToDictionary(s => s.name, s => s.tensor.clone());
        restored.load_state_dict(name => saved[name]);
        for (var i = 0; i < 3; i++)
        {
            Step(w, optimizer);
            Step(copy, restored);
        }
        Assert.True(torch.equal(w, copy));

        void Step(Tensor weights, AdamW with)
        {
            with.zero_grad();
            functional.linear(data, weights).square().mean().backward();
            with.step();
        }
    }

    [Fact]
    public void A_parameter_without_a_gradient_is_named()
    {
        using var scope = torch.NewDisposeScope();
        using var optimizer = new AdamW([("head", torch.ones([1]).requires_grad_())]);
        Assert.Contains("head has no gradient", Assert.Throws<TorchException>(optimizer.step).Message);
    }

    [Fact]
    public void Clipping_scales_all_gradients_by_one_factor()
    {
        using var scope = torch.NewDisposeScope();
        var (a, b) = (torch.tensor([1.0]).requires_grad_(), torch.tensor([1.0]).requires_grad_());
        (a * 3 + b * 4).sum().backward();
        Assert.Equal(5, Gradients.clip_grad_norm_([a, b], 1), 12);
        Assert.Equal(0.6, a.grad!.item<double>(), 6);
        Assert.Equal(0.8, b.grad!.item<double>(), 6);
        Assert.Equal(1, Gradients.clip_grad_norm_([a, b], 2), 6);
        Assert.Equal(0.6, a.grad!.item<double>(), 6);
    }
}
