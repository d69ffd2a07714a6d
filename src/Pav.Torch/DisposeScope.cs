namespace Pav.Torch;

/// <summary>
/// Owns the tensors made on this thread while it is the innermost scope, and frees them when it is disposed. A tensor that
/// shall live on is moved to the scope around it, or detached from all.
/// </summary>
internal sealed class DisposeScope : IDisposable
{
    [ThreadStatic] private static DisposeScope? current;

    private readonly DisposeScope? outer;
    private readonly List<Tensor> tensors = [];

    internal DisposeScope() => (outer, current) = (current, this);

    internal static void Register(Tensor tensor) => current?.Own(tensor);

    /// <summary>The tensor lives as long as the scope around this one; forever, if there is none.</summary>
    public Tensor MoveToOuter(Tensor tensor)
    {
        tensor.Scope = null;
        outer?.Own(tensor);
        return tensor;
    }

    /// <summary>No scope frees the tensor any more.</summary>
    public Tensor Detach(Tensor tensor) => tensor.DetachFromDisposeScope();

    private void Own(Tensor tensor)
    {
        tensor.Scope = this;
        tensors.Add(tensor);
    }

    public void Dispose()
    {
        foreach (var tensor in tensors)
            if (tensor.Scope == this) tensor.Dispose();
        tensors.Clear();
        if (current == this) current = outer;
    }
}
