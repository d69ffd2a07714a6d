namespace Pav;

/// <summary>
/// Monte Carlo counts of prefixes. A completion's seed is (seed, problem, purpose and text of the prefix, index), so the counts of a prefix
/// are the same whoever asks, whenever, and along with whatever else.
/// </summary>
public sealed class Rollouts(
    IPolicy policy, Grader grader, Sampling sampling, ulong seed, int drawsPerCall, Action<int, long>? counted = null)
{
    /// <summary>
    /// Counts of n completions of each prefix and the tokens they took; an ended one has n = 1, c = Rex. Equal prefixes are counted once,
    /// lost draws not at all.
    /// </summary>
    public async Task<IReadOnlyDictionary<Prefix, (QEstimate Counts, int Tokens)>> Count(IEnumerable<Prefix> prefixes, int n,
        string purpose, CancellationToken cancel)
    {
        var counts = new Dictionary<Prefix, (QEstimate Counts, int Tokens)>();
        var open = new List<Prefix>();
        foreach (var prefix in prefixes.Distinct())
        {
            if (prefix.Ended) counts[prefix] = (new(1, grader.Rex(prefix)), 0);
            else open.Add(prefix);
        }

        foreach (var call in open.Chunk(Math.Max(1, drawsPerCall / n)))
        {
            await Add(counts, call, 0, n, purpose, cancel);
            counted?.Invoke(call.Length, call.Sum(p => (long)counts[p].Tokens));
        }

        return counts;
    }

    /// <summary>The same by a sequential rule: prefixes that have enough drop out at each look.</summary>
    public async Task<IReadOnlyDictionary<Prefix, (QEstimate Counts, int Tokens)>> Count(IEnumerable<Prefix> prefixes, SequentialPlan plan,
        string purpose, CancellationToken cancel)
    {
        var all = prefixes.Distinct().ToList();
        var counts = new Dictionary<Prefix, (QEstimate Counts, int Tokens)>(await Count(all, plan.First, purpose, cancel));

        // The estimate follows from what the plan did, which it did not do where draws were lost.
        void Drop(IEnumerable<Prefix> looked, int n)
        {
            foreach (var prefix in looked.Where(p => !p.Ended && counts[p].Counts.N < n)) counts[prefix] = (default, counts[prefix].Tokens);
        }

        Drop(all, plan.First);
        for (var n = plan.First; n < plan.Most; n = plan.Next(n))
        {
            foreach (var call in all.Where(p => !p.Ended && counts[p].Counts is var q && q.N == n && !plan.Enough(q.N, q.C))
                .Chunk(Math.Max(1, drawsPerCall / plan.First)).ToList())
            {
                var before = call.Sum(p => (long)counts[p].Tokens);
                await Add(counts, call, n, plan.Next(n), purpose, cancel);
                Drop(call, plan.Next(n));
                counted?.Invoke(0, call.Sum(p => (long)counts[p].Tokens) - before);
            }
        }

        return counts;
    }

    /// <summary>Completions from index <paramref name="from"/> to n of each prefix, on top of what was counted.</summary>
    private async Task Add(Dictionary<Prefix, (QEstimate Counts, int Tokens)> counts, IReadOnlyList<Prefix> prefixes, int from, int n,
        string purpose, CancellationToken cancel)
    {
        var each = n - from;
        var draws = new List<Draw>(prefixes.Count * each);
        foreach (var prefix in prefixes)
        {
            var stream = $"{purpose}\n{prefix.Text}";
            for (var j = from; j < n; j++) draws.Add(new(prefix, Seeds.Derive(seed, prefix.Problem.Id, stream, j)));
        }

        var traces = await policy.Extend(draws, Until.TraceEnd, sampling, cancel);
        foreach (var (prefix, slice) in prefixes.Zip(traces.SplitBy(prefixes.Select(_ => each))))
        {
            var (before, tokens) = counts.GetValueOrDefault(prefix);
            var completions = slice.Where(t => !t.Lost).ToList();
            counts[prefix] = (new(before.N + completions.Count, before.C + completions.Sum(grader.Rex)),
                tokens + completions.Sum(t => t.TokensSince(prefix)));
        }
    }
}
