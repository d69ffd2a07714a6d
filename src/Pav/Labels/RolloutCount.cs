namespace Pav;

/// <summary>What labels cost in rollouts.</summary>
internal static class RolloutCount
{
    /// <summary>
    /// Rollouts behind labels: each seed trace, n_mc for each different prefix that goes on, and for first pits what was counted afresh.
    /// Worked: two equal seed traces of 2 steps, n_mc = 4:
    /// 2 + 4·2 (the problem and the first step) = 10. Visited traces were paid for by their search; one of 1 step that goes on: 4·2 = 8.
    /// </summary>
    public static long From(IEnumerable<LabelledTrace> labels, int nMc)
    {
        var (traces, prefixes, pits) = (0L, new HashSet<(string, string)>(), new Dictionary<(string, string), int>());
        foreach (var trace in labels)
        {
            if (trace.Visited is null) traces++;
            var text = "";
            var counted = trace.Steps.Count + (trace.Visited is not null && trace.Unfinished ? 1 : 0);
            for (var h = 0; h < counted; h++)
            {
                if (h > 0) text += trace.Steps[h - 1];
                prefixes.Add((trace.Problem, text));
                if (trace.Strategy == Labelling.Name(LabelStrategy.FirstPit))
                    pits[(trace.Problem, text)] = Math.Max(trace.N[h], pits.GetValueOrDefault((trace.Problem, text)));
            }
        }

        return traces + (long)nMc * prefixes.Count + pits.Values.Sum(n => (long)n);
    }
}
