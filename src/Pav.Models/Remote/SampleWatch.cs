namespace Pav.Models.Remote;

/// <summary>
/// Looks out for replicas that draw the same samples: fatal for Monte Carlo labels, and silent. Samples of one prefix are equal by chance
/// as often within one endpoint as between
/// two; where they are equal between two much more often, these share their randomness. Safe for several threads.
/// </summary>
internal sealed class SampleWatch
{
    private const int Shortest = 24, Least = 20;

    private readonly Lock gate = new();
    private double pairsWithin, equalWithin, pairsBetween, equalBetween;

    /// <summary>Completions of one prefix, each with its endpoint.</summary>
    public void Add(IReadOnlyList<(Endpoint From, string Text)> samples)
    {
        var some = samples.Where(s => s.Text.Length >= Shortest).ToList();
        var (within, all) = Pairs(some);
        var (sameWithin, same) = some.GroupBy(s => s.Text).Select(g => Pairs([.. g]))
            .Aggregate((Within: 0.0, All: 0.0), (sum, p) => (sum.Within + p.Within, sum.All + p.All));
        lock (gate)
        {
            pairsWithin += within;
            equalWithin += sameWithin;
            pairsBetween += all - within;
            equalBetween += same - sameWithin;
        }
    }

    /// <summary>What a user must know; null while all is well. More equal pairs between endpoints than within them, by six standard
    /// errors.</summary>
    public string? Finding()
    {
        lock (gate)
        {
            if (equalBetween < Least || pairsBetween == 0) return null;
            var between = equalBetween / pairsBetween;
            var within = pairsWithin > 0 ? equalWithin / pairsWithin : 0;
            var pooled = (equalBetween + equalWithin) / (pairsBetween + pairsWithin);
            var error = Math.Sqrt(pooled * (1 - pooled) * (1 / pairsBetween + 1 / Math.Max(1, pairsWithin)));
            return between - within > 6 * error
                ? $"different endpoints gave the same completion of a prefix in {between:P1} of {pairsBetween:N0} pairs, one endpoint in "
                    + $"{within:P1} of {pairsWithin:N0}: replicas share their randomness; start each with a seed of its own"
                : null;
        }
    }

    /// <summary>Do two servers that heed no seeds give the same samples in the same order?</summary>
    public static (Capabilities A, Capabilities B)? Twins(IReadOnlyList<Capabilities> probed)
    {
        var careless = probed.Where(s => s.Seeds != SeedUse.Honoured).ToList();
        return (from i in Enumerable.Range(0, careless.Count)
                from j in Enumerable.Range(0, i)
                where careless[i].Samples.SequenceEqual(careless[j].Samples) && careless[i].Samples.Any(s => s.Length >= Shortest)
                select ((Capabilities, Capabilities)?)(careless[j], careless[i])).FirstOrDefault();
    }

    private static (double Within, double All) Pairs(IReadOnlyList<(Endpoint From, string Text)> samples) =>
        (samples.GroupBy(s => s.From).Sum(g => g.Count() * (g.Count() - 1) / 2.0), samples.Count * (samples.Count - 1) / 2.0);
}
