using Pav.Torch;

namespace Pav.Models.Decoders;

/// <summary>Rotary positions: frequencies, and tables of their cosines and sines that grow with the positions asked for.</summary>
internal sealed class Rotary(DecoderConfig config, Device device) : IDisposable
{
    private const int Least = 512;

    private Tensor? cos, sin;
    private int length;

    /// <summary>(cos, sin) [kinds, count, 1, rotated] of the first positions.</summary>
    public (Tensor cos, Tensor sin) First(long count, ScalarType type) => Rows(count, type, table => table.narrow(1, 0, count));

    /// <summary>(cos, sin) [kinds, N, 1, rotated] of the int64 positions [N], all below <paramref name="end"/>.</summary>
    public (Tensor cos, Tensor sin) At(Tensor positions, long end, ScalarType type) =>
        Rows(end, type, table => table.index_select(1, positions));

    /// <summary>
    /// The frequencies of the layers' kinds (<see cref="DecoderConfig.RotaryOf"/>), and what multiplies their cosines and sines. A layer
    /// without rotary positions turns by nothing.
    /// </summary>
    public static IReadOnlyList<(double[] Frequencies, double Factor)> Kinds(DecoderConfig config)
    {
        var common = (Frequencies(config), config.RopeScaling?.Attention ?? 1);
        if (config.UnrotatedEvery > 0) return [common, (new double[config.Rotated / 2], 1)];
        return config.LocalRopeTheta is { } theta ? [common, (functional.rotary_frequencies(config.Rotated, theta), 1)] : [common];
    }

    /// <summary>Tables [kinds·length, rotated], laid out as those of <see cref="functional.rotary_tables"/>.</summary>
    public static (Tensor cos, Tensor sin) Tables(DecoderConfig config, int length)
    {
        List<float> cosines = [], sines = [];
        foreach (var (frequencies, factor) in Kinds(config))
        {
            var (c, s) = functional.rotary_tables(frequencies, length);
            using (c)
            using (s)
            {
                cosines.AddRange(c.to_array<float>().Select(x => x * (float)factor));
                sines.AddRange(s.to_array<float>().Select(x => x * (float)factor));
            }
        }

        var rows = cosines.Count / config.Rotated;
        return (torch.tensor(cosines.ToArray(), rows, config.Rotated), torch.tensor(sines.ToArray(), rows, config.Rotated));
    }

    /// <summary>
    /// θ^(−2i/size) for i &lt; size/2 of what turns of a head, stretched. The llama3
    /// kind leaves wavelengths below original context / high_freq_factor as they are,
    /// divides
    /// those above original context / low_freq_factor by the factor, and blends linearly in context / wavelength between.
    /// </summary>
    public static double[] Frequencies(DecoderConfig config)
    {
        var result = functional.rotary_frequencies(config.Rotated, config.RopeTheta);
        for (var i = 0; i < result.Length; i++)
            result[i] = config.RopeScaling switch
            {
                null => result[i],
                { Type: "linear" } s => result[i] / s.Factor,
                { Type: "longrope" } s => result[i] / s.ShortFactors[i],
                { Type: "yarn" } s => Yarn(result[i], i, config, s),
                var s => Llama3(result[i], s),
            };
        return result;
    }

    public void Dispose()
    {
        cos?.Dispose();
        sin?.Dispose();
    }

    /// <summary>Frequencies are numbered as 2i/size of the head; the blend is linear in that number.</summary>
    private static double Yarn(double frequency, int i, DecoderConfig config, RopeScaling s)
    {
        var (low, high) = (Turning(s.BetaFast), Turning(s.BetaSlow));
        if (s.Truncate) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, config.Rotated - 1));
        var stretched = Math.Clamp((i - low) / (high == low ? 0.001 : high - low), 0, 1);
        return stretched * frequency / s.Factor + (1 - stretched) * frequency;

        double Turning(double times) =>
            config.Rotated * Math.Log(s.OriginalContext / (times * 2 * Math.PI)) / (2 * Math.Log(config.RopeTheta));
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
            var (c, s) = Tables(config, length);
            long[] shape = [-1, length, config.Rotated];
            (cos, sin) = (c.reshape(shape).to(device).DetachFromDisposeScope(), s.reshape(shape).to(device).DetachFromDisposeScope());
        }

        return (choose(cos!).unsqueeze(2).cast(type), choose(sin!).unsqueeze(2).cast(type));
    }
}
