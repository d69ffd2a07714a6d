using System.Runtime.Intrinsics;

namespace Pav.Models.Cpu;

/// <param name="Clip">Factor of the gradient.</param>
/// <param name="Keep">1 − rate·decay.</param>
/// <param name="Root">1/√(1 − β₂^t).</param>
/// <param name="Size">rate / (1 − β₁^t).</param>
internal readonly record struct AdamWStep(float Clip, float Keep, float Beta1, float Beta2, float Root, float Epsilon, float Size);

/// <summary>Adam with decoupled decay (Loshchilov and Hutter).</summary>
internal static unsafe class AdamWKernel
{
    /// <summary>One step of some weights, with their moments; the gradients become 0.</summary>
    public static void Step(float* w, float* g, float* m, float* v, int n, in AdamWStep step)
    {
        var i = 0;
        for (; i + 8 <= n; i += 8)
        {
            var d = Vector256.Load(g + i) * step.Clip;
            var a = Vector256.Load(m + i) * step.Beta1 + d * (1 - step.Beta1);
            var b = Vector256.Load(v + i) * step.Beta2 + d * d * (1 - step.Beta2);
            a.Store(m + i);
            b.Store(v + i);
            Vector256<float>.Zero.Store(g + i);
            (Vector256.Load(w + i) * step.Keep - a * step.Size / (Vector256.Sqrt(b) * step.Root + Vector256.Create(step.Epsilon))).Store(w + i);
        }

        for (; i < n; i++)
        {
            var d = g[i] * step.Clip;
            m[i] = m[i] * step.Beta1 + d * (1 - step.Beta1);
            v[i] = v[i] * step.Beta2 + d * d * (1 - step.Beta2);
            g[i] = 0;
            w[i] = w[i] * step.Keep - m[i] * step.Size / (MathF.Sqrt(v[i]) * step.Root + step.Epsilon);
        }
    }
}
