using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>Rotary positions: frequencies, and tables of their cosines and sines that grow with the positions asked for.</summary>
internal sealed class Rotary(DecoderConfig config, Device device) : IDisposable
{
    private const int Least = 512;

    private Tensor? cos, sin;
    private int length;

    /// <summary>(cos, sin) [count, 1, head size] of the first positions.</summary>
    public (Tensor cos, Tensor sin) First(long count, ScalarType type) => Rows(count, type, table => table.narrow(0, 0, count));

    /// <summary>(cos, sin) [N, 1, head size] of the int64 positions [N], all below <paramref name="end"/>.</summary>
    public (Tensor cos, Tensor sin) At(Tensor positions, long end, ScalarType type) => Rows(end, type, table => table.index_select(0, positions));

    /// <summary>
    /// θ^(−2i/size) for i &lt; size/2, stretched. The llama3 kind leaves wavelengths below original context / high_freq_factor as they are, divides
    /// those above original context / low_freq_factor by the factor, and blends linearly in context / wavelength between.
    /// </summary>
    public static double[] Frequencies(DecoderConfig config)
    {
        var result = functional.rotary_frequencies(config.HeadSize, config.RopeTheta);
        for (var i = 0; i < result.Length; i++)
            result[i] = config.RopeScaling switch
            {
                null => result[i],
                { Type: "linear" } s => result[i] / s.Factor,
                var s => Llama3(result[i], s),
            };
        return result;
    }

    public void Dispose()
    {
        cos?.Dispose();
        sin?.Dispose();
    }

    private static double Llama3(double frequency, RopeScaling s)
    {
        var turns = s.OriginalContext * frequency / (2 * Math.PI);
        var keep = Math.Clamp((turns - s.LowFreqFactor) / (s.HighFreqFactor - s.LowFreqFactor), 0, 1);
        return keep * frequency + (1 - keep) * frequency / s.Factor;
    }

    private (Tensor, Tensor) Rows(long end, ScalarType type, Func<Tensor, Tensor> choose)
    {
        if (end > length)
        {
            using var scope = torch.NewDisposeScope();
            using var off = torch.no_grad();
            Dispose();
            length = (int)Math.Min(config.MaxPositions, Math.Max(Least, 2 * end));
            var (c, s) = functional.rotary_tables(Frequencies(config), length);
            (cos, sin) = (c.to(device).DetachFromDisposeScope(), s.to(device).DetachFromDisposeScope());
        }

        return (choose(cos!).unsqueeze(1).cast(type), choose(sin!).unsqueeze(1).cast(type));
    }
}
