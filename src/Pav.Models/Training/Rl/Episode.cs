using Pav.Models.Tokenizers;

namespace Pav.Models.Training;

/// <summary>A sampled trace as the update sees it: its ids, which step each generated one belongs to, and what each step is credited with.</summary>
/// <param name="Ids">Prompt and trace, an end-of-sequence id included.</param>
/// <param name="Prompt">How many of them are the prompt's.</param>
/// <param name="StepOf">For each generated id, its step (0 … H − 1).</param>
/// <param name="Returns">R_h of each step.</param>
/// <param name="Baselines">What is subtracted from it; zeros where the value function gives the baseline.</param>
internal sealed record Episode(int[] Ids, int Prompt, int[] StepOf, double[] Returns, double[] Baselines)
{
    public int Generated => StepOf.Length;

    /// <summary>One group of traces of one problem, with the prover's values of each (H + 1), where there is a prover.</summary>
    public static IEnumerable<Episode> FromGroup(
        IReadOnlyList<Prefix> traces, IReadOnlyList<double[]>? qMu, Grader grader, RlOptions options, Tokenizer tokenizer, PromptTemplate template)
    {
        var prompt = template.Encode(tokenizer, traces[0].Problem);
        StepReturns[] returns = [.. traces.Select((t, i) => new StepReturns(grader.Rex(t), Pav.Returns.Dense(options.Reward, options.Credit, options.Alpha, qMu?[i], t.Depth)))];
        var baselines = options.Baseline == RlBaseline.LeaveOneOut ? LeaveOneOut.Compute(returns) : [.. returns.Select(r => new double[r.Dense.Length])];
        return traces.Select((trace, i) =>
        {
            var steps = trace.Path().Skip(1).ToList();
            return new Episode(
                [.. prompt, .. steps.SelectMany(s => s.Tokens)], prompt.Length, [.. steps.SelectMany((s, h) => Enumerable.Repeat(h, s.Tokens.Count))],
                [.. Enumerable.Range(0, steps.Count).Select(returns[i].At)], baselines[i]);
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
