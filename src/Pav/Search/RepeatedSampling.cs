using System.Diagnostics;

namespace Pav;

/// <summary>Independent traces of one problem, in order of drawing, and the wall time that drawing them took.</summary>
internal sealed record SampleSet(Problem Problem, ulong Seed, IReadOnlyList<Prefix> Traces, double Seconds);

/// <summary>Traces that share nothing: what every guided search is compared with, and what Pass@N is measured on.</summary>
internal static class RepeatedSampling
{
    /// <summary>Draws of whole traces, numbers <paramref name="from"/> to from + n − 1 of a problem's sequence.</summary>
    public static IEnumerable<Draw> Draws(Problem problem, ulong seed, int from, int n) =>
        Enumerable.Range(from, n).Select(i => new Draw(Prefix.Root(problem), Seeds.Derive(seed, problem.Id, "sample", i)));

    /// <summary>The same sampling without chance.</summary>
    public static Sampling Greedy(Sampling sampling) => sampling with { Temperature = 0, TopK = 0, TopP = 1 };

    /// <summary>N traces of every problem, all draws in one call. With <paramref name="from"/> those that follow the first ones.</summary>
    public static async Task<IReadOnlyList<SampleSet>> Draw(
        IReadOnlyList<Problem> problems, IPolicy policy, int n, ulong seed, Sampling sampling, CancellationToken cancel = default,
            int from = 0)
    {
        if (n < 1) throw new UserError($"the number of samples is {n}; it must be at least 1");
        var clock = Stopwatch.StartNew();
        var traces = await policy.Extend([.. problems.SelectMany(p => Draws(p, seed, from, n))], Until.TraceEnd, sampling, cancel);
        var seconds = clock.Elapsed.TotalSeconds / problems.Count;
        return [.. problems.Zip(traces.SplitBy(problems.Select(_ => n)), (p, slice) => new SampleSet(p, seed, slice, seconds))];
    }
}
