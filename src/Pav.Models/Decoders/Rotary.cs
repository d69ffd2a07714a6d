namespace Pav.Models.Decoders;

/// <summary>Frequencies of rotary positions.</summary>
internal static class Rotary
{
    /// <summary>
    /// θ^(−2i/size) for i &lt; size/2, stretched. The llama3 kind leaves wavelengths below original context / high_freq_factor as they are, divides
    /// those above original context / low_freq_factor by the factor, and blends linearly in context / wavelength between.
    /// </summary>
    public static double[] Frequencies(DecoderConfig config)
    {
        var result = Torch.functional.rotary_frequencies(config.HeadSize, config.RopeTheta);
        for (var i = 0; i < result.Length; i++)
            result[i] = config.RopeScaling switch
            {
                null => result[i],
                { Type: "linear" } s => result[i] / s.Factor,
                var s => Llama3(result[i], s),
            };
        return result;
    }

    private static double Llama3(double frequency, RopeScaling s)
    {
        var turns = s.OriginalContext * frequency / (2 * Math.PI);
        var keep = Math.Clamp((turns - s.LowFreqFactor) / (s.HighFreqFactor - s.LowFreqFactor), 0, 1);
        return keep * frequency + (1 - keep) * frequency / s.Factor;
    }
}
