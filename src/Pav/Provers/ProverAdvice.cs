using System.Globalization;

namespace Pav;

/// <summary>Which prover to use, or that the labels do not tell.</summary>
/// <param name="For">What it is to be used for.</param>
/// <param name="By">The predictor that decides.</param>
/// <param name="Prover">The best by that predictor, told apart or not.</param>
/// <param name="Decided">Its interval of differences leaves out 0 against every other.</param>
/// <param name="Reason">One sentence.</param>
/// <param name="MoreRollouts">Rollouts, on more problems of the same kind, after which the nearest rival would be told apart if the
/// difference stays; null where decided, and where it is more than a hundred times what there is.</param>
public sealed record ProverAdvice(string For, string By, string Prover, bool Decided, string Reason, long? MoreRollouts)
{
    /// <summary>The best of two or more candidates by a predictor of which more is better, with paired bootstrap intervals over problems.
    /// They narrow with the square root of the number of problems; more rollouts on the same problems take away a part of their width
    /// only.</summary>
    public static ProverAdvice From(string use, string by, string words, IReadOnlyList<(string Name, ProblemRatio Value)> candidates,
        long rollouts, ulong seed)
    {
        var ranked = candidates.OrderByDescending(c => c.Value.Value).ToList();
        var best = ranked[0];
        var rivals = ranked.Skip(1).Select(r => (r.Name, Lead: best.Value.Less(r.Value, seed))).ToList();
        var near = rivals.Where(r => !(r.Lead.Low > 0)).ToList();
        var (name, lead) = near.Count > 0 ? near[0] : rivals[0];
        var found = string.Create(CultureInfo.InvariantCulture,
            $"its {words} of {best.Value.Value:0.0000} is {lead.Value:0.0000} [{lead.Low:0.0000}, {lead.High:0.0000}] above that of {name}");
        if (near.Count == 0) return new(use, by, best.Name, true, $"{best.Name}: {found}, the next best.", null);
        var others = $"{best.Name} and {(near.Count == 1 ? name : $"{near.Count} others")}";
        if (lead is { Low: 0, High: 0 })
            return new(use, by, best.Name, false, $"undecided between {others}: {best.Name} and {name} do not differ at all.", null);
        var problems = best.Value.Above.Length;
        var times = Math.Pow((lead.High - lead.Low) / 2 / lead.Value, 2);
        long? more = times <= 100 ? (long)Math.Ceiling(rollouts * Math.Max(times - 1, 0.1)) : null;
        var then = more is { } m
            ? string.Create(CultureInfo.InvariantCulture,
            $"label more problems, about {Rounded((long)Math.Ceiling(problems * (double)m / rollouts)):N0} beside these {problems:N0} ({Rounded(m):N0} rollouts, as many of each)") : "more than a hundred times as many problems would be needed, so take the cheapest";
        return new(use, by, best.Name, false, $"undecided between {others}: {best.Name} leads, but {found}; {then}.", more);
    }

    /// <summary>To two digits.</summary>
    private static long Rounded(long value)
    {
        var unit = (long)Math.Pow(10, Math.Max(0, Math.Floor(Math.Log10(value)) - 1));
        return (value + unit / 2) / unit * unit;
    }
}
