namespace Pav.Models.Tests.Cpu;

/// <summary>Made-up numbers, and slopes of double-precision functions that gradients in float32 are held against.</summary>
internal static class Numbers
{
    private const double Step = 1e-5;

    public static float[] Random(int count, ulong seed, double scale = 1) =>
        [.. Enumerable.Range(0, count).Select(i => (float)(scale * (2 * Seeds.Uniform(seed, i) - 1)))];

    public static double[] Wide(float[] values) => [.. values.Select(v => (double)v)];

    /// <summary>Each value of a gradient is the central difference of f in that direction.</summary>
    public static void AreSlopes(Func<double[], double> f, float[] x, ReadOnlySpan<float> gradient, double tolerance = 2e-4)
    {
        var (moved, largest) = (Wide(x), 1e-3);
        var slopes = new double[x.Length];
        for (var i = 0; i < x.Length; i++)
        {
            var (before, here) = (moved[i], 0.0);
            moved[i] = before + Step;
            here = f(moved);
            moved[i] = before - Step;
            slopes[i] = (here - f(moved)) / (2 * Step);
            moved[i] = before;
            largest = Math.Max(largest, Math.Abs(slopes[i]));
        }

        for (var i = 0; i < x.Length; i++)
            Assert.True(Math.Abs(slopes[i] - gradient[i]) <= tolerance * largest,
                $"value {i}: the slope is {slopes[i]}, the gradient says {gradient[i]}");
    }

    public static void AreNear(double[] expected, ReadOnlySpan<float> found, double tolerance = 1e-5)
    {
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - found[i]) <= tolerance * (1 + Math.Abs(expected[i])),
                $"value {i}: expected {expected[i]}, found {found[i]}");
    }
}
