namespace Pav;

/// <summary>The answers of one call for several askers, given back to each.</summary>
internal static class Slices
{
    /// <summary>Cuts a list into consecutive slices of the given lengths. Worked: (a, b, c) by (1, 0, 2) is (a), (), (b, c).</summary>
    public static IEnumerable<IReadOnlyList<T>> SplitBy<T>(this IReadOnlyList<T> list, IEnumerable<int> counts)
    {
        var start = 0;
        foreach (var count in counts)
        {
            var slice = new T[count];
            for (var i = 0; i < count; i++) slice[i] = list[start + i];
            start += count;
            yield return slice;
        }
    }
}
