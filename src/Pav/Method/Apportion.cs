namespace Pav;

/// <summary>
/// Shares a whole number out by weights: every part gets ⌊total·p_i⌋, and the largest remainders one more; of equals, the first.
/// Worked: 5 by (0.5, 0.3, 0.2) is (3, 1, 1): floors 2, 1, 1, and the first of the equal remainders 0.5, 0.5 gets the last one.
/// </summary>
internal static class Apportion
{
    /// <summary>Whole numbers that sum to <paramref name="total"/>.</summary>
    /// <param name="shares">Non-negative; they sum to 1.</param>
    public static int[] Share(int total, IReadOnlyList<double> shares)
    {
        var exact = shares.Select(p => total * p).ToArray();
        var parts = exact.Select(x => (int)Math.Floor(x + 1e-9)).ToArray();
        var left = total - parts.Sum();
        foreach (var i in Enumerable.Range(0, parts.Length).OrderByDescending(i => Math.Round(exact[i] - parts[i], 9)).ThenBy(i => i)
            .Take(left)) parts[i]++;
        return parts;
    }
}
