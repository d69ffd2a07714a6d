namespace Pav;

/// <summary>
/// Monte Carlo counts of prefixes. A completion's seed is (seed, problem, purpose and text of the prefix, index), so the counts of a prefix are the same
/// whoever asks, whenever, and along with whatever else.
/// </summary>
internal sealed class Rollouts(IPolicy policy, Grader grader, Sampling sampling, ulong seed, int drawsPerCall, Action<int, long>? counted = null)
{
    /// <summary>Counts of n completions of each prefix and the tokens they took; an ended one has n = 1, c = Rex. Equal prefixes are counted once.</summary>
    public async Task<IReadOnlyDictionary<Prefix, (QEstimate Counts, int Tokens)>> Count(IEnumerable<Prefix> prefixes, int n, string purpose, CancellationToken cancel)
    {
        var counts = new Dictionary<Prefix, (QEstimate Counts, int Tokens)>();
        var open = new List<Prefix>();
        foreach (var prefix in prefixes.Distinct())
        {
            if (prefix.Ended) counts[prefix] = (new(1, grader.Rex(prefix)), 0);
            else open.Add(prefix);
        }

        var perCall = Math.Max(1, drawsPerCall / n);
        foreach (var call in open.Chunk(perCall))
        {
            var draws = new List<Draw>(call.Length * n);
            foreach (var prefix in call)
            {
                var of = $"{purpose}\n{prefix.Text}";
                for (var j = 0; j < n; j++) draws.Add(new(prefix, Seeds.Of(seed, prefix.Problem.Id, of, j)));
            }

            var traces = await policy.Extend(draws, Until.TraceEnd, sampling, cancel);
            for (var i = 0; i < call.Length; i++)
            {
                var mine = traces.Skip(i * n).Take(n).ToList();
                counts[call[i]] = (new(n, mine.Sum(grader.Rex)), mine.Sum(t => Cost.Tokens(t, call[i])));
            }

            counted?.Invoke(call.Length, call.Sum(p => (long)counts[p].Tokens));
        }

        return counts;
    }
}
