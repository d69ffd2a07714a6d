namespace Pav;

/// <summary>The FNV-1a hash of 64 bits: quick, the same on every machine, and not for what an attacker may choose.</summary>
internal static class Fnv1a
{
    private const ulong Start = 0xCBF29CE484222325, Prime = 0x100000001B3;

    public static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = Start;
        foreach (var b in bytes) hash = (hash ^ b) * Prime;
        return hash;
    }

    /// <summary>Over UTF-16 units in place of bytes.</summary>
    public static ulong Hash(ReadOnlySpan<char> text)
    {
        var hash = Start;
        foreach (var unit in text) hash = (hash ^ unit) * Prime;
        return hash;
    }
}
