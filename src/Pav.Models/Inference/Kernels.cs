using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>The element-wise and attention parts of a decoder layer on rows of float32. Rows are padded so that whole vectors can be read.</summary>
internal static unsafe class Kernels
{
    /// <summary>Positions that a key-value block holds.</summary>
    public const int Block = 16;

    public static int RoundUp(int n, int multiple) => (n + multiple - 1) / multiple * multiple;

    /// <summary>y = x / sqrt(mean(x²) + eps) · weight over <paramref name="n"/> values.</summary>
    public static void RmsNorm(float* x, float[] weight, float eps, float* y, int n)
    {
        var squares = Vector256<float>.Zero;
        var i = 0;
        for (; i + 8 <= n; i += 8)
        {
            var v = Vector256.Load(x + i);
            squares = Vector256.FusedMultiplyAdd(v, v, squares);
        }

        var sum = Vector256.Sum(squares);
        for (; i < n; i++) sum += x[i] * x[i];
        var scale = 1 / MathF.Sqrt(sum / n + eps);
        fixed (float* w = weight)
        {
            for (i = 0; i + 8 <= n; i += 8) (Vector256.Load(x + i) * scale * Vector256.Load(w + i)).Store(y + i);
            for (; i < n; i++) y[i] = x[i] * scale * w[i];
        }
    }

    /// <summary>Rotates the pairs (x[i], x[i + size/2]) of each head by the angles of one position.</summary>
    public static void Rotate(float* x, int heads, int size, float* cos, float* sin)
    {
        var half = size / 2;
        for (var h = 0; h < heads; h++, x += size)
            for (var i = 0; i < half; i++)
            {
                var (a, b) = (x[i], x[i + half]);
                x[i] = a * cos[i] - b * sin[i];
                x[i + half] = b * cos[i] + a * sin[i];
            }
    }

    /// <summary>gate = gate / (1 + exp(−gate)) · up.</summary>
    public static void SwiGlu(float* gate, float* up, int n)
    {
        var i = 0;
        for (; i + 8 <= n; i += 8)
        {
            var g = Vector256.Load(gate + i);
            (g / (Vector256<float>.One + Vector256.Exp(-g)) * Vector256.Load(up + i)).Store(gate + i);
        }

        for (; i < n; i++) gate[i] = gate[i] / (1 + MathF.Exp(-gate[i])) * up[i];
    }

    /// <summary>gate = GELU(gate) · up by the tanh approximation: x·(1 + tanh(z))/2 = x·σ(2z) with z = √(2/π)·(x + 0.044715·x³).</summary>
    public static void GeluGlu(float* gate, float* up, int n)
    {
        const float twice = 1.5957691216057308f, cubic = 0.044715f;
        var i = 0;
        for (; i + 8 <= n; i += 8)
        {
            var g = Vector256.Load(gate + i);
            var z = g * (Vector256<float>.One + g * g * cubic) * twice;
            (g / (Vector256<float>.One + Vector256.Exp(-z)) * Vector256.Load(up + i)).Store(gate + i);
        }

        for (; i < n; i++) gate[i] = gate[i] / (1 + MathF.Exp(-gate[i] * (1 + gate[i] * gate[i] * cubic) * twice)) * up[i];
    }

    /// <summary>x = cap·tanh(x·scale / cap) in place; whole vectors of 8 from the first are written.</summary>
    public static void SoftCap(float* x, int n, float scale, float cap)
    {
        var (factor, two) = (Vector256.Create(2 * scale / cap), Vector256.Create(2f));
        for (var i = 0; i < n; i += 8)
        {
            var e = Vector256.Exp(Vector256.Load(x + i) * factor);
            ((Vector256<float>.One - two / (e + Vector256<float>.One)) * cap).Store(x + i);
        }
    }

    /// <summary>x = max(x, 0) in place over whole vectors of 8.</summary>
    public static void Relu(float* x, int n)
    {
        for (var i = 0; i < n; i += 8) Vector256.Max(Vector256.Load(x + i), Vector256<float>.Zero).Store(x + i);
    }

    /// <summary>sum += x over n values.</summary>
    public static void Add(float* x, float* sum, int n, float factor)
    {
        for (var i = 0; i < n; i++) sum[i] += factor * x[i];
    }

    /// <summary>x = exp((x − max) · scale) in place over n values, padded to a multiple of 8 with zeros; answers the sum.</summary>
    public static float SoftmaxNumerators(float* x, int n, float scale)
    {
        var padded = RoundUp(n, 8);
        for (var i = n; i < padded; i++) x[i] = float.MinValue;
        var top = Vector256.Load(x);
        for (var i = 8; i < padded; i += 8) top = Vector256.Max(top, Vector256.Load(x + i));
        var max = float.MinValue;
        for (var i = 0; i < 8; i++) max = MathF.Max(max, top[i]);
        var (shift, sum, factor) = (Vector256.Create(max), Vector256<float>.Zero, Vector256.Create(scale));
        for (var i = 0; i < padded; i += 8)
        {
            var e = Vector256.Exp((Vector256.Load(x + i) - shift) * factor);
            e.Store(x + i);
            sum += e;
        }

        for (var i = n; i < padded; i++) x[i] = 0;
        return Vector256.Sum(sum);
    }

    /// <summary>scores[0..15] = q · K for the 16 positions of a key block [size, 16]; size is a multiple of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scores(float* q, float* keys, int size, float* scores)
    {
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (nint i = 0; i < size; i += 4, keys += 4 * Block)
        {
            var v = Vector256.Create(q[i]);
            a0 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys), a0);
            b0 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys + 8), b0);
            v = Vector256.Create(q[i + 1]);
            a1 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys + 16), a1);
            b1 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys + 24), b1);
            v = Vector256.Create(q[i + 2]);
            a2 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys + 32), a2);
            b2 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys + 40), b2);
            v = Vector256.Create(q[i + 3]);
            a3 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys + 48), a3);
            b3 = Vector256.FusedMultiplyAdd(v, Vector256.Load(keys + 56), b3);
        }

        (a0 + a1 + (a2 + a3)).Store(scores);
        (b0 + b1 + (b2 + b3)).Store(scores + 8);
    }

    /// <summary>
    /// One head of one row attends to its context: out [size] = softmax(q·Kᵀ·scale)·V over the positions [from, length) of the blocks, the scores softly capped
    /// where <paramref name="cap"/> is not 0. A block holds, at <paramref name="keys"/> and <paramref name="values"/> floats from its start, K as [size, 16] and V as
    /// [16, size].
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Attend(float* q, ReadOnlySpan<KvRun> blocks, int from, int length, long keys, long values, int size, float scale, float cap, float* scores, float* output)
    {
        var offset = 0;
        for (var b = 0; offset < length; b++)
        {
            Scores(q, blocks[b].Data + keys, size, scores + offset);
            offset += blocks[b].Count;
        }

        if (cap != 0)
        {
            SoftCap(scores, length, scale, cap);
            scale = 1;
        }

        // Positions outside the window stay in the sums, with weight 0: the order of additions, and so the bits, does not depend on how blocks lie.
        new Span<float>(scores, from).Fill(float.MinValue);
        var norm = 1 / SoftmaxNumerators(scores, length, scale);
        var d = 0;
        for (; d + 32 <= size; d += 32) Mix32(blocks, length, values + d, size, scores, norm, output + d);
        for (; d + 16 <= size; d += 16) Mix16(blocks, length, values + d, size, scores, norm, output + d);
        for (; d < size; d++)
        {
            float sum = 0;
            offset = 0;
            for (var b = 0; offset < length; offset += blocks[b++].Count)
                for (var t = 0; t < blocks[b].Count && offset + t < length; t++) sum += scores[offset + t] * blocks[b].Data[values + d + t * size];
            output[d] = sum * norm;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Mix32(ReadOnlySpan<KvRun> blocks, int length, long values, int size, float* weights, float norm, float* output)
    {
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
        var left = length;
        for (var b = 0; left > 0; b++)
        {
            var count = Math.Min(blocks[b].Count, left);
            var v = blocks[b].Data + values;
            for (var t = 0; t < count; t++, v += size)
            {
                var w = Vector256.Create(*weights++);
                a0 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v), a0);
                a1 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 8), a1);
                a2 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 16), a2);
                a3 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 24), a3);
            }

            left -= count;
        }

        (a0 * norm).Store(output);
        (a1 * norm).Store(output + 8);
        (a2 * norm).Store(output + 16);
        (a3 * norm).Store(output + 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Mix16(ReadOnlySpan<KvRun> blocks, int length, long values, int size, float* weights, float norm, float* output)
    {
        Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default;
        var left = length;
        for (var b = 0; left > 0; b++)
        {
            var count = Math.Min(blocks[b].Count, left);
            var v = blocks[b].Data + values;
            var t = 0;
            if ((length - left) % 2 == 1)
            {
                // Even positions add to a, odd ones to b, wherever blocks begin: the sum's bits depend on the context alone.
                var w = Vector256.Create(*weights++);
                b0 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v), b0);
                b1 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 8), b1);
                v += size;
                t++;
            }

            for (; t + 2 <= count; t += 2, v += 2 * size, weights += 2)
            {
                Vector256<float> w0 = Vector256.Create(weights[0]), w1 = Vector256.Create(weights[1]);
                a0 = Vector256.FusedMultiplyAdd(w0, Vector256.Load(v), a0);
                a1 = Vector256.FusedMultiplyAdd(w0, Vector256.Load(v + 8), a1);
                b0 = Vector256.FusedMultiplyAdd(w1, Vector256.Load(v + size), b0);
                b1 = Vector256.FusedMultiplyAdd(w1, Vector256.Load(v + size + 8), b1);
            }

            if (t < count)
            {
                var w = Vector256.Create(*weights++);
                a0 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v), a0);
                a1 = Vector256.FusedMultiplyAdd(w, Vector256.Load(v + 8), a1);
            }

            left -= count;
        }

        ((a0 + b0) * norm).Store(output);
        ((a1 + b1) * norm).Store(output + 8);
    }
}

/// <summary>The filled part of one key-value block.</summary>
internal readonly unsafe struct KvRun(float* data, int count)
{
    public readonly float* Data = data;
    public readonly int Count = count;
}
