using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pav.Torch;

/// <summary>
/// Memory of this process in which tensors are before libtorch has anything to do with them: weights are read, kept, trained by kernels of our own, and written without it. The first
/// operator that is called on such a tensor makes it libtorch's, on the same memory. Freed when the last tensor on it is.
/// </summary>
internal sealed unsafe class HostMemory
{
    private int holders = 1;

    public HostMemory(long bytes)
    {
        Data = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 64), 64);
        GC.AddMemoryPressure(Bytes = Math.Max(bytes, 64));
    }

    public void* Data { get; }

    private long Bytes { get; }

    public HostMemory Hold()
    {
        Interlocked.Increment(ref holders);
        return this;
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref holders) > 0) return;
        NativeMemory.AlignedFree(Data);
        GC.RemoveMemoryPressure(Bytes);
    }

    /// <summary>A tensor of libtorch on the memory, which it holds until its storage is freed.</summary>
    public nint ToLibtorch(ScalarType type, long[] shape)
    {
        var holder = GCHandle.ToIntPtr(GCHandle.Alloc(Hold()));
        nint made;
        fixed (long* sizes = shape) made = Native.pav_on_memory(Data, sizes, shape.Length, (int)type, Pointer, holder);
        if (made != 0) return made;
        Release(holder);
        throw new TorchException($"tensor([{string.Join(", ", shape)}] {type.Name()}): {Native.LastError()}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ReleaseFromNative(nint holder) => Release(holder);

    private static delegate* unmanaged[Cdecl]<nint, void> Pointer => &ReleaseFromNative;

    private static void Release(nint holder)
    {
        var handle = GCHandle.FromIntPtr(holder);
        ((HostMemory)handle.Target!).Release();
        handle.Free();
    }
}
