namespace Pav.Cli.Options;

/// <summary>The word a user probably meant.</summary>
internal static class Nearest
{
    /// <summary>"; did you mean 'label'?" where some word is near, else nothing.</summary>
    public static string Hint(string given, IEnumerable<string> words)
    {
        var best = words.Select(w => (word: w, distance: Distance(given, w))).OrderBy(x => x.distance).FirstOrDefault();
        return best.word is not null && best.distance <= Math.Max(2, given.Length / 3) ? $"; did you mean '{best.word}'?" : "";
    }

    /// <summary>Levenshtein distance.</summary>
    public static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitute, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
