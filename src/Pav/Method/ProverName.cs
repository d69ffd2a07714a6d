using System.Globalization;

namespace Pav;

/// <summary>The name of the prover BoK(π) on the command line and in files: <c>bo4</c>.</summary>
internal static class ProverName
{
    public static string From(int k) => string.Create(CultureInfo.InvariantCulture, $"bo{k}");

    /// <summary>Of several that are averaged: <c>bo2+bo8</c>.</summary>
    public static string From(IEnumerable<int> ks) => string.Join("+", ks.Select(From));

    /// <summary>K of such a name; null for any other prover.</summary>
    public static int? Strength(string? name) =>
        name is not null && name.StartsWith("bo", StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var k) ? k : null;
}
