using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pav.Torch;

/// <summary>The functions of native/pav_torch.cpp. Handles are raw here; <see cref="Tensor"/> owns them.</summary>
internal static unsafe partial class Native
{
    private const string Library = "pav_torch";

    internal enum Tag : long { None, Tensor, Int, Double, Bool, IntList, DoubleList, TensorList, String, Device }

    [StructLayout(LayoutKind.Explicit, Size = 24)]
    internal struct Value
    {
        [FieldOffset(0)] public Tag Tag;
        [FieldOffset(8)] public long Int;
        [FieldOffset(8)] public double Double;
        [FieldOffset(8)] public nint Pointer;
        [FieldOffset(16)] public long Count;
    }

    [LibraryImport(Library)] internal static partial nint pav_error();
    [LibraryImport(Library)] internal static partial nint pav_version();
    [LibraryImport(Library)] internal static partial long pav_live_tensors();
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint pav_find(string name,
        string overload);
    [LibraryImport(Library)] internal static partial int pav_call(nint op, Value* args, int argCount, Value* results, int capacity,
        int* count);
    [LibraryImport(Library)] internal static partial void pav_free(nint tensor);
    [LibraryImport(Library)] internal static partial nint pav_on_memory(void* data, long* sizes, int dim, int dtype,
        delegate* unmanaged[Cdecl]<nint, void> release, nint holder);
    [LibraryImport(Library), SuppressGCTransition] internal static partial void* pav_data(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int pav_dim(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long pav_numel(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int pav_dtype(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int pav_device_type(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int pav_device_index(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int pav_is_contiguous(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int pav_requires_grad(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial void pav_shape(nint tensor, long* sizes, long* strides);
    [LibraryImport(Library)] internal static partial int pav_set_requires_grad(nint tensor, int value);
    [LibraryImport(Library)] internal static partial int pav_backward(nint tensor, nint gradient, int retainGraph);
    [LibraryImport(Library)] internal static partial nint pav_grad(nint tensor);
    [LibraryImport(Library)] internal static partial int pav_set_grad(nint tensor, nint gradient);
    [LibraryImport(Library)] internal static partial int pav_item(nint tensor, Value* result);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int pav_grad_enabled();
    [LibraryImport(Library), SuppressGCTransition] internal static partial void pav_set_grad_enabled(int enabled);
    [LibraryImport(Library)] internal static partial int pav_manual_seed(ulong seed);
    [LibraryImport(Library)] internal static partial int pav_num_threads();
    [LibraryImport(Library)] internal static partial int pav_set_num_threads(int threads);
    [LibraryImport(Library)] internal static partial int pav_cuda_devices();

    /// <summary>
    /// The quick calls, each apart: the compiler resolves one as soon as it compiles what holds it, and that would load libtorch for
    /// tensors that rest in our own memory.
    /// </summary>
    internal static class Facts
    {
        private const MethodImplOptions Apart = MethodImplOptions.NoInlining;

        [MethodImpl(Apart)] internal static nint Data(nint tensor) => (nint)pav_data(tensor);
        [MethodImpl(Apart)] internal static int Dim(nint tensor) => pav_dim(tensor);
        [MethodImpl(Apart)] internal static long Numel(nint tensor) => pav_numel(tensor);
        [MethodImpl(Apart)] internal static ScalarType Type(nint tensor) => (ScalarType)pav_dtype(tensor);
        [MethodImpl(Apart)] internal static Device Place(nint tensor) => new(pav_device_type(tensor), pav_device_index(tensor));
        [MethodImpl(Apart)] internal static bool IsContiguous(nint tensor) => pav_is_contiguous(tensor) != 0;
        [MethodImpl(Apart)] internal static bool RequiresGrad(nint tensor) => pav_requires_grad(tensor) != 0;

        [MethodImpl(Apart)]
        internal static long[] Shape(nint tensor)
        {
            var rank = pav_dim(tensor);
            var (read, strides) = (new long[rank], new long[rank]);
            fixed (long* into = read, beside = strides) pav_shape(tensor, into, beside);
            return read;
        }
    }

    /// <summary>libtorch's last message on this thread: its first line.</summary>
    internal static string LastError()
    {
        var message = Marshal.PtrToStringUTF8(pav_error()) ?? "";
        var end = message.IndexOf('\n');
        return end < 0 ? message : message[..end];
    }

    internal static void Check(int status, string operation, Tensor tensor)
    {
        if (status != 0) throw new TorchException($"{operation}({tensor.Describe()}): {LastError()}");
    }

    /// <summary>Something of libtorch was called in this process.</summary>
    internal static bool Loaded { get; private set; }

    static Native() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, Resolve);

    /// <summary>PAV_NATIVE names the shim; otherwise it is native/build/libpav_torch.so in a parent of the program.</summary>
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? search)
    {
        if (name != Library) return 0;
        if (Environment.GetEnvironmentVariable("PAV_NATIVE") is { Length: > 0 } given) return Load(given);
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var path = Path.Combine(directory.FullName, "native", "build", "libpav_torch.so");
            if (File.Exists(path)) return Load(path);
        }
        throw new TorchException(
            $"the libtorch shim native/build/libpav_torch.so was not found above {AppContext.BaseDirectory}: in a checkout of pav "
            + "./pav builds it for --device torch or cuda; set PAV_NATIVE to its path");
    }

    private static nint Load(string path)
    {
        try
        {
            var loaded = NativeLibrary.Load(path);
            Loaded = true;
            return loaded;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new TorchException(
                $"the libtorch shim {path} does not load ({e.Message.Split('\n')[0]}): in a checkout of pav ./pav builds it "
                + "anew for --device torch or cuda, and LIBTORCH names a libtorch that works here");
        }
    }
}

/// <summary>A native operation failed: names the operation, its operands and libtorch's reason.</summary>
public sealed class TorchException(string message) : Exception(message);
