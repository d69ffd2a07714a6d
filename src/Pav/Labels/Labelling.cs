using System.Runtime.CompilerServices;

namespace Pav;

/// <summary>
/// Progress labels (Sec. 4.2, App. D): seed traces from the policy whose Q is wanted, completions at every step's end, counts of right
/// ones.
/// All randomness comes from (seed, problem, trace or prefix), so a run that is resumed yields the very same lines.
/// </summary>
public static class Labelling
{
    /// <summary>
    /// The labelled traces of all problems in order of problem and trace; those that <paramref name="done"/> (problem id, trace) already
    /// has are left out and not sampled again. Equal prefixes share their completions. With <paramref name="seeds"/> a problem has as many
    /// traces as those say, at most NCov, and visited ones are not drawn; their prefixes have completions of their own, which no verifier
    /// that led there has learned from.
    /// </summary>
    public static async IAsyncEnumerable<LabelledTrace> Run(
        IPolicy policy,
        Grader grader,
        IEnumerable<Problem> problems,
        LabelOptions options,
        Func<string, int, bool>? done = null,
        Action<LabelProgress>? progress = null,
        SeedTraces? seeds = null,
        [EnumeratorCancellation] CancellationToken cancel = default)
    {
        options.Check();
        var sampling = options.Sampling;
        var reached = new LabelProgress();
        var gate = new Lock();
        void Report(int problems, int prefixes, long tokens)
        {
            lock (gate) progress?.Invoke(reached = new(reached.Problems + problems, reached.Prefixes + prefixes,
                reached.GeneratedTokens + tokens));
        }

        var rollouts = new Rollouts(policy, grader, sampling, options.Seed, options.DrawsPerCall, (prefixes, tokens) =>
            Report(0, prefixes, tokens));
        var purpose = seeds?.AreVisited == true ? "visited" : "rollout";
        async Task<IReadOnlyList<LabelledTrace>> Batch(Problem[] batch, CancellationToken stop)
        {
            var wanted = batch
                .SelectMany(p => (seeds ?? SeedTraces.Drawn).Indices(p.Id, options).Select(i => (Problem: p, Index: i)))
                .Where(t => done is null || !done(t.Problem.Id, t.Index))
                .Select(t => (t.Problem, t.Index, Visited: seeds?.At(t.Problem.Id, t.Index)))
                .ToList();
            var draws = wanted.Where(t => t.Visited is null)
                .Select(t => new Draw(Prefix.Root(t.Problem), Seeds.Derive(options.Seed, t.Problem.Id, "trace", t.Index))).ToList();
            var drawn = new Queue<Prefix>(await policy.Extend(draws, Until.TraceEnd, sampling, stop));
            Report(0, 0, drawn.Where(t => !t.Lost).Sum(t => (long)t.TokensSince()));
            var all = wanted.Select(t => t.Visited?.Trace ?? drawn.Dequeue()).ToList();
            wanted = [.. wanted.Where((_, t) => !all[t].Lost)];
            var traces = all.Where(t => !t.Lost).ToList();

            var counts = await Count(rollouts, traces, options, purpose, stop);
            Report(batch.Length, 0, 0);
            return [.. traces.Select((trace, t) => Line(policy, grader, options, wanted[t].Index, trace, counts[t], wanted[t].Visited))];
        }

        // Batches are worked on side by side and told in order.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = new Queue<Task<IReadOnlyList<LabelledTrace>>>();
        try
        {
            foreach (var batch in problems.Chunk(options.ProblemsPerBatch))
            {
                running.Enqueue(Batch(batch, stop.Token));
                if (running.Count < options.BatchesAtOnce) continue;
                foreach (var line in await running.Dequeue()) yield return line;
            }

            while (running.TryDequeue(out var batch))
                foreach (var line in await batch) yield return line;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(running).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    /// <summary>The file's word for a strategy.</summary>
    public static string Name(LabelStrategy strategy) => strategy == LabelStrategy.FirstPit ? "first_pit" : "random";

    private static async Task<IReadOnlyList<QEstimate[]>> Count(Rollouts rollouts, IReadOnlyList<Prefix> traces, LabelOptions options,
        string purpose, CancellationToken cancel)
    {
        var paths = traces.Select(t => t.Path()).ToList();
        var all = paths.SelectMany(p => p);
        var first = options.Plan is { } plan ? await rollouts.Count(all, plan, purpose, cancel)
            : await rollouts.Count(all, options.NMc, purpose, cancel);
        var counts = paths.Select(path => path.Select(p => first[p].Counts).ToArray()).ToList();
        if (options.Strategy == LabelStrategy.Random) return counts;

        // The pit was chosen because its first count was 0, so what is kept is counted afresh: the same completions would be biased.
        var kept = counts.Select(c => FirstPit(c, options.HighValue) is { } pit ? pit + 1 : 0).ToList();
        var second = await rollouts.Count(paths.SelectMany((path, t) => path.Take(kept[t])), options.NMcPit, "pit", cancel);
        return [.. paths.Select((path, t) => path.Select((p, h) => h < kept[t] ? second[p].Counts : p.Ended ? first[p].Counts : default)
            .ToArray())];
    }

    /// <summary>
    /// The first step with Q̂ = 0 after a state with Q̂ above <paramref name="highValue"/>, as an index into the H + 1 counts; null for
    /// right traces and for those that pass through no such state.
    /// </summary>
    internal static int? FirstPit(IReadOnlyList<QEstimate> counts, double highValue)
    {
        if (counts.Any(q => !q.Known)) return null;
        var high = Enumerable.Range(0, counts.Count).FirstOrDefault(h => counts[h].Value > highValue, counts.Count);
        return counts[^1].C > 0 || high >= counts.Count - 1
            ? null : Enumerable.Range(high + 1, counts.Count - high - 1).First(h => counts[h].C == 0);
    }

    private static LabelledTrace Line(IPolicy policy, Grader grader, LabelOptions options, int index, Prefix trace, QEstimate[] counts,
        VisitedTrace? visited)
    {
        var text = trace.Text;
        return new(
            trace.Problem.Id, policy.Name, Name(options.Strategy), index, trace.Steps, [.. trace.Path().Skip(1).Select(p => p.Tokens)],
            trace.Ended ? grader.Rex(text, trace.Problem) : 0, trace.Ended ? grader.Extract(text) : null, grader.Id,
            [.. counts.Select(q => q.N)], [.. counts.Select(q => q.C)],
            Unfinished: !trace.Ended, Plan: options.Plan?.ToString(), StepEnd: options.StepEnd?.Recorded, Visited: visited?.Places);
    }
}
