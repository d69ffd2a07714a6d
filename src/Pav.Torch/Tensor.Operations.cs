using static Pav.Torch.Operator;

namespace Pav.Torch;

// PyTorch's methods, one operator each. A trailing underscore works in place and returns this tensor.
public sealed partial class Tensor
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

    /// <summary>Row (or sub-tensor) <paramref name="index"/> of the first dimension, a view.</summary>
    public Tensor this[long index] => select(0, index);

    // Shape
    public Tensor view(params long[] shape) => call("view", this, shape);
    public Tensor reshape(params long[] shape) => call("reshape", this, shape);
    public Tensor permute(params long[] dims) => call("permute", this, dims);
    public Tensor transpose(long dim0, long dim1) => call("transpose.int", this, dim0, dim1);
    public Tensor t() => call("t", this);
    public Tensor expand(params long[] shape) => call("expand", this, shape);
    public Tensor repeat(params long[] repeats) => call("repeat", this, repeats);
    public Tensor repeat_interleave(long repeats, long? dim = null) => call("repeat_interleave.self_int", this, repeats, dim);
    public Tensor unsqueeze(long dim) => call("unsqueeze", this, dim);
    public Tensor squeeze(long dim) => call("squeeze.dim", this, dim);
    public Tensor flatten(long start_dim = 0, long end_dim = -1) => call("flatten.using_ints", this, start_dim, end_dim);
    public Tensor contiguous() => Resting is { } memory && !wantsGradient ? Shared(memory) : call("contiguous", this);
    public Tensor clone() => Resting is { } memory && !wantsGradient ? Copied(memory) : call("clone", this);
    public Tensor detach() => Resting is { } memory ? Shared(memory) : call("detach", this);
    public Tensor alias() => Resting is { } memory && !wantsGradient ? Shared(memory) : call("alias", this);
    public Tensor flip(params long[] dims) => call("flip", this, dims);
    public Tensor[] unbind(long dim = 0) => callMany("unbind.int", (int)size((int)dim), this, dim);
    public Tensor[] chunk(int chunks, long dim = 0) => callMany("chunk", chunks, this, chunks, dim);
    public Tensor[] split(long[] sizes, long dim = 0) => callMany("split_with_sizes", sizes.Length, this, sizes, dim);

    // Parts
    public Tensor narrow(long dim, long start, long length) => call("narrow", this, dim, start, length);
    public Tensor slice(long dim, long? start, long? end, long step = 1) => call("slice.Tensor", this, dim, start, end, step);
    public Tensor select(long dim, long index) => call("select.int", this, dim, index);
    public Tensor index_select(long dim, Tensor index) => call("index_select", this, dim, index);
    public Tensor index(params Tensor?[] indices) => call("index.Tensor", this, Arg.Indices(indices));
    public Tensor gather(long dim, Tensor index) => call("gather", this, dim, index);
    public Tensor masked_select(Tensor mask) => call("masked_select", this, mask);
    public Tensor masked_fill(Tensor mask, Scalar value) => call("masked_fill.Scalar", this, mask, value);
    public Tensor nonzero() => call("nonzero", this);
    public Tensor scatter(long dim, Tensor index, Tensor source) => call("scatter.src", this, dim, index, source);
    public Tensor index_add(long dim, Tensor index, Tensor source) => call("index_add", this, dim, index, source);

    // Products
    public Tensor matmul(Tensor other) => call("matmul", this, other);
    public Tensor mm(Tensor other) => call("mm", this, other);
    public Tensor bmm(Tensor other) => call("bmm", this, other);
    public Tensor mv(Tensor other) => call("mv", this, other);
    public Tensor addmm(Tensor a, Tensor b, Scalar? beta = null, Scalar? alpha = null) => call("addmm", this, a, b, beta ?? 1, alpha ?? 1);
    public Tensor baddbmm(Tensor a, Tensor b, Scalar? beta = null, Scalar? alpha = null) => call("baddbmm", this, a, b, beta ?? 1, alpha ?? 1);

    // Element by element
    public Tensor exp() => call("exp", this);
    public Tensor log() => call("log", this);
    public Tensor log1p() => call("log1p", this);
    public Tensor sqrt() => call("sqrt", this);
    public Tensor rsqrt() => call("rsqrt", this);
    public Tensor square() => call("square", this);
    public Tensor abs() => call("abs", this);
    public Tensor neg() => call("neg", this);
    public Tensor sin() => call("sin", this);
    public Tensor cos() => call("cos", this);
    public Tensor reciprocal() => call("reciprocal", this);
    public Tensor floor() => call("floor", this);
    public Tensor sigmoid() => call("sigmoid", this);
    public Tensor silu() => call("silu", this);
    public Tensor relu() => call("relu", this);
    public Tensor tanh() => call("tanh", this);
    public Tensor gelu(string approximate = "none") => call("gelu", this, approximate);
    public Tensor softplus() => call("softplus", this);
    public Tensor log_sigmoid() => call("log_sigmoid", this);
    public Tensor pow(Scalar exponent) => call("pow.Tensor_Scalar", this, exponent);
    public Tensor clamp(double? min = null, double? max = null) => call("clamp", this, min, max);
    public Tensor maximum(Tensor other) => call("maximum", this, other);
    public Tensor minimum(Tensor other) => call("minimum", this, other);
    public Tensor lerp(Tensor end, Scalar weight) => call("lerp.Scalar", this, end, weight);
    public Tensor isnan() => call("isnan", this);
    public Tensor isfinite() => call("isfinite", this);
    public Tensor softmax(long dim) => call("softmax.int", this, dim);
    public Tensor log_softmax(long dim) => call("log_softmax.int", this, dim);

    // Reductions
    public Tensor sum() => call("sum", this);
    public Tensor sum(long dim, bool keepdim = false) => call("sum.dim_IntList", this, new[] { dim }, keepdim);
    public Tensor mean() => call("mean", this);
    public Tensor mean(long dim, bool keepdim = false) => call("mean.dim", this, new[] { dim }, keepdim);
    public Tensor max() => call("max", this);
    public (Tensor values, Tensor indices) max(long dim, bool keepdim = false) => call2("max.dim", this, dim, keepdim);
    public Tensor min() => call("min", this);
    public (Tensor values, Tensor indices) min(long dim, bool keepdim = false) => call2("min.dim", this, dim, keepdim);
    public Tensor amax(long dim, bool keepdim = false) => call("amax", this, new[] { dim }, keepdim);
    public Tensor argmax(long? dim = null, bool keepdim = false) => call("argmax", this, dim, keepdim);
    public Tensor logsumexp(long dim, bool keepdim = false) => call("logsumexp", this, new[] { dim }, keepdim);
    public Tensor norm() => call("norm.Scalar", this, 2);
    public Tensor var(long dim, bool unbiased = true, bool keepdim = false) => call("var.dim", this, new[] { dim }, unbiased, keepdim);
    public Tensor any() => call("any", this);
    public Tensor all() => call("all", this);
    public Tensor cumsum(long dim) => call("cumsum", this, dim);
    public (Tensor values, Tensor indices) topk(long k, long dim = -1, bool largest = true, bool sorted = true) => call2("topk", this, k, dim, largest, sorted);
    public (Tensor values, Tensor indices) sort(long dim = -1, bool descending = false) => call2("sort", this, dim, descending);
    public Tensor argsort(long dim = -1, bool descending = false) => call("argsort", this, dim, descending);

    // Comparison and logic
    public Tensor eq(Tensor other) => call("eq.Tensor", this, other);
    public Tensor eq(Scalar other) => call("eq.Scalar", this, other);
    public Tensor ne(Tensor other) => call("ne.Tensor", this, other);
    public Tensor ne(Scalar other) => call("ne.Scalar", this, other);
    public Tensor lt(Tensor other) => call("lt.Tensor", this, other);
    public Tensor lt(Scalar other) => call("lt.Scalar", this, other);
    public Tensor le(Tensor other) => call("le.Tensor", this, other);
    public Tensor le(Scalar other) => call("le.Scalar", this, other);
    public Tensor gt(Tensor other) => call("gt.Tensor", this, other);
    public Tensor gt(Scalar other) => call("gt.Scalar", this, other);
    public Tensor ge(Tensor other) => call("ge.Tensor", this, other);
    public Tensor ge(Scalar other) => call("ge.Scalar", this, other);
    public Tensor logical_and(Tensor other) => call("logical_and", this, other);
    public Tensor logical_or(Tensor other) => call("logical_or", this, other);
    public Tensor logical_not() => call("logical_not", this);
    public Tensor triu(long diagonal = 0) => call("triu", this, diagonal);
    public Tensor tril(long diagonal = 0) => call("tril", this, diagonal);

    // Type and place
    public Tensor to(ScalarType type) => Converted(type) ?? call("to.dtype", this, type);

    /// <summary>Of that type: this tensor itself where it is already.</summary>
    public Tensor cast(ScalarType type) => dtype == type ? this : to(type);

    public Tensor to(Device place) => to(place, dtype);
    public Tensor to(Device place, ScalarType type) => (place.IsCpu ? Converted(type) : null) ?? call("to.device", this, place, type);
    public Tensor cpu() => to(new Device("cpu"));
    public Tensor @float() => to(ScalarType.Float32);
    public Tensor @long() => to(ScalarType.Int64);

    // In place
    public Tensor copy_(Tensor source) => InPlace("copy_", this, source);
    public Tensor zero_() => InPlace("zero_", this);
    public Tensor fill_(Scalar value) => InPlace("fill_.Scalar", this, value);
    public Tensor normal_(double mean = 0, double std = 1) => InPlace("normal_", this, mean, std);
    public Tensor uniform_(double from = 0, double to = 1) => InPlace("uniform_", this, from, to);
    public Tensor add_(Tensor other, Scalar? alpha = null) => InPlace("add_.Tensor", this, other, alpha ?? 1);
    public Tensor add_(Scalar other) => InPlace("add_.Scalar", this, other);
    public Tensor sub_(Tensor other) => InPlace("sub_.Tensor", this, other);
    public Tensor mul_(Tensor other) => InPlace("mul_.Tensor", this, other);
    public Tensor mul_(Scalar other) => InPlace("mul_.Scalar", this, other);
    public Tensor div_(Tensor other) => InPlace("div_.Tensor", this, other);
    public Tensor div_(Scalar other) => InPlace("div_.Scalar", this, other);
    public Tensor sqrt_() => InPlace("sqrt_", this);
    public Tensor exp_() => InPlace("exp_", this);
    public Tensor silu_() => InPlace("silu_", this);
    public Tensor clamp_(double? min = null, double? max = null) => InPlace("clamp_", this, min, max);
    public Tensor addcmul_(Tensor a, Tensor b, Scalar? value = null) => InPlace("addcmul_", this, a, b, value ?? 1);
    public Tensor addcdiv_(Tensor a, Tensor b, Scalar? value = null) => InPlace("addcdiv_", this, a, b, value ?? 1);
    public Tensor lerp_(Tensor end, Scalar weight) => InPlace("lerp_.Scalar", this, end, weight);
    public Tensor masked_fill_(Tensor mask, Scalar value) => InPlace("masked_fill_.Scalar", this, mask, value);
    public Tensor scatter_(long dim, Tensor index, Tensor source) => InPlace("scatter_.src", this, dim, index, source);
    public Tensor scatter_(long dim, Tensor index, Scalar value) => InPlace("scatter_.value", this, dim, index, value);
    public Tensor index_copy_(long dim, Tensor index, Tensor source) => InPlace("index_copy_", this, dim, index, source);
    public Tensor index_fill_(long dim, Tensor index, Scalar value) => InPlace("index_fill_.int_Scalar", this, dim, index, value);
    public Tensor index_put_(Tensor?[] indices, Tensor values, bool accumulate = false) => InPlace("index_put_", this, Arg.Indices(indices), values, accumulate);

    /// <summary>Without libtorch, from where it rests: as it is, or widened; null where that cannot be.</summary>
    private unsafe Tensor? Converted(ScalarType type)
    {
        if (Resting is not { } memory || wantsGradient) return null;
        if (type == hostType) return Shared(memory);
        if (type != ScalarType.Float32 || hostType is not (ScalarType.BFloat16 or ScalarType.Float16)) return null;
        var (wide, count) = (new HostMemory(numel * sizeof(float)), numel);
        var half = (ushort*)memory.Data;
        for (var i = 0L; i < count; i++)
            ((float*)wide.Data)[i] = hostType == ScalarType.BFloat16 ? BitConverter.UInt32BitsToSingle((uint)half[i] << 16) : (float)BitConverter.UInt16BitsToHalf(half[i]);
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
