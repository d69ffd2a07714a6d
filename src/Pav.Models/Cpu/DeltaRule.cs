using System.Runtime.Intrinsics;
using Pav.Models.Decoders;

namespace Pav.Models.Cpu;

/// <summary>
/// The parts of a <see cref="DeltaNet"/> layer between its products, one token at a time. Vectors are whole eights. The bits of a result
/// depend on the tokens before it alone.
/// </summary>
internal static unsafe class DeltaRule
{
    /// <summary>How much of its state a head keeps: e^(−rate·log(1 + e^x)).</summary>
    public static float Keep(float rate, float x) => (float)Math.Exp(-rate * Softplus(x));

    public static double Softplus(double x) => x > 30 ? x : Math.Log(1 + Math.Exp(x));

    public static float Sigmoid(float x) => 1 / (1 + MathF.Exp(-x));

    /// <summary>y = Σ w[j]∘x[j] of four tokens, the last of them the current one; w [4, n].</summary>
    public static void Convolve(float* x0, float* x1, float* x2, float* x3, float* w, int n, float* y)
    {
        float* w1 = w + n, w2 = w1 + n, w3 = w2 + n;
        for (var i = 0; i < n; i += 8)
        {
            var sum = Vector256.Load(w + i) * Vector256.Load(x0 + i);
            sum = Vector256.FusedMultiplyAdd(Vector256.Load(w1 + i), Vector256.Load(x1 + i), sum);
            sum = Vector256.FusedMultiplyAdd(Vector256.Load(w2 + i), Vector256.Load(x2 + i), sum);
            Vector256.FusedMultiplyAdd(Vector256.Load(w3 + i), Vector256.Load(x3 + i), sum).Store(y + i);
        }
    }

    /// <summary>y = x·σ(x); both may be one.</summary>
    public static void Silu(float* x, int n, float* y)
    {
        for (var i = 0; i < n; i += 8) Silu(Vector256.Load(x + i)).Store(y + i);
    }

    /// <summary>x becomes x·factor/√(Σx² + eps); answers what it was multiplied by.</summary>
    public static float Unit(float* x, int n, float factor)
    {
        var scale = factor / MathF.Sqrt(RowKernels.Dot(x, x, n) + DeltaNet.LengthEps);
        for (var i = 0; i < n; i += 8) (Vector256.Load(x + i) * scale).Store(x + i);
        return scale;
    }

    /// <summary>
    /// One token of one head: S ← keep·S, d = write·(v − Sᵀk), S ← S + k·dᵀ, o = Sᵀq.
    /// </summary>
    /// <param name="s">[keys, values].</param>
    /// <param name="d">What the token writes.</param>
    public static void Step(float* s, int keys, int values, float* q, float* k, float* v, float keep, float write, float* d, float* o)
    {
        var j = 0;
        for (; j + 32 <= values; j += 32)
        {
            Vector256<float> a = default, b = default, c = default, e = default;
            var row = s + j;
            for (var i = 0; i < keys; i++, row += values)
            {
                var key = Vector256.Create(k[i]);
                Vector256<float> r0 = Vector256.Load(row) * keep, r1 = Vector256.Load(row + 8) * keep, r2 = Vector256.Load(row + 16) * keep,
                    r3 = Vector256.Load(row + 24) * keep;
                r0.Store(row);
                r1.Store(row + 8);
                r2.Store(row + 16);
                r3.Store(row + 24);
                a = Vector256.FusedMultiplyAdd(r0, key, a);
                b = Vector256.FusedMultiplyAdd(r1, key, b);
                c = Vector256.FusedMultiplyAdd(r2, key, c);
                e = Vector256.FusedMultiplyAdd(r3, key, e);
            }

            a = (Vector256.Load(v + j) - a) * write;
            b = (Vector256.Load(v + j + 8) - b) * write;
            c = (Vector256.Load(v + j + 16) - c) * write;
            e = (Vector256.Load(v + j + 24) - e) * write;
            a.Store(d + j);
            b.Store(d + j + 8);
            c.Store(d + j + 16);
            e.Store(d + j + 24);
            Vector256<float> o0 = default, o1 = default, o2 = default, o3 = default;
            row = s + j;
            for (var i = 0; i < keys; i++, row += values)
            {
                Vector256<float> key = Vector256.Create(k[i]), query = Vector256.Create(q[i]);
                var r0 = Vector256.FusedMultiplyAdd(key, a, Vector256.Load(row));
                var r1 = Vector256.FusedMultiplyAdd(key, b, Vector256.Load(row + 8));
                var r2 = Vector256.FusedMultiplyAdd(key, c, Vector256.Load(row + 16));
                var r3 = Vector256.FusedMultiplyAdd(key, e, Vector256.Load(row + 24));
                r0.Store(row);
                r1.Store(row + 8);
                r2.Store(row + 16);
                r3.Store(row + 24);
                o0 = Vector256.FusedMultiplyAdd(r0, query, o0);
                o1 = Vector256.FusedMultiplyAdd(r1, query, o1);
                o2 = Vector256.FusedMultiplyAdd(r2, query, o2);
                o3 = Vector256.FusedMultiplyAdd(r3, query, o3);
            }

            o0.Store(o + j);
            o1.Store(o + j + 8);
            o2.Store(o + j + 16);
            o3.Store(o + j + 24);
        }

        for (; j < values; j += 8)
        {
            Vector256<float> seen = default, result = default;
            var row = s + j;
            for (var i = 0; i < keys; i++, row += values)
            {
                var r = Vector256.Load(row) * keep;
                r.Store(row);
                seen = Vector256.FusedMultiplyAdd(r, Vector256.Create(k[i]), seen);
            }

            var written = (Vector256.Load(v + j) - seen) * write;
            written.Store(d + j);
            row = s + j;
            for (var i = 0; i < keys; i++, row += values)
            {
                var r = Vector256.FusedMultiplyAdd(Vector256.Create(k[i]), written, Vector256.Load(row));
                r.Store(row);
                result = Vector256.FusedMultiplyAdd(r, Vector256.Create(q[i]), result);
            }

            result.Store(o + j);
        }
    }

    /// <summary>y = x/√(mean(x²) + eps)∘w∘silu(z); y may be x.</summary>
    public static void GatedNorm(float* x, float* z, float* w, float eps, int n, float* y)
    {
        var scale = 1 / MathF.Sqrt(RowKernels.Dot(x, x, n) / n + eps);
        for (var i = 0; i < n; i += 8)
            (Vector256.Load(x + i) * scale * Vector256.Load(w + i) * Silu(Vector256.Load(z + i))).Store(y + i);
    }

    /// <summary>
    /// The gradient of one <see cref="Step"/>, from <paramref name="s"/> as it was before that and the gradients of what it gives.
    /// </summary>
    /// <param name="s">[keys, values].</param>
    /// <param name="ds">Of the state after the token; becomes that of the state before it.</param>
    /// <param name="dResult">Of o.</param>
    /// <param name="dq">Added to, as dk.</param>
    /// <param name="dv">Written.</param>
    /// <param name="scratch">Three times values.</param>
    public static (float Keep, float Write) Gradient(float* s, int keys, int values, float* q, float* k, float* v, float keep, float write,
        float* ds, float* dResult, float* dq, float* dk, float* dv, float* scratch)
    {
        float* error = scratch, written = error + values, back = written + values;
        for (var j = 0; j < values; j += 8)
        {
            Vector256<float> seen = default, d = default, result = Vector256.Load(dResult + j);
            for (nint i = 0, at = j; i < keys; i++, at += values)
            {
                var gradient = Vector256.FusedMultiplyAdd(Vector256.Create(q[i]), result, Vector256.Load(ds + at));
                gradient.Store(ds + at);
                d = Vector256.FusedMultiplyAdd(gradient, Vector256.Create(k[i]), d);
                seen = Vector256.FusedMultiplyAdd(Vector256.Load(s + at) * keep, Vector256.Create(k[i]), seen);
            }

            var e = Vector256.Load(v + j) - seen;
            e.Store(error + j);
            (e * write).Store(written + j);
            (d * write).Store(dv + j);
            d.Store(back + j);
        }

        var dWrite = RowKernels.Dot(back, error, values);
        var dKeep = 0f;
        for (var i = 0; i < keys; i++, s += values, ds += values)
        {
            Vector256<float> key = default, query = default, kept = default, factor = Vector256.Create(k[i]);
            for (var j = 0; j < values; j += 8)
            {
                Vector256<float> before = Vector256.Load(s + j), gradient = Vector256.Load(ds + j), w = Vector256.Load(written + j),
                    towards = Vector256.Load(dv + j), faded = before * keep;
                key += gradient * w - faded * towards;
                query += (faded + factor * w) * Vector256.Load(dResult + j);
                gradient -= factor * towards;
                kept += gradient * before;
                (gradient * keep).Store(ds + j);
            }

            dk[i] += Vector256.Sum(key);
            dq[i] += Vector256.Sum(query);
            dKeep += Vector256.Sum(kept);
        }

        return (dKeep, dWrite);
    }

    /// <summary>From the gradient of <see cref="Unit"/>'s result that of x, in place.</summary>
    public static void UnitGradient(float* x, int n, float factor, float* d)
    {
        var scale = 1 / MathF.Sqrt(RowKernels.Dot(x, x, n) + DeltaNet.LengthEps);
        var along = RowKernels.Dot(x, d, n) * scale * scale;
        for (var i = 0; i < n; i += 8)
            ((Vector256.Load(d + i) - Vector256.Load(x + i) * along) * (scale * factor)).Store(d + i);
    }

    /// <summary>d ·= the slope of x·σ(x).</summary>
    public static void SiluGradient(float* x, int n, float* d)
    {
        for (var i = 0; i < n; i += 8) (Vector256.Load(d + i) * Slope(Vector256.Load(x + i))).Store(d + i);
    }

    /// <summary>The gradient of <see cref="GatedNorm"/>: d becomes x's, z its own; dw is added to unless it is null.</summary>
    public static void GatedNormGradient(float* x, float* z, float* w, float eps, int n, float* d, float* dw)
    {
        var scale = 1 / MathF.Sqrt(RowKernels.Dot(x, x, n) / n + eps);
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < n; i += 8)
        {
            Vector256<float> unit = Vector256.Load(x + i) * scale, weight = Vector256.Load(w + i), gate = Vector256.Load(z + i),
                gradient = Vector256.Load(d + i), open = Silu(gate);
            if (dw != null) (Vector256.Load(dw + i) + gradient * unit * open).Store(dw + i);
            (gradient * unit * weight * Slope(gate)).Store(z + i);
            gradient *= weight * open;
            gradient.Store(d + i);
            sum += gradient * unit;
        }

        var along = Vector256.Sum(sum) / n * scale;
        for (var i = 0; i < n; i += 8) ((Vector256.Load(d + i) - Vector256.Load(x + i) * along) * scale).Store(d + i);
    }

    private static Vector256<float> Slope(Vector256<float> x)
    {
        var s = Vector256<float>.One / (Vector256<float>.One + Vector256.Exp(-x));
        return s * (Vector256<float>.One + x * (Vector256<float>.One - s));
    }

    private static Vector256<float> Silu(Vector256<float> x) => x / (Vector256<float>.One + Vector256.Exp(-x));
}
