using System.Runtime.InteropServices;
using static Pav.Torch.Native;

namespace Pav.Torch;

/// <summary>
/// A tensor of libtorch, or one that has not needed libtorch so far: see <see cref="HostMemory"/>. Dispose frees it, at the latest the
/// finalizer does; within a <see cref="DisposeScope"/> the scope does.
/// </summary>
internal sealed unsafe partial class Tensor : SafeHandle
{
    private readonly HostMemory? host;
    private readonly ScalarType hostType;
    private long[]? sizes;
    private bool wantsGradient;

    /// <summary>Contiguous values in memory of our own, which the tensor holds from now on.</summary>
    internal Tensor(HostMemory memory, ScalarType type, long[] shape) : base(0, true)
    {
        (host, hostType, sizes) = (memory, type, [.. shape]);
        DisposeScope.Register(this);
    }

    internal Tensor(nint handle) : base(0, true)
    {
        SetHandle(handle);
        DisposeScope.Register(this);
    }

    internal DisposeScope? Scope { get; set; }

    /// <summary>No scope frees this tensor any more.</summary>
    public Tensor DetachFromDisposeScope()
    {
        Scope = null;
        return this;
    }

    internal nint Handle
    {
        get
        {
            CheckLive();
            if (handle != 0) return handle;
            lock (host!)
                if (handle == 0)
                {
                    var made = host.ToLibtorch(hostType, sizes!);
                    if (wantsGradient && pav_set_requires_grad(made,
                        1) != 0) throw new TorchException($"requires_grad({Describe()}): {LastError()}");
                    SetHandle(made);
                }

            return handle;
        }
    }

    /// <summary>Its memory, as long as libtorch has nothing to do with the tensor.</summary>
    private HostMemory? Resting
    {
        get
        {
            CheckLive();
            return handle == 0 ? host : null;
        }
    }

    private void CheckLive()
    {
        if (IsClosed || (handle == 0 && host is null)) throw new ObjectDisposedException(nameof(Tensor),
            "the tensor was freed: dispose it later, or move it out of its scope");
    }

    public override bool IsInvalid => handle == 0 && host is null;

    protected override bool ReleaseHandle()
    {
        if (handle != 0) pav_free(handle);
        host?.Release();
        return true;
    }

    /// <summary>Sizes of the dimensions; not to be written to.</summary>
    public long[] shape => sizes ??= Facts.Shape(Handle);

    public int dim => Resting is null ? Facts.Dim(Handle) : sizes!.Length;
    public long numel => Resting is null ? Facts.Numel(Handle) : sizes!.Aggregate(1L, (product, size) => product * size);
    public ScalarType dtype => Resting is null ? Facts.Type(Handle) : hostType;
    public Device device => Resting is null ? Facts.Place(Handle) : torch.CPU;
    public bool is_contiguous => Resting is not null || Facts.IsContiguous(Handle);

    /// <summary>Size of a dimension; -1 is the last.</summary>
    public long size(int dimension) => shape[dimension < 0 ? dimension + shape.Length : dimension];

    public bool requires_grad
    {
        get => Resting is null ? Facts.RequiresGrad(Handle) : wantsGradient;
        set
        {
            if (Resting is null) Check(pav_set_requires_grad(Handle, value ? 1 : 0), nameof(requires_grad), this);
            else wantsGradient = value;
        }
    }

    /// <summary>The accumulated gradient, a new handle on the same memory; null when there is none.</summary>
    public Tensor? grad
    {
        get => Resting is null && pav_grad(Handle) is var found && found != 0 ? new Tensor(found) : null;
        set
        {
            if (Resting is null || value is not null) Check(pav_set_grad(Handle, value?.Handle ?? 0), "set grad", this);
        }
    }

    public Tensor requires_grad_(bool value = true)
    {
        requires_grad = value;
        return this;
    }

    public void backward(Tensor? gradient = null, bool retain_graph = false) =>
        Check(pav_backward(Handle, gradient?.Handle ?? 0, retain_graph ? 1 : 0), nameof(backward), this);

    /// <summary>The only element, converted.</summary>
    public T item<T>() where T : unmanaged
    {
        Value value;
        Check(pav_item(Handle, &value), nameof(item), this);
        object number = value.Tag switch { Tag.Double => value.Double, Tag.Bool => value.Int != 0, _ => value.Int };
        return (T)Convert.ChangeType(number, typeof(T));
    }

    /// <summary>
    /// The elements themselves, in row-major order: a contiguous CPU tensor of exactly this type (bfloat16 as ushort). Valid while the
    /// tensor lives.
    /// </summary>
    public Span<T> data<T>() where T : unmanaged
    {
        if (dtype != (typeof(T) == typeof(ushort) ? ScalarType.BFloat16 : ScalarTypes.From<T>()) || !device.IsCpu || !is_contiguous)
            throw new TorchException($"data<{typeof(T).Name}>() wants a contiguous CPU tensor of that type, got {Describe()} on "
                + $"{device}{(is_contiguous ? "" : ", not contiguous")}");
        return new Span<T>(data_ptr, checked((int)numel));
    }

    /// <summary>Where the elements are; for those on a GPU an address there.</summary>
    public void* data_ptr => Resting is { } memory ? memory.Data : (void*)Facts.Data(Handle);

    /// <summary>A copy of the elements, from any device.</summary>
    public T[] to_array<T>() where T : unmanaged
    {
        using var bare = detach();
        using var here = bare.cpu();
        using var flat = here.contiguous();
        return flat.data<T>().ToArray();
    }

    /// <summary>"[2, 3] float32"; never throws.</summary>
    internal string Describe() => IsClosed ? "freed" : $"[{string.Join(", ", shape)}] {dtype.Name()}";

    public override string ToString() => Describe();
}
