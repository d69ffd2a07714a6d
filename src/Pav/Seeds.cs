using System.Text;

namespace Pav;

/// <summary>
/// Randomness that depends on what is drawn and not on when: a draw's seed is a hash of (run seed, problem, purpose, index),
/// so results depend neither on batch size, nor on order, nor on resumption.
/// </summary>
public static class Seeds
{
    /// <summary>The seed of one draw.</summary>
    public static ulong Derive(ulong run, string problem, string purpose, long index)
    {
        var h = Mix(run ^ 0x9E3779B97F4A7C15UL);
        h = Mix(h ^ Fnv1a.Hash(Encoding.UTF8.GetBytes(problem)));
        h = Mix(h ^ Fnv1a.Hash(Encoding.UTF8.GetBytes(purpose)));
        return Mix(h ^ (ulong)index);
    }

    /// <summary>The k-th uniform number in [0, 1) of a seed: 53 bits, counter-based, no state.</summary>
    public static double Uniform(ulong seed, long k) => (Mix(seed + 0x9E3779B97F4A7C15UL * ((ulong)k + 1)) >> 11) * (1.0 / (1UL << 53));

    /// <summary>What is left of a seed after so many numbers: its k-th is this one's (used + k)-th.</summary>
    public static ulong After(ulong seed, long used) => seed + 0x9E3779B97F4A7C15UL * (ulong)used;

    /// <summary>SplitMix64's finaliser.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
