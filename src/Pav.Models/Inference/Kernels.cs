using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>The element-wise and attention parts of a decoder layer on rows of float32. Rows are padded so that whole vectors can be
/// read.</summary>
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

    /// <summary>Rotates the pairs (x[i], x[i + rotated/2]) of each head by the angles of one position.</summary>
    public static void Rotate(float* x, int heads, int size, int rotated, float* cos, float* sin)
    {
        var half = rotated / 2;
        for (var h = 0; h < heads; h++, x += size)
        {
            var i = 0;
            for (; i + 8 <= half; i += 8)
            {
                var (a, b, c, s) = (Vector256.Load(x + i), Vector256.Load(x + i + half), Vector256.Load(cos + i), Vector256.Load(sin + i));
                (a * c - b * s).Store(x + i);
                (b * c + a * s).Store(x + i + half);
            }

            for (; i < half; i++)
            {
                var (a, b) = (x[i], x[i + half]);
                x[i] = a * cos[i] - b * sin[i];
                x[i + half] = b * cos[i] + a * sin[i];
            }
        }
    }

    /// <summary>x = x·σ(gate) in place over n values.</summary>
    public static void SigmoidGate(float* x, float* gate, int n)
    {
        var i = 0;
        for (; i + 8 <= n; i += 8)
            (Vector256.Load(x + i) / (Vector256<float>.One + Vector256.Exp(-Vector256.Load(gate + i)))).Store(x + i);
        for (; i < n; i++) x[i] /= 1 + MathF.Exp(-gate[i]);
    }

    /// <summary>gate = gate / (1 + exp(−gate)) · up.</summary>
    public static void SwiGlu(float* gate, float* up, int n)
    {
        var i = 0;
        if (Vector512.IsHardwareAccelerated)
            for (; i + 16 <= n; i += 16)
            {
                var g = Vector512.Load(gate + i);
                (g / (Vector512<float>.One + Vector512.Exp(-g)) * Vector512.Load(up + i)).Store(gate + i);
            }

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

    /// <summary>sum += factor·x over n values.</summary>
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
        var (shift, sum, factor, at) = (Vector256.Create(max), Vector256<float>.Zero, Vector256.Create(scale), 0);
        if (Vector512.IsHardwareAccelerated)
            for (; at + 16 <= padded; at += 16)
            {
                var e = Vector512.Exp((Vector512.Load(x + at) - Vector512.Create(max)) * Vector512.Create(scale));
                e.Store(x + at);
                sum = sum + e.GetLower() + e.GetUpper();
            }

        for (; at < padded; at += 8)
        {
            var e = Vector256.Exp((Vector256.Load(x + at) - shift) * factor);
            e.Store(x + at);
            sum += e;
        }

        for (var i = n; i < padded; i++) x[i] = 0;
        return Vector256.Sum(sum);
    }
}

/// <summary>The filled part of one key-value block.</summary>
internal readonly unsafe struct KvRun(void* data, int count)
{
    public readonly void* Data = data;
    public readonly int Count = count;
}
