using Pav.Cli.Runs;
using Pav.Cli.Terminal;

namespace Pav.Cli.Commands.Search;

/// <summary>Rows of one search on the problems that were tried.</summary>
/// <param name="Problems">On so many problems it is run.</param>
/// <param name="Seeds">With so many seeds.</param>
/// <param name="Seconds">That it took on those that were tried.</param>
internal sealed record TriedStage(int Problems, int Seeds, double Seconds, IReadOnlyList<SearchRow> Rows);

/// <summary>What a search would take, from searches of a few of its problems; the interval of the generated tokens is of 95%.</summary>
/// <param name="Searches">Searches of a problem, methods that share one counted once.</param>
internal sealed record SearchCost(int Problems, int Tried, double Searches, double GeneratedTokens, double GeneratedTokensLow,
    double GeneratedTokensHigh, double ScoredTokens, double Seconds, double MemoryMb)
{
    private const int Most = 8;

    /// <summary>Up to eight of the problems, from all over the file.</summary>
    public static IReadOnlyList<Problem> Probe(IReadOnlyList<Problem> problems)
    {
        var stride = Math.Max(1, problems.Count / Most);
        return [.. problems.Where((_, i) => i % stride == 0).Take(Most)];
    }

    /// <summary>
    /// The methods of a stage share its search, whose cost is that of its costliest row. Worked: two problems tried, of 100 and 300 tokens
    /// by a stage that is run on 10 problems with 2 seeds, in 4 s: 4,000 tokens, 40 s.
    /// </summary>
    public static SearchCost From(int problems, IReadOnlyList<string> tried, IReadOnlyList<TriedStage> stages)
    {
        double[] Sums(Func<SearchRow, long> tokens) => [.. tried.Select(id =>
            stages.Sum(s => (double)s.Problems * s.Seeds * s.Rows.Where(r => r.Problem == id).Max(tokens)))];
        var generated = Bootstrap.Mean(Sums(r => r.GeneratedTokens));
        return new(
            problems, tried.Count, stages.Sum(s => (double)s.Problems * s.Seeds), generated.Value, generated.Low, generated.High,
            Sums(r => r.ScoredTokens).Average(), stages.Sum(s => s.Seconds * s.Problems * s.Seeds / tried.Count),
            RunFolder.PeakMemoryMb());
    }

    public SearchCost Tell(Reporter reporter)
    {
        reporter.Say($"{Problems:N0} problems, {Searches:N0} searches in all; {Tried} problems were searched to estimate the rest");
        reporter.Say($"{Estimates.Count(GeneratedTokens)} tokens generated [{Estimates.Count(GeneratedTokensLow)} to "
            + $"{Estimates.Count(GeneratedTokensHigh)}], {Estimates.Count(ScoredTokens)} scored by verifiers");
        reporter.Say($"{Estimates.Time(Seconds)} on this machine as it is now, somewhat less where more problems are searched together");
        reporter.Say($"memory: {MemoryMb:N0} MB so far; caches of keys and values grow to --memory-mb for each model");
        return this;
    }
}
