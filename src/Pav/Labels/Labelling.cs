using System.Runtime.CompilerServices;

namespace Pav;

/// <summary>
/// Progress labels (Sec. 4.2, App. D): seed traces from the policy whose Q is wanted, completions at every step's end, counts of right ones.
/// All randomness comes from (seed, problem, trace or prefix), so a run that is resumed yields the very same lines.
/// </summary>
public static class Labelling
{
    /// <summary>
    /// The labelled traces of all problems in order of problem and trace; those that <paramref name="done"/> (problem id, trace) already has are left out
    /// and not sampled again. Equal prefixes share their completions.
    /// </summary>
    public static async IAsyncEnumerable<LabelledTrace> Run(
        IPolicy policy,
        Grader grader,
        IEnumerable<Problem> problems,
        LabelOptions options,
        Func<string, int, bool>? done = null,
        Action<LabelProgress>? progress = null,
        [EnumeratorCancellation] CancellationToken cancel = default)
    {
        options.Check();
        var sampling = options.Sampling ?? new Sampling();
        var at = new LabelProgress();
        void Report(int problems, int prefixes, long tokens) =>
            progress?.Invoke(at = new(at.Problems + problems, at.Prefixes + prefixes, at.GeneratedTokens + tokens));

        var rollouts = new Rollouts(policy, grader, sampling, options.Seed, options.DrawsPerCall, (prefixes, tokens) => Report(0, prefixes, tokens));
        foreach (var batch in problems.Chunk(options.ProblemsPerBatch))
        {
            var wanted = batch
                .SelectMany(p => Enumerable.Range(0, options.NCov).Select(i => (Problem: p, Index: i)))
                .Where(t => done is null || !done(t.Problem.Id, t.Index))
                .ToList();
            var draws = wanted.Select(t => new Draw(Prefix.Root(t.Problem), Seeds.Of(options.Seed, t.Problem.Id, "trace", t.Index))).ToList();
            var traces = await policy.Extend(draws, Until.TraceEnd, sampling, cancel);
            Report(0, 0, traces.Sum(t => (long)Cost.Tokens(t)));

            var counts = await Count(rollouts, traces, options, cancel);
            Report(batch.Length, 0, 0);
            for (var t = 0; t < traces.Count; t++) yield return Line(policy, grader, options.Strategy, wanted[t].Index, traces[t], counts[t]);
        }
    }

    /// <summary>The file's word for a strategy.</summary>
    public static string Name(LabelStrategy strategy) => strategy == LabelStrategy.FirstPit ? "first_pit" : "random";

    private static async Task<IReadOnlyList<QEstimate[]>> Count(Rollouts rollouts, IReadOnlyList<Prefix> traces, LabelOptions options, CancellationToken cancel)
    {
        var paths = traces.Select(t => t.Path()).ToList();
        var first = await rollouts.Count(paths.SelectMany(p => p), options.NMc, "rollout", cancel);
        var counts = paths.Select(path => path.Select(p => first[p].Counts).ToArray()).ToList();
        if (options.Strategy == LabelStrategy.Random) return counts;

        // The pit was chosen because its first count was 0, so what is kept is counted afresh: the same completions would be biased.
        var kept = counts.Select(c => FirstPit(c, options.HighValue) is { } pit ? pit + 1 : 0).ToList();
        var second = await rollouts.Count(paths.SelectMany((path, t) => path.Take(kept[t])), options.NMcPit, "pit", cancel);
        return [.. paths.Select((path, t) => path.Select((p, h) => h < kept[t] ? second[p].Counts : p.Ended ? first[p].Counts : default).ToArray())];
    }

    /// <summary>
    /// The first step with Q̂ = 0 after a state with Q̂ above <paramref name="highValue"/>, as an index into the H + 1 counts; null for right traces and
    /// for those that pass through no such state.
    /// </summary>
    internal static int? FirstPit(IReadOnlyList<QEstimate> counts, double highValue)
    {
        var high = Enumerable.Range(0, counts.Count).FirstOrDefault(h => counts[h].Value > highValue, counts.Count);
        return counts[^1].C > 0 || high >= counts.Count - 1 ? null : Enumerable.Range(high + 1, counts.Count - high - 1).First(h => counts[h].C == 0);
    }

    private static LabelledTrace Line(IPolicy policy, Grader grader, LabelStrategy strategy, int index, Prefix trace, QEstimate[] counts)
    {
        var text = trace.Text;
        return new(
            trace.Problem.Id, policy.Name, Name(strategy), index, trace.Steps, [.. trace.Path().Skip(1).Select(p => p.Tokens)],
            grader.Rex(text, trace.Problem), grader.Extract(text), grader.Id, [.. counts.Select(q => q.N)], [.. counts.Select(q => q.C)]);
    }
}
