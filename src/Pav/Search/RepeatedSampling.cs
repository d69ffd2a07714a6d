using System.Diagnostics;

namespace Pav;

/// <summary>Independent traces of one problem, in order of drawing, and the wall time that drawing them took.</summary>
public sealed record SampleSet(Problem Problem, ulong Seed, IReadOnlyList<Prefix> Traces, double Seconds);

/// <summary>A verifier's Q at the last token of each trace of a set, tokens read for each, and the wall time.</summary>
public sealed record TraceScores(IReadOnlyList<double> Q, IReadOnlyList<int> Tokens, double Seconds);

/// <summary>
/// The methods that choose among independent traces: one set of the largest N is drawn for each problem, and every N ≤ that is judged on its first N
/// traces and charged for these alone.
/// </summary>
public static class RepeatedSampling
{
    /// <summary>N traces of every problem, all draws in one call. With <paramref name="from"/> those that follow the first so many.</summary>
    public static async Task<IReadOnlyList<SampleSet>> Draw(
        IReadOnlyList<Problem> problems, IPolicy policy, int n, ulong seed, Sampling sampling, CancellationToken cancel = default, int from = 0)
    {
        if (n < 1) throw new UserError($"the number of samples is {n}; it must be at least 1");
        var clock = Stopwatch.StartNew();
        var draws = problems.SelectMany(p => Enumerable.Range(from, n).Select(i => new Draw(Prefix.Root(p), Seeds.Of(seed, p.Id, "sample", i)))).ToList();
        var traces = await policy.Extend(draws, Until.TraceEnd, sampling, cancel);
        var seconds = clock.Elapsed.TotalSeconds / problems.Count;
        return [.. problems.Select((p, i) => new SampleSet(p, seed, [.. traces.Skip(i * n).Take(n)], seconds))];
    }

    /// <summary>Scores every trace of every set in one call.</summary>
    public static async Task<IReadOnlyList<TraceScores>> Score(IReadOnlyList<SampleSet> sets, IVerifier verifier, CancellationToken cancel = default)
    {
        var clock = Stopwatch.StartNew();
        var scored = await verifier.Score([.. sets.SelectMany(s => s.Traces)], cancel);
        verifier.Reset();
        var seconds = clock.Elapsed.TotalSeconds / sets.Count;
        var from = 0;
        var scores = new List<TraceScores>(sets.Count);
        foreach (var set in sets)
        {
            var mine = scored.Skip(from).Take(set.Traces.Count).ToList();
            scores.Add(new([.. mine.Select(s => s.Q[^1])], [.. mine.Select(s => s.Tokens)], seconds));
            from += set.Traces.Count;
        }

        return scores;
    }

    /// <summary>The first trace of a set.</summary>
    public static SearchRow Sample(SampleSet set, Grader grader) => Row(set, "sample", 1, grader, 0, null);

    /// <summary>The only trace of a set that was drawn at temperature 0.</summary>
    public static SearchRow Greedy(SampleSet set, Grader grader) => Row(set, "greedy", 1, grader, 0, null);

    /// <summary>The most frequent answer of the first n.</summary>
    public static SearchRow Majority(SampleSet set, int n, Grader grader)
    {
        var answers = Answers(set, n, grader);
        return Row(set, "majority", n, grader, IndexOf(answers, Vote.Majority(answers)), null);
    }

    /// <summary>The trace of the first n that a verifier scores highest; <paramref name="method"/> says which: <c>best-of-n-orm</c>, <c>best-of-n-q</c>.</summary>
    public static SearchRow BestOfN(string method, SampleSet set, TraceScores scores, int n, Grader grader) =>
        Row(set, method, n, grader, Enumerable.Range(0, n).MaxBy(i => scores.Q[i]), scores);

    /// <summary>The answer with the largest sum of scores among the first n.</summary>
    public static SearchRow WeightedVote(SampleSet set, TraceScores scores, int n, Grader grader)
    {
        var answers = Answers(set, n, grader);
        return Row(set, "weighted-vote", n, grader, IndexOf(answers, Vote.Weighted(answers.Zip(scores.Q))), scores);
    }

    private static List<string?> Answers(SampleSet set, int n, Grader grader) => [.. set.Traces.Take(n).Select(t => grader.Extract(t.Text))];

    private static int IndexOf(List<string?> answers, string? answer) => Math.Max(0, answers.IndexOf(answer));

    private static SearchRow Row(SampleSet set, string method, int n, Grader grader, int chosen, TraceScores? scores)
    {
        if (n > set.Traces.Count) throw new ArgumentOutOfRangeException(nameof(n), n, $"{set.Traces.Count} traces were drawn");
        var traces = set.Traces.Take(n).ToList();
        var share = (double)n / set.Traces.Count;
        return new(
            set.Problem.Id, set.Problem.Level, method, n, null, null, set.Seed,
            grader.Rex(traces[chosen]), traces.Max(grader.Rex), n, traces.Distinct().Count(), grader.Extract(traces[chosen].Text),
            traces.Sum(t => (long)Cost.Tokens(t)), scores is null ? 0 : scores.Tokens.Take(n).Sum(t => (long)t), share * (set.Seconds + (scores?.Seconds ?? 0)),
            scores is null ? null : Math.Round(scores.Q[chosen], 4));
    }
}
