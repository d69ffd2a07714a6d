namespace Pav;

/// <summary>Beam searches with several of the judged provers, at one beam size and one α.</summary>
/// <param name="ByProver">Their rows by prover and problem.</param>
public sealed record ProverSearches(int N, double Alpha, IReadOnlyDictionary<string, ILookup<string, SearchRow>> ByProver)
{
    private const int Fewest = 3;

    /// <summary>
    /// Those with the most judged provers (of equals the larger beam). Throws a <see cref="UserError"/> where these are fewer than three.
    /// </summary>
    /// <param name="from">The search's folder.</param>
    /// <param name="rows">What it wrote.</param>
    /// <param name="judged">Names of the judged candidates.</param>
    /// <param name="nameOf">The candidate that a search's prover is.</param>
    public static ProverSearches From(string from, IEnumerable<SearchRow> rows, IEnumerable<string> judged, Func<string, string> nameOf)
    {
        var names = judged.ToHashSet();
        var best = rows.Where(r => r.Method == SearchMethods.BeamByProgress.Id && r is { Prover: not null, Alpha: > 0 })
            .Select(r => (Row: r, Name: nameOf(r.Prover!))).Where(r => names.Contains(r.Name))
            .GroupBy(r => (r.Row.N, Alpha: r.Row.Alpha!.Value))
            .OrderByDescending(g => g.Select(r => r.Name).Distinct().Count()).ThenByDescending(g => g.Key.N).FirstOrDefault();
        var provers = best?.GroupBy(r => r.Name).ToDictionary(g => g.Key, g => g.Select(r => r.Row).ToLookup(r => r.Problem)) ?? [];
        if (provers.Count < Fewest)
            throw new UserError($"--search {from}: a rank correlation needs beam-pav with {Fewest} or more of the judged provers at one "
                + $"beam size, and there are {provers.Count}; search with --sweep-provers, or judge more K with more completions.");
        return new(best!.Key.N, best.Key.Alpha, provers);
    }
}
