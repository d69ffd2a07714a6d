using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pav.Models.Inference;

/// <summary>
/// What sampling computes otherwise than training (<see cref="Cpu.RowKernels"/>), to the last bit: gates by a division, and sums whose
/// products are rounded first.
/// </summary>
internal static unsafe class Kernels
{
    /// <summary>Positions that a key-value block holds.</summary>
    public const int Block = 16;

    public static int RoundUp(int n, int multiple) => (n + multiple - 1) / multiple * multiple;

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
}

/// <summary>The filled part of one key-value block.</summary>
internal readonly unsafe struct KvRun(void* data, int count)
{
    public readonly void* Data = data;
    public readonly int Count = count;
}
