using System.Runtime.Intrinsics;

namespace Pav.Models.Cpu;

/// <summary>
/// The parts of a decoder layer between its products, on rows of float32, each with its gradient. A gradient is added to or written over
/// what is there, as its name says.
/// </summary>
internal static unsafe class RowKernels
{
    /// <summary>y = x·s·w with s = 1/√(mean(x²) + eps) of each row, which is kept.</summary>
    public static void RmsNorm(float* x, int xStride, int rows, int n, float* w, float eps, float* y, int yStride, float* scales)
    {
        for (var r = 0; r < rows; r++, x += xStride, y += yStride) scales[r] = RmsNorm(x, w, eps, y, n);
    }

    public static void RmsNorm(float* x, float[] weight, float eps, float* y, int n)
    {
        fixed (float* w = weight) RmsNorm(x, w, eps, y, n);
    }

    /// <summary>Of one row; answers s.</summary>
    private static float RmsNorm(float* x, float* w, float eps, float* y, int n)
    {
        var (s, i) = (1 / MathF.Sqrt(Dot(x, x, n) / n + eps), 0);
        for (; i + 8 <= n; i += 8) (Vector256.Load(x + i) * s * Vector256.Load(w + i)).Store(y + i);
        for (; i < n; i++) y[i] = x[i] * s * w[i];
        return s;
    }

    /// <summary>dx (+)= s·(w∘dy) − x·s³/n·Σ w∘dy∘x; dw += Σ dy∘x·s unless it is null.</summary>
    public static void RmsNormGradient(
        float* dy, int dyStride, float* x, int xStride, int rows, int n, float* w, float* scales, float* dx, int dxStride, bool accumulate,
            float* dw)
    {
        for (var r = 0; r < rows; r++, dy += dyStride, x += xStride, dx += dxStride)
        {
            var (sums, i, s) = (Vector256<float>.Zero, 0, scales[r]);
            for (; i + 8 <= n; i += 8) sums = Vector256.FusedMultiplyAdd(Vector256.Load(w + i) * Vector256.Load(dy + i),
                Vector256.Load(x + i), sums);
            var sum = Vector256.Sum(sums);
            for (; i < n; i++) sum += w[i] * dy[i] * x[i];
            var back = -s * s * s * sum / n;
            for (i = 0; i + 8 <= n; i += 8)
            {
                var (v, d) = (Vector256.Load(x + i), Vector256.Load(dy + i));
                var g = d * Vector256.Load(w + i) * s + v * back;
                (accumulate ? Vector256.Load(dx + i) + g : g).Store(dx + i);
                if (dw != null) Vector256.FusedMultiplyAdd(d, v * s, Vector256.Load(dw + i)).Store(dw + i);
            }

            for (; i < n; i++)
            {
                var (v, d) = (x[i], dy[i]);
                dx[i] = (accumulate ? dx[i] : 0) + d * w[i] * s + v * back;
                if (dw != null) dw[i] += d * v * s;
            }
        }
    }

    /// <summary>
    /// Turns the pairs (x[i], x[i + rotated/2]) of each head by the angles of one position, in place, and multiplies all of the head by a
    /// factor. Its gradient is the turn back: <paramref name="direction"/> −1.
    /// </summary>
    public static void Rotate(float* x, int heads, int size, int rotated, float* cos, float* sin, float direction = 1,
        float factor = 1)
    {
        var half = rotated / 2;
        for (var h = 0; h < heads; h++, x += size)
        {
            var i = 0;
            for (; i + 8 <= half; i += 8)
            {
                Vector256<float> c = Vector256.Load(cos + i) * factor, s = Vector256.Load(sin + i) * (direction * factor),
                    a = Vector256.Load(x + i), b = Vector256.Load(x + half + i);
                (a * c - b * s).Store(x + i);
                (b * c + a * s).Store(x + half + i);
            }

            for (; i < half; i++)
            {
                var (c, s, a, b) = (cos[i] * factor, sin[i] * (direction * factor), x[i], x[half + i]);
                x[i] = a * c - b * s;
                x[half + i] = b * c + a * s;
            }

            for (i = rotated; factor != 1 && i < size; i++) x[i] *= factor;
        }
    }

    /// <summary>y = x·σ(gate).</summary>
    public static void SigmoidGate(float* gate, float* x, float* y, int n)
    {
        for (var i = 0; i < n; i += 8) (Vector256.Load(x + i) * Sigmoid(Vector256.Load(gate + i))).Store(y + i);
    }

    /// <summary>From dy: gate becomes its gradient, and dy that of x.</summary>
    public static void SigmoidGateGradient(float* gate, float* x, float* dy, int n)
    {
        for (var i = 0; i < n; i += 8)
        {
            var (s, d) = (Sigmoid(Vector256.Load(gate + i)), Vector256.Load(dy + i));
            (d * Vector256.Load(x + i) * s * (Vector256<float>.One - s)).Store(gate + i);
            (d * s).Store(dy + i);
        }
    }

    /// <summary>y = f(gate)·up over whole vectors of 8; f is x·σ(x), or GELU by its tanh approximation.</summary>
    public static void Gate(float* gate, float* up, float* y, int n, bool gelu)
    {
        for (var i = 0; i < n; i += 8)
        {
            var g = Vector256.Load(gate + i);
            (g * Sigmoid(gelu ? Inner(g) : g) * Vector256.Load(up + i)).Store(y + i);
        }
    }

    /// <summary>From dy: gate becomes its gradient, up its own, and dy becomes y.</summary>
    public static void GateGradient(float* gate, float* up, float* dy, int n, bool gelu)
    {
        for (var i = 0; i < n; i += 8)
        {
            Vector256<float> g = Vector256.Load(gate + i), u = Vector256.Load(up + i), d = Vector256.Load(dy + i);
            var s = Sigmoid(gelu ? Inner(g) : g);
            var f = g * s;
            var slope = f * (Vector256<float>.One - s);
            if (gelu) slope *= Twice * (Vector256<float>.One + g * g * (3 * Cubic));
            (d * u * (s + slope)).Store(gate + i);
            (d * f).Store(up + i);
            (f * u).Store(dy + i);
        }
    }

    /// <summary>x = cap·tanh(x·scale / cap) in place over n values; whole vectors of 8 are written.</summary>
    public static void Cap(float* x, int n, float cap, float scale = 1)
    {
        for (var i = 0; i < n; i += 8)
            ((Vector256<float>.One - Vector256.Create(2f) / (Vector256.Exp(Vector256.Load(x + i) * (2 * scale / cap))
                + Vector256<float>.One)) * cap).Store(x + i);
    }

    /// <summary>gradient ·= 1 − (capped / cap)².</summary>
    public static void CapGradient(float* capped, float* gradient, int n, float cap)
    {
        for (var i = 0; i < n; i += 8)
        {
            var t = Vector256.Load(capped + i) * (1 / cap);
            (Vector256.Load(gradient + i) * (Vector256<float>.One - t * t)).Store(gradient + i);
        }
    }

    /// <summary>
    /// x = softmax(x) in place over n values; answers the logarithm of the sum of exponentials, from which <see cref="Weights"/> gives the
    /// same again. What follows up to a whole vector of 8 becomes 0.
    /// </summary>
    public static float Softmax(float* x, int n)
    {
        var padded = (n + 7) / 8 * 8;
        var (max, sum) = Exponentials(x, n, 1);
        for (var i = 0; i < padded; i += 8) (Vector256.Load(x + i) * (1 / sum)).Store(x + i);
        return max + MathF.Log(sum);
    }

    /// <summary>
    /// x = exp((x − max)·scale) in place over n values, padded to a multiple of 8 with zeros; answers the largest that was there, and the
    /// sum.
    /// </summary>
    public static (float Max, float Sum) Exponentials(float* x, int n, float scale)
    {
        var padded = (n + 7) / 8 * 8;
        for (var i = n; i < padded; i++) x[i] = float.MinValue;
        var top = Vector256.Load(x);
        for (var i = 8; i < padded; i += 8) top = Vector256.Max(top, Vector256.Load(x + i));
        var max = top[0];
        for (var i = 1; i < 8; i++) max = MathF.Max(max, top[i]);
        var (shift, sum, factor, done) = (Vector256.Create(max), Vector256<float>.Zero, Vector256.Create(scale), 0);
        if (Vector512.IsHardwareAccelerated)
            for (; done + 16 <= padded; done += 16)
            {
                var e = Vector512.Exp((Vector512.Load(x + done) - Vector512.Create(max)) * Vector512.Create(scale));
                e.Store(x + done);
                sum = sum + e.GetLower() + e.GetUpper();
            }

        for (; done < padded; done += 8)
        {
            var e = Vector256.Exp((Vector256.Load(x + done) - shift) * factor);
            e.Store(x + done);
            sum += e;
        }

        for (var i = n; i < padded; i++) x[i] = 0;
        return (max, Vector256.Sum(sum));
    }

    /// <summary>x = exp(x − logSum) in place; what follows up to a whole vector of 8 becomes 0.</summary>
    public static void Weights(float* x, int n, float logSum)
    {
        for (var i = 0; i < n; i += 8) Vector256.Exp(Vector256.Load(x + i) - Vector256.Create(logSum)).Store(x + i);
        for (var i = n; i % 8 != 0; i++) x[i] = 0;
    }

    /// <summary>dp = p∘(dp − shift) over whole vectors of 8: a softmax's gradient, where shift is Σ p∘dp.</summary>
    public static void SoftmaxGradient(float* p, float* dp, int n, float shift)
    {
        for (var i = 0; i < n; i += 8) (Vector256.Load(p + i) * (Vector256.Load(dp + i) - Vector256.Create(shift))).Store(dp + i);
    }

    public static float Dot(float* a, float* b, int n)
    {
        var (sums, i) = (Vector256<float>.Zero, 0);
        for (; i + 8 <= n; i += 8) sums = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sums);
        var sum = Vector256.Sum(sums);
        for (; i < n; i++) sum += a[i] * b[i];
        return sum;
    }

    /// <summary>sum += x·factor over n values.</summary>
    public static void Add(float* x, float* sum, long n, float factor = 1)
    {
        long i = 0;
        for (; i + 8 <= n; i += 8) Vector256.FusedMultiplyAdd(Vector256.Load(x + i), Vector256.Create(factor),
            Vector256.Load(sum + i)).Store(sum + i);
        for (; i < n; i++) sum[i] = MathF.FusedMultiplyAdd(x[i], factor, sum[i]);
    }

    public static void Copy(float* from, int fromStride, float* to, int toStride, int rows, int columns)
    {
        for (var r = 0; r < rows; r++) new ReadOnlySpan<float>(from + (long)r * fromStride,
            columns).CopyTo(new(to + (long)r * toStride, columns));
    }

    private const float Twice = 1.5957691216057308f, Cubic = 0.044715f;

    /// <summary>2·√(2/π)·(g + 0.044715·g³): GELU's tanh approximation is g·σ of it.</summary>
    private static Vector256<float> Inner(Vector256<float> g) => g * (Vector256<float>.One + g * g * Cubic) * Twice;

    private static Vector256<float> Sigmoid(Vector256<float> x) => Vector256<float>.One / (Vector256<float>.One + Vector256.Exp(-x));
}
