using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>
/// y += x·Wᵀ with W in int8: a float32 scale for each output and <see cref="Block"/> inputs, and x rounded in the same way, row by row, as
/// it comes. Products are summed in int32 within a block, exactly, and the blocks' sums in float32 in their order. So a row's result is the
/// same bits whatever rows are beside it, on every <see cref="Int8Path"/>.
/// </summary>
internal sealed unsafe class Int8Panels : IDisposable
{
    public const int Panel = PackedLinear.Panel;

    /// <summary>Inputs that share a scale.</summary>
    public const int Block = 64;

    /// <summary>Rounded inputs lie within ±127 of this, so that they are bytes without a sign, as the instructions want them.</summary>
    public const int Zero = 128;

    /// <summary>
    /// A panel's block: 16 scales; where its 16 sums start (−<see cref="Zero"/> times the sum of weights, int32); then, for each four
    /// inputs, the weights of 16 outputs, four and four.
    /// </summary>
    public const int BlockBytes = Panel * (sizeof(float) + sizeof(int) + Block);

    /// <summary>Rows that are rounded before they are multiplied.</summary>
    private const int Most = 96;

    private const float Limit = 127;

    private readonly int inputs, blocks;
    private byte* panels;

    /// <param name="inputs">Inputs of each output.</param>
    /// <param name="stride">Outputs rounded up to whole panels; those without weights give 0.</param>
    public Int8Panels(int inputs, int stride)
    {
        (this.inputs, blocks) = (inputs, (inputs + Block - 1) / Block);
        var bytes = (nuint)((long)stride / Panel * blocks * BlockBytes);
        panels = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(panels, bytes);
    }

    /// <summary>Rounds the weights of an output: the largest of a block becomes ±127.</summary>
    public void Pack(StoredMatrix weight, int from, int output)
    {
        for (var b = 0; b < blocks; b++)
        {
            var (first, count) = (b * Block, Math.Min(Block, inputs - b * Block));
            var most = 0f;
            for (var i = 0; i < count; i++) most = MathF.Max(most, MathF.Abs(weight[from, first + i]));
            var block = panels + ((long)(output / Panel) * blocks + b) * BlockBytes;
            var into = (sbyte*)block + Panel * (sizeof(float) + sizeof(int)) + output % Panel * 4;
            var sum = 0;
            for (var i = 0; i < count && most > 1e-35f; i++)
            {
                var q = (int)MathF.Round(weight[from, first + i] * Limit / most);
                into[i / 4 * 4 * Panel + i % 4] = (sbyte)q;
                sum += q;
            }

            ((float*)block)[output % Panel] = most / Limit;
            ((int*)block)[Panel + output % Panel] = -Zero * sum;
        }
    }

    /// <summary>y [rows, yStride] += x [rows, xStride]·Wᵀ for the outputs [from, to), which begin with a whole panel.</summary>
    public void AddProduct(float* x, int xStride, float* y, int yStride, int rows, int from, int to, Int8Path path)
    {
        var width = blocks * Block;
        var words = path == Int8Path.Words;
        var space = ArrayPool<byte>.Shared.Rent(Math.Min(rows, Most) * (blocks * sizeof(float) + width * (words ? 2 : 1)) + 64);
        fixed (byte* start = space)
            for (; rows > 0; rows -= Most, x += (long)Most * xStride, y += (long)Most * yStride)
            {
                var n = Math.Min(rows, Most);
                var scales = (float*)(((nint)start + 63) & ~63);
                var rounded = (byte*)(scales + n * blocks);
                for (var r = 0; r < n; r++)
                {
                    var into = rounded + (long)r * width * (words ? 2 : 1);
                    Round(x + (long)r * xStride, scales + r * blocks, into);
                    if (words) Widen(into, width);
                }

                var first = panels + (long)(from / Panel) * blocks * BlockBytes;
                Int8Kernels.AddProduct(path, rounded, scales, n, first, blocks, y + from, yStride, (to - from + Panel - 1) / Panel);
            }

        ArrayPool<byte>.Shared.Return(space);
    }

    /// <summary>A row of x by blocks: the largest becomes ±127, and each value the nearest whole number, to even where two are.</summary>
    private void Round(float* x, float* scales, byte* into)
    {
        var tail = stackalloc float[Block];
        for (var b = 0; b < blocks; b++, x += Block, into += Block)
        {
            var from = x;
            if (inputs - b * Block is < Block and var count)
            {
                new ReadOnlySpan<float>(x, count).CopyTo(new(tail, count));
                from = tail;
            }

            var largest = Vector256<float>.Zero;
            for (var i = 0; i < Block; i += 8) largest = Vector256.Max(largest, Vector256.Abs(Vector256.Load(from + i)));
            var halves = Vector128.Max(largest.GetLower(), largest.GetUpper());
            var most = MathF.Max(MathF.Max(halves[0], halves[1]), MathF.Max(halves[2], halves[3]));
            scales[b] = most / Limit;
            // For what is smaller the factor is beyond the largest float32.
            var factor = most > 1e-35f ? Limit / most : 0;

            for (var i = 0; i < Block; i += 32, from += 32)
                Vector256.Narrow(Vector256.Narrow(Whole(from, factor), Whole(from + 8, factor)),
                    Vector256.Narrow(Whole(from + 16, factor), Whole(from + 24, factor))).Store(into + i);
        }
    }

    /// <summary>Added to a number of this size a float32 keeps no fraction, and ends in a byte that is the whole number and Zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Whole(float* x, float factor) =>
        (Vector256.Load(x) * factor + Vector256.Create(12582912f + Zero)).AsUInt32() & Vector256.Create(0xFFu);

    /// <summary>
    /// Bytes of a row to words: of each four the first and the third, for all fours; then the second and the fourth.
    /// </summary>
    private static void Widen(byte* row, int width)
    {
        for (var i = 0; i < width; i += 32)
        {
            var bytes = Vector256.Load(row + i).AsUInt16();
            (bytes >>> 8).Store((ushort*)(row + width + i));
            (bytes & Vector256.Create((ushort)0xFF)).Store((ushort*)(row + i));
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(panels);
        panels = null;
    }
}
