using System.Runtime.InteropServices;
using static Pav.Torch.Native;
using static Pav.Torch.Operator;

namespace Pav.Torch;

/// <summary>PyTorch's free functions. `dtype` defaults to float32 (int64 for arange) and `device` to the CPU.</summary>
internal static unsafe class torch
{
    public const ScalarType float32 = ScalarType.Float32, float64 = ScalarType.Float64, bfloat16 = ScalarType.BFloat16,
        float16 = ScalarType.Float16, int64 = ScalarType.Int64, int32 = ScalarType.Int32, uint8 = ScalarType.UInt8, @bool = ScalarType.Bool;

    public static readonly Device CPU = new("cpu");
    public static readonly Device CUDA = new("cuda");

    // Making
    public static Tensor zeros(long[] shape, ScalarType dtype = float32, Device? device = null) =>
        call("zeros", shape, dtype, Arg.None, device);
    public static Tensor ones(long[] shape, ScalarType dtype = float32, Device? device = null) =>
        call("ones", shape, dtype, Arg.None, device);
    public static Tensor full(long[] shape, Scalar value, ScalarType dtype = float32, Device? device = null) =>
        call("full", shape, value, dtype, Arg.None, device);
    public static Tensor randn(long[] shape, ScalarType dtype = float32, Device? device = null) =>
        call("randn", shape, dtype, Arg.None, device);
    public static Tensor arange(Scalar end, ScalarType dtype = int64, Device? device = null) =>
        call("arange", end, dtype, Arg.None, device);
    public static Tensor zeros_like(Tensor like) => call("zeros_like", like);

    /// <summary>A CPU tensor with a copy of the values, in row-major order; without a shape, a vector.</summary>
    public static Tensor tensor(ReadOnlySpan<float> values, params long[] shape) => Copy(values, float32, shape);
    public static Tensor tensor(ReadOnlySpan<double> values, params long[] shape) => Copy(values, float64, shape);
    public static Tensor tensor(ReadOnlySpan<long> values, params long[] shape) => Copy(values, int64, shape);
    public static Tensor tensor(ReadOnlySpan<int> values, params long[] shape) => Copy(values, int32, shape);
    public static Tensor tensor(ReadOnlySpan<bool> values, params long[] shape) => Copy(values, @bool, shape);

    // The array overloads keep `tensor(new float[] {…})` from being ambiguous.
    public static Tensor tensor(float[] values, params long[] shape) => Copy<float>(values, float32, shape);
    public static Tensor tensor(double[] values, params long[] shape) => Copy<double>(values, float64, shape);
    public static Tensor tensor(long[] values, params long[] shape) => Copy<long>(values, int64, shape);
    public static Tensor tensor(int[] values, params long[] shape) => Copy<int>(values, int32, shape);
    public static Tensor tensor(bool[] values, params long[] shape) => Copy<bool>(values, @bool, shape);

    /// <summary>A zero-dimensional CPU tensor.</summary>
    public static Tensor scalar(double value, ScalarType dtype = float32) => call("scalar_tensor", value, dtype);

    // Joining and choosing
    public static Tensor cat(Tensor[] tensors, long dim = 0) => call("cat", tensors, dim);
    public static Tensor stack(Tensor[] tensors, long dim = 0) => call("stack", tensors, dim);
    public static bool equal(Tensor a, Tensor b) => callBool("equal", a, b);

    // State of the thread and of the process

    /// <summary>No gradients on this thread until it is disposed.</summary>
    public static GradGuard no_grad() => new(false);
    public static bool is_grad_enabled() => pav_grad_enabled() != 0;

    /// <summary>Tensors made on this thread belong to the new scope, which frees them.</summary>
    public static DisposeScope NewDisposeScope() => new();

    public static void manual_seed(long seed)
    {
        if (pav_manual_seed((ulong)seed) != 0) throw new TorchException($"manual_seed({seed}): {LastError()}");
    }

    public static int get_num_threads() => pav_num_threads();

    public static void set_num_threads(int threads)
    {
        if (pav_set_num_threads(threads) != 0) throw new TorchException($"set_num_threads({threads}): {LastError()}");
    }

    public static int cuda_device_count() => pav_cuda_devices();
    public static bool cuda_is_available() => cuda_device_count() > 0;

    /// <summary>Something of libtorch was needed in this process.</summary>
    public static bool is_loaded => Loaded;

    /// <summary>The version of the libtorch that the shim was built against.</summary>
    public static string version => Marshal.PtrToStringUTF8(pav_version())!;

    /// <summary>Native tensor handles that are not freed yet, in the whole process.</summary>
    public static long live_tensors => pav_live_tensors();

    private static Tensor Copy<T>(ReadOnlySpan<T> values, ScalarType dtype, long[] shape) where T : unmanaged
    {
        if (shape.Length == 0) shape = [values.Length];
        var wanted = 1L;
        foreach (var size in shape) wanted *= size;
        if (wanted != values.Length)
            throw new TorchException($"tensor: {values.Length} values do not fill the shape [{string.Join(", ", shape)}]");
        fixed (T* data = values) return FromMemory(data, dtype, shape);
    }

    internal static Tensor FromMemory(void* data, ScalarType dtype, long[] shape)
    {
        var bytes = shape.Aggregate((long)dtype.Size(), (product, size) => product * size);
        var memory = new HostMemory(bytes);
        System.Buffer.MemoryCopy(data, memory.Data, bytes, bytes);
        return new(memory, dtype, shape);
    }
}

/// <summary>Restores the thread's gradient mode when it is disposed.</summary>
internal readonly struct GradGuard : IDisposable
{
    private readonly bool before;

    internal GradGuard(bool enabled)
    {
        before = torch.is_grad_enabled();
        pav_set_grad_enabled(enabled ? 1 : 0);
    }

    public void Dispose() => pav_set_grad_enabled(before ? 1 : 0);
}
