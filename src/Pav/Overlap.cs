using System.Text;

namespace Pav;

/// <summary>Problems that stand in two sets: what is trained on one must not be measured on the other.</summary>
internal static class Overlap
{
    /// <summary>Problems of the second set whose text is one of the first's, but for case, spaces and punctuation.</summary>
    public static IReadOnlyList<(Problem Known, Problem Again)> Find(IEnumerable<Problem> known, IEnumerable<Problem> tested)
    {
        var keys = known.GroupBy(p => Key(p.Text)).ToDictionary(g => g.Key, g => g.First());
        return [.. tested.Where(p => keys.ContainsKey(Key(p.Text))).Select(p => (keys[Key(p.Text)], p))];
    }

    /// <summary>Letters and digits in lower case, and the signs that change a problem: + − · / ^ &lt; &gt; =.</summary>
    public static string Key(string text)
    {
        var key = new StringBuilder(text.Length);
        foreach (var c in text)
            if (char.IsLetterOrDigit(c) || "+-*/^<>=".Contains(c)) key.Append(char.ToLowerInvariant(c));
        return key.ToString();
    }
}
