namespace Pav.Report.Folders;

/// <summary>A search method as the page shows it: its name, its kind, and its place among all of that kind, which together give its
/// colour.</summary>
/// <param name="Kind">Null where a file does not tell and this version does not know the method.</param>
internal sealed record MethodEntry(string Id, string Label, MethodKind? Kind, int Place, IReadOnlyList<string> CompareWith)
{
    /// <summary>
    /// The methods of rows, and others that occur, in the order of <see cref="SearchMethods.All"/>; those that are not in it stand last.
    /// What a row says of its method goes before what this version knows. A place does not depend on which methods occur.
    /// </summary>
    public static IReadOnlyList<MethodEntry> From(IReadOnlyList<MethodSummary> rows, IEnumerable<string> others)
    {
        var told = rows.GroupBy(r => r.Method).ToDictionary(g => g.Key, g => g.First());
        var occurring = rows.Select(r => r.Method).Concat(others).ToHashSet();
        var places = new Dictionary<string, int>();
        var entries = SearchMethods.All.Select(m => m.Id).Concat(occurring).Distinct().Select(id =>
        {
            var (row, known) = (told.GetValueOrDefault(id), SearchMethods.Find(id));
            var kind = row?.Kind ?? known?.Kind;
            var place = places[$"{kind}"] = places.GetValueOrDefault($"{kind}", -1) + 1;
            return new MethodEntry(id, row?.Label is { Length: > 0 } label ? label : known?.Label ?? id, kind, place, row?.CompareWith
                ?? known?.Against ?? []);
        }).ToList();
        return [.. entries.Where(e => occurring.Contains(e.Id))];
    }
}
