using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>A sampled trace as the update sees it: its ids, which step each generated one belongs to, and what each step is credited
/// with.</summary>
/// <param name="Ids">Prompt and trace, an end-of-sequence id included.</param>
/// <param name="Prompt">How many of them are the prompt's.</param>
/// <param name="StepOf">For each generated id, its step (0 … H − 1); where tokens are credited one by one (λ-GRPO), its place.</param>
/// <param name="Returns">R_h of each step.</param>
/// <param name="Baselines">What is subtracted from it; zeros where the value function gives the baseline.</param>
internal sealed record Episode(int[] Ids, int Prompt, int[] StepOf, double[] Returns, double[] Baselines)
{
    public int Generated => StepOf.Length;

    /// <summary>The groups of a batch, with the prover's values of each trace (H + 1) where there is a prover.</summary>
    /// <param name="segments">The policy's own values at each trace's cuts, for <see cref="OutcomeCredit.Segments"/>.</param>
    public static Episode[] FromBatch(
        IReadOnlyList<IReadOnlyList<Prefix>> groups, IReadOnlyList<IReadOnlyList<double[]>>? qMu,
        IReadOnlyList<IReadOnlyList<double[]>>? segments, Grader grader, RlOptions options, Tokenizer tokenizer, PromptTemplate template)
    {
        return FromBatch(groups, Earned(groups, qMu, grader, options), segments, options, tokenizer, template);
    }

    /// <summary>The groups of a batch, with what their steps have earned before α.</summary>
    public static Episode[] FromBatch(
        IReadOnlyList<IReadOnlyList<Prefix>> groups, StepReturns[][] earned, IReadOnlyList<IReadOnlyList<double[]>>? segments,
        RlOptions options, Tokenizer tokenizer, PromptTemplate template) =>
        [.. groups.SelectMany((group, g) => FromGroup(
            group, [.. earned[g].Select(t => Weighed(t, options.Alpha))], segments?[g], options,
                template.Encode(tokenizer, group[0].Problem)))];

    /// <summary>Each trace's Rex and step rewards, shaped, and of the problem's share of α, but before α itself.</summary>
    public static StepReturns[][] Earned(
        IReadOnlyList<IReadOnlyList<Prefix>> groups, IReadOnlyList<IReadOnlyList<double[]>>? qMu, Grader grader, RlOptions options)
    {
        StepReturns[][] plain =
        [
            .. groups.Select((group, g) => group.Select((trace, i) => new StepReturns(
                grader.Rex(trace), Pav.Returns.Dense(options.Reward, options.Credit, 1, qMu?[g][i], trace.Depth))).ToArray()),
        ];
        var shaped = ProcessRewards.Shape(options.Process, plain, options.ErrorDrop);
        if (qMu is null) return shaped;
        return
        [
            .. shaped.Select((group, g) => group.Select((trace, i) =>
                Weighed(trace, ProblemAlpha.Share(options.AlphaBy, qMu[g][i][0]))).ToArray()),
        ];
    }

    private static StepReturns Weighed(StepReturns trace, double alpha) => trace with { Dense = [.. trace.Dense.Select(d => alpha * d)] };

    private static IEnumerable<Episode> FromGroup(
        IReadOnlyList<Prefix> traces, StepReturns[] returns, IReadOnlyList<double[]>? segments, RlOptions options, int[] prompt)
    {
        var paths = traces.Select(t => t.Path().Skip(1).ToList()).ToList();
        int[][] ids = [.. paths.Select(path => path.SelectMany(s => s.Tokens).ToArray())];
        int[][] stepOf = [.. paths.Select(path => path.SelectMany((s, h) => Enumerable.Repeat(h, s.Tokens.Count)).ToArray())];
        var baselines = options.Baseline == RlBaseline.LeaveOneOut ? LeaveOneOut.Compute(returns) : null;
        var normalised = options.Outcome is OutcomeCredit.Group or OutcomeCredit.SharedPrefixes
            ? GroupCredit.Normalised([.. returns.Select(r => (double)r.Rex)]) : [];
        var sharing = options.Outcome == OutcomeCredit.SharedPrefixes ? GroupCredit.Sharing(ids) : [];
        return traces.Select((_, i) =>
        {
            var dense = returns[i].Dense;
            (int[] Places, double[] Credits) credited = options.Outcome switch
            {
                OutcomeCredit.Plain => (stepOf[i], [.. dense.Select((_, h) => returns[i].At(h))]),
                OutcomeCredit.Group => (stepOf[i], [.. dense.Select(d => normalised[i] + d)]),
                OutcomeCredit.Segments =>
                    (stepOf[i], [.. GroupCredit.Advantages(segments![i], dense.Length, options.SegmentSteps).Zip(dense, (a, d) => a + d)]),
                // Each token has a credit of its own.
                _ => ([.. Enumerable.Range(0, ids[i].Length)], [.. stepOf[i].Select((h, t) => (normalised[i] / sharing[i][t]) + dense[h])]),
            };
            var (places, credits) = credited;
            return new Episode([.. prompt, .. ids[i]], prompt.Length, places, credits, baselines?[i] ?? new double[credits.Length]);
        });
    }

    /// <summary>Cuts a batch into so many minibatches, whose sizes differ by one at most.</summary>
    public static IEnumerable<Episode[]> Parts(Episode[] batch, int minibatches) =>
        Enumerable.Range(0, minibatches).Select(k => batch[(k * batch.Length / minibatches)..((k + 1) * batch.Length / minibatches)]);

    /// <summary>Cuts episodes, sorted by length, into passes of at most so many tokens, padding included.</summary>
    public static IEnumerable<Episode[]> Passes(IEnumerable<Episode> episodes, int tokens)
    {
        var pass = new List<Episode>();
        foreach (var episode in episodes.OrderBy(e => e.Ids.Length))
        {
            if (pass.Count > 0 && (pass.Count + 1) * episode.Ids.Length > tokens)
            {
                yield return [.. pass];
                pass.Clear();
            }

            pass.Add(episode);
        }

        if (pass.Count > 0) yield return [.. pass];
    }
}
