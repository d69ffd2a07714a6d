namespace Pav.Models.Training;

/// <summary>What RL would take, from its first iterations. Traces may grow or shrink as the policy learns.</summary>
/// <param name="Iterations">Of all runs together, where alpha is chosen by runs of its own.</param>
/// <param name="Traces">Sampled for updates.</param>
/// <param name="GeneratedTokens">Of these traces.</param>
/// <param name="ProverTokens">Generated for oracle rollouts and values of segments.</param>
/// <param name="ScoredTokens">Read by a verifier.</param>
/// <param name="MeasuredTraces">Sampled to measure the policy, at intervals and at the end.</param>
/// <param name="MeasuredTokens">Of these.</param>
/// <param name="SecondsPerIteration">On this machine, as it is now.</param>
/// <param name="Seconds">Of all iterations and measures.</param>
public sealed record RlCost(int Iterations, double Traces, double GeneratedTokens, double ProverTokens, double ScoredTokens,
    double MeasuredTraces, double MeasuredTokens, double SecondsPerIteration, double Seconds)
{
    /// <summary>Iterations that are tried: the first warms up, unless it takes so many seconds that it must do.</summary>
    private const int Tried = 3;

    private const double Long = 60;

    /// <summary>Does the first iterations, whose weights are thrown away.</summary>
    /// <param name="task">What is trained.</param>
    /// <param name="options">How.</param>
    /// <param name="iterations">Of all runs together.</param>
    /// <param name="measured">Traces sampled to measure policies, of all runs together.</param>
    /// <param name="cancel">Between iterations.</param>
    public static RlCost Estimate(RlTask task, RlOptions options, int iterations, long measured, CancellationToken cancel = default)
    {
        var scored = 0L;
        var prover = task.Prover;
        var counted = task with
        {
            HeldOut = [],
            Prover = prover is null ? null : async (iteration, policy, stop) =>
            {
                var found = await prover(iteration, policy, stop);
                return found.OracleRollouts > 0 ? found : found with { Verifier = new Counting(found.Verifier, n => scored += n) };
            },
        };
        var folder = Directory.CreateTempSubdirectory("pav-dry-run-").FullName;
        try
        {
            var tries = new List<RlTry>();
            RlLoop.Try(counted, options, folder, t =>
            {
                tries.Add(t with { ScoredTokens = scored - tries.Sum(before => before.ScoredTokens) });
                return tries.Count < Tried && t.Seconds < Long;
            }, cancel);
            return From(tries, options, iterations, measured);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Worked: iterations of 8 traces, 400 tokens and 2 s, of which 1 s for sampling; 10 of them and 40 traces to measure by:
    /// 4,000 and 2,000 tokens, 20 s and 5 s.</summary>
    internal static RlCost From(IReadOnlyList<RlTry> tries, RlOptions options, int iterations, long measured)
    {
        double Mean(Func<RlTry, double> value) => tries.Average(value);
        var (timed, traces) = (tries.Skip(tries.Count > 1 ? 1 : 0).ToList(), options.Batch * options.Samples);
        var (seconds, sampling) = (timed.Average(t => t.Seconds), timed.Average(t => t.SamplingSeconds));
        return new(
            iterations, (double)iterations * traces, iterations * Mean(t => t.GeneratedTokens), iterations * Mean(t => t.ProverTokens),
            iterations * Mean(t => t.ScoredTokens), measured, measured * Mean(t => t.GeneratedTokens) / traces, seconds,
            iterations * seconds + measured * sampling / traces);
    }

    /// <summary>Counts the tokens that a verifier reads.</summary>
    private sealed class Counting(IVerifier inner, Action<long> count) : IVerifier
    {
        public string Name => inner.Name;

        public async Task<IReadOnlyList<Scored>> Score(IReadOnlyList<Prefix> prefixes, CancellationToken cancel = default)
        {
            var scored = await inner.Score(prefixes, cancel);
            count(scored.Sum(s => (long)s.Tokens));
            return scored;
        }

        public void Reset() => inner.Reset();
    }
}

/// <summary>What one iteration took.</summary>
internal sealed record RlTry(double GeneratedTokens, double ProverTokens, double ScoredTokens, double Seconds, double SamplingSeconds);
