using static Pav.Torch.Operator;

namespace Pav.Torch;

// PyTorch's methods, one operator each. A trailing underscore works in place and returns this tensor.
internal sealed partial class Tensor
{
    public static Tensor operator +(Tensor a, Tensor b) => call("add.Tensor", a, b);
    public static Tensor operator +(Tensor a, Scalar b) => call("add.Scalar", a, b);
    public static Tensor operator +(Scalar a, Tensor b) => call("add.Scalar", b, a);
    public static Tensor operator -(Tensor a, Tensor b) => call("sub.Tensor", a, b);
    public static Tensor operator -(Tensor a, Scalar b) => call("sub.Scalar", a, b);
    public static Tensor operator -(Scalar a, Tensor b) => call("rsub.Scalar", b, a);
    public static Tensor operator -(Tensor a) => call("neg", a);
    public static Tensor operator *(Tensor a, Tensor b) => call("mul.Tensor", a, b);
    public static Tensor operator *(Tensor a, Scalar b) => call("mul.Scalar", a, b);
    public static Tensor operator *(Scalar a, Tensor b) => call("mul.Scalar", b, a);
    public static Tensor operator /(Tensor a, Tensor b) => call("div.Tensor", a, b);
    public static Tensor operator /(Tensor a, Scalar b) => call("div.Scalar", a, b);

    /// <summary>Row (or sub-tensor) of that index of the first dimension, a view.</summary>

    // Shape
    public Tensor view(params long[] shape) => call("view", this, shape);
    public Tensor reshape(params long[] shape) => call("reshape", this, shape);
    public Tensor transpose(long dim0, long dim1) => call("transpose.int", this, dim0, dim1);
    public Tensor expand(params long[] shape) => call("expand", this, shape);
    public Tensor unsqueeze(long dim) => call("unsqueeze", this, dim);
    public Tensor squeeze(long dim) => call("squeeze.dim", this, dim);
    public Tensor contiguous() => Resting is { } memory && !wantsGradient ? Shared(memory) : call("contiguous", this);
    public Tensor clone() => Resting is { } memory && !wantsGradient ? Copied(memory) : call("clone", this);
    public Tensor detach() => Resting is { } memory ? Shared(memory) : call("detach", this);
    public Tensor alias() => Resting is { } memory && !wantsGradient ? Shared(memory) : call("alias", this);
    public Tensor[] split(long[] sizes, long dim = 0) => callMany("split_with_sizes", sizes.Length, this, sizes, dim);

    // Parts
    public Tensor narrow(long dim, long start, long length) => call("narrow", this, dim, start, length);
    public Tensor index_select(long dim, Tensor index) => call("index_select", this, dim, index);
    public Tensor gather(long dim, Tensor index) => call("gather", this, dim, index);
    public Tensor masked_fill(Tensor mask, Scalar value) => call("masked_fill.Scalar", this, mask, value);

    // Products
    public Tensor bmm(Tensor other) => call("bmm", this, other);
    public Tensor baddbmm(Tensor a, Tensor b, Scalar? beta = null, Scalar? alpha = null) =>
        call("baddbmm", this, a, b, beta ?? 1, alpha ?? 1);
    public Tensor mm(Tensor other) => call("mm", this, other);

    // Element by element
    public Tensor exp() => call("exp", this);
    public Tensor rsqrt() => call("rsqrt", this);
    public Tensor silu() => call("silu", this);
    public Tensor relu() => call("relu", this);
    public Tensor sigmoid() => call("sigmoid", this);
    public Tensor softplus() => call("softplus", this);
    public Tensor tanh() => call("tanh", this);
    public Tensor gelu(string approximate = "none") => call("gelu", this, approximate);
    public Tensor clamp(double? min = null, double? max = null) => call("clamp", this, min, max);
    public Tensor minimum(Tensor other) => call("minimum", this, other);
    public Tensor softmax(long dim) => call("softmax.int", this, dim);
    public Tensor log_softmax(long dim) => call("log_softmax.int", this, dim);

    // Reductions
    public Tensor sum() => call("sum", this);
    public Tensor sum(long dim, bool keepdim = false) => call("sum.dim_IntList", this, new[] { dim }, keepdim);
    public Tensor mean(long dim, bool keepdim = false) => call("mean.dim", this, new[] { dim }, keepdim);
    public Tensor norm() => call("norm.Scalar", this, 2);

    // Comparison and logic
    public Tensor ne(Tensor other) => call("ne.Tensor", this, other);
    public Tensor le(Tensor other) => call("le.Tensor", this, other);
    public Tensor gt(Tensor other) => call("gt.Tensor", this, other);
    public Tensor logical_or(Tensor other) => call("logical_or", this, other);
    public Tensor triu(long diagonal = 0) => call("triu", this, diagonal);
    public Tensor tril(long diagonal = 0) => call("tril", this, diagonal);

    // Type and place
    public Tensor to(ScalarType type) => Converted(type) ?? call("to.dtype", this, type);

    /// <summary>Of that type: this tensor itself where it is already.</summary>
    public Tensor cast(ScalarType type) => dtype == type ? this : to(type);

    public Tensor to(Device place) => to(place, dtype);
    public Tensor to(Device place, ScalarType type) => (place.IsCpu ? Converted(type) : null) ?? call("to.device", this, place, type);
    public Tensor cpu() => to(new Device("cpu"));

    // In place
    public Tensor copy_(Tensor source) => InPlace("copy_", this, source);
    public Tensor add_(Scalar other) => InPlace("add_.Scalar", this, other);
    public Tensor index_copy_(long dim, Tensor index, Tensor source) => InPlace("index_copy_", this, dim, index, source);

    /// <summary>Without libtorch, from where it rests: as it is, or widened; null where that cannot be.</summary>
    private unsafe Tensor? Converted(ScalarType type)
    {
        if (Resting is not { } memory || wantsGradient) return null;
        if (type == hostType) return Shared(memory);
        if (type != ScalarType.Float32 || hostType is not (ScalarType.BFloat16 or ScalarType.Float16)) return null;
        var (wide, count) = (new HostMemory(numel * sizeof(float)), numel);
        var half = (ushort*)memory.Data;
        for (var i = 0L; i < count; i++)
            ((float*)wide.Data)[i] = hostType == ScalarType.BFloat16 ? BitConverter.UInt32BitsToSingle((uint)half[i] << 16)
                : (float)BitConverter.UInt16BitsToHalf(half[i]);
        return new(wide, type, sizes!);
    }

    private Tensor Shared(HostMemory memory) => new(memory.Hold(), hostType, sizes!);

    private unsafe Tensor Copied(HostMemory memory) => torch.FromMemory(memory.Data, hostType, sizes!);

    private Tensor InPlace(string name, params ReadOnlySpan<Arg> args)
    {
        call_(name, args);
        return this;
    }
}
