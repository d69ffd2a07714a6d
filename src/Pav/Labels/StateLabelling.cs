using System.Runtime.CompilerServices;

namespace Pav;

/// <summary>
/// Labels for judging provers: states of seed traces, several steps drawn at each, completions after each of them. Another policy's
/// completions after the very same steps make it a candidate prover. Randomness as in <see cref="Labelling"/>: a resumed run yields the
/// very same lines.
/// </summary>
public static class StateLabelling
{
    /// <summary>
    /// Draws <paramref name="stepsPerState"/> steps at states of <c>NCov</c> seed traces of each problem and counts <c>NMc</c> completions
    /// after each, and of the state. The states of a problem lie at <paramref name="depths"/> depths, drawn for the problem (0: at all), so
    /// that they can be compared across its traces. What
    /// <paramref name="done"/> has is left out.
    /// </summary>
    public static async IAsyncEnumerable<LabelledState> Run(
        IPolicy policy, Grader grader, IEnumerable<Problem> problems, LabelOptions options, int stepsPerState, int depths = 0,
        Func<(string Problem, string Text), bool>? done = null, Action<LabelProgress>? progress = null,
            [EnumeratorCancellation] CancellationToken cancel = default)
    {
        options.Check();
        if (stepsPerState < 2) throw new UserError($"{stepsPerState} step per state shows no difference between steps; draw at least 2");
        var sampling = options.Sampling;
        var counter = new Counter(progress);
        var rollouts = new Rollouts(policy, grader, sampling, options.Seed, options.DrawsPerCall, (prefixes, tokens) =>
            counter.Add(0, prefixes, tokens));
        foreach (var batch in problems.Chunk(options.ProblemsPerBatch))
        {
            var seeds = batch.SelectMany(p => Enumerable.Range(0, options.NCov)
                .Select(i => new Draw(Prefix.Root(p), Seeds.Derive(options.Seed, p.Id, "trace", i)))).ToList();
            var traces = await policy.Extend(seeds, Until.TraceEnd, sampling, cancel);
            var states = traces.Where(t => !t.Lost).GroupBy(t => t.Problem).SelectMany(g => Chosen(g.Key, [.. g], depths, options.Seed))
                .Where(s => done is null || !done((s.State.Problem.Id, s.State.Text))).ToList();
            var draws = states.SelectMany(s => Enumerable.Range(0, stepsPerState)
                .Select(j => new Draw(s.State, Seeds.Derive(options.Seed, s.State.Problem.Id, $"step\n{s.State.Text}", j)))).ToList();
            var steps = await policy.Extend(draws, Until.StepEnd, sampling, cancel);
            counter.Add(0, 0, traces.Sum(t => (long)t.TokensSince()) + steps.Zip(draws, (s, d) => (long)s.TokensSince(d.Prefix)).Sum());

            var counts = await rollouts.Count(states.Select(s => s.State).Concat(steps.Where(s => !s.Lost)), options.NMc, "rollout",
                cancel);
            counter.Add(batch.Length, 0, 0);
            foreach (var ((state, drawn), slice) in states.Zip(steps.SplitBy(states.Select(_ => stepsPerState))))
            {
                var next = slice.Where(s => !s.Lost).GroupBy(s => s)
                    .Select(g =>
                        new LabelledStep(g.Key.Step, g.Key.Tokens, g.Key.Ended, g.Count(), counts[g.Key].Counts.N, counts[g.Key].Counts.C))
                    .Where(s => s.N > 0).ToList();
                var v = counts[state].Counts;
                if (v.N == 0 || next.Count == 0) continue;
                yield return new(state.Problem.Id, policy.Name, policy.Name, state.Steps, [.. state.Path().Skip(1).Select(p => p.Tokens)],
                    drawn, grader.Id, v.N, v.C, [.. next], options.StepEnd?.Recorded);
            }
        }
    }

    /// <summary>
    /// The same states and steps with <c>NMc</c> completions of another policy after each. They have random numbers of their own: with
    /// those of <see cref="Run"/> or of a third policy, equal seeds would make the counts of alike policies alike, and the products of
    /// their estimates biased (<see cref="StepEstimate.FromOther"/>).
    /// </summary>
    public static async IAsyncEnumerable<LabelledState> Recount(
        IPolicy policy, Grader grader, IReadOnlyDictionary<string, Problem> problems, IEnumerable<LabelledState> states,
            LabelOptions options,
        Action<LabelProgress>? progress = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        options.Check();
        var counter = new Counter(progress);
        var rollouts = new Rollouts(policy, grader, options.Sampling, options.Seed, options.DrawsPerCall,
            (prefixes, tokens) => counter.Add(0, prefixes, tokens));
        foreach (var batch in states.Chunk(options.ProblemsPerBatch))
        {
            var prefixes = batch.Select(s => s.ToPrefix(problems.Find(s.Problem))).ToList();
            var steps = batch.Zip(prefixes, (s, prefix) => s.Next.Select(n => prefix.Then(n.Step, n.Tokens, n.Ended)).ToList()).ToList();
            var counts = await rollouts.Count(prefixes.Concat(steps.SelectMany(s => s)), options.NMc, $"recount by {policy.Name}", cancel);
            counter.Add(batch.Length, 0, 0);
            if (counts.FirstOrDefault(c => !c.Value.Counts.Known).Key is { } lost)
                throw new UserError($"problem {lost.Problem.Id}: no completion after one of its states got a usable answer; start the "
                    + "same command again to go on");
            foreach (var (state, prefix, next) in batch.Zip(prefixes, steps))
            {
                var v = counts[prefix].Counts;
                yield return state with
                {
                    Policy = policy.Name, Grader = grader.Id, N = v.N, C = v.C,
                    Next = [.. state.Next.Zip(next, (n, step) => n with { N = counts[step].Counts.N, C = counts[step].Counts.C })],
                };
            }
        }
    }

    /// <summary>A problem's states at its chosen depths, with the number of traces through each, in order of depth and first
    /// appearance.</summary>
    private static IEnumerable<(Prefix State, int Drawn)> Chosen(Problem problem, IReadOnlyList<Prefix> traces, int depths, ulong seed)
    {
        var deepest = traces.Max(t => t.Depth);
        var stream = Seeds.Derive(seed, problem.Id, "depths", 0);
        var chosen = Enumerable.Range(0, deepest).OrderBy(h => Seeds.Uniform(stream, h)).Take(depths == 0 ? deepest : depths).ToHashSet();
        return traces.SelectMany(t => t.Path()).Where(p => !p.Ended && chosen.Contains(p.Depth)).GroupBy(p => p).OrderBy(g => g.Key.Depth)
            .Select(g => (g.Key, g.Count()));
    }

    private sealed class Counter(Action<LabelProgress>? progress)
    {
        private LabelProgress reached;

        public void Add(int items, int prefixes, long tokens) =>
            progress?.Invoke(reached = new(reached.Problems + items, reached.Prefixes + prefixes, reached.GeneratedTokens + tokens));
    }
}
