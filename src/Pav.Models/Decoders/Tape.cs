using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>One pass through the layers of which only their inputs are kept; the gradient goes through it backwards, layer by layer, each
/// computed again.</summary>
internal sealed class Tape(Tensor start, Tensor cos, Tensor sin, Mixing mixing)
{
    private readonly List<Tensor> inputs = [];
    private Tensor? end;

    public Tensor Forward(DecoderLayer[] layers)
    {
        using (torch.no_grad())
        {
            var x = start.detach();
            foreach (var layer in layers)
            {
                inputs.Add(x);
                using var scope = torch.NewDisposeScope();
                x = scope.MoveToOuter(layer.forward(x, cos, sin, mixing));
            }

            end = x;
        }

        return end.requires_grad_();
    }

    public void Backward(DecoderLayer[] layers)
    {
        var gradient = end!.grad ?? throw new InvalidOperationException("the loss does not depend on these hidden states");
        for (var i = layers.Length - 1; i >= 0; i--)
        {
            using var scope = torch.NewDisposeScope();
            var x = inputs[i].requires_grad_();
            layers[i].forward(x, cos, sin, mixing).backward(gradient);
            gradient = scope.MoveToOuter(x.grad!);
            inputs[i].Dispose();
        }

        if (start.requires_grad) start.backward(gradient);
    }
}
