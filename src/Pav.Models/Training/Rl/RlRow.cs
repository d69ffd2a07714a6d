namespace Pav.Models.Training;

/// <summary>
/// One line of <c>metrics.jsonl</c>: the policy after so many iterations, measured on the batch that it sampled next (and on held-out
/// problems, where due).
/// The last line, after all iterations, holds held-out measures only. Clocks are in <c>timing.jsonl</c>, so that equal runs have equal
/// metrics.
/// </summary>
/// <param name="Iteration">Updates done before this batch was sampled.</param>
/// <param name="Reward">Mean Rex.</param>
/// <param name="Solved">Share of the batch's problems that some sample solves.</param>
/// <param name="Progress">Mean A^μ of a step; absent without a prover.</param>
/// <param name="NoProgress">Share of steps that repeat an earlier one of their trace or (with a prover) have |A^μ| below the bound.</param>
/// <param name="Repeated">Share of steps that repeat an earlier one of their trace.</param>
/// <param name="Steps">Mean steps of a trace.</param>
/// <param name="Length">Mean generated tokens of a trace.</param>
/// <param name="Truncated">Share of traces cut off by the token limit.</param>
/// <param name="Entropy">Of the next token, mean over generated tokens, in nats.</param>
/// <param name="Kl">KL(π‖π₀), likewise.</param>
/// <param name="ValueLoss">Mean squared error of the value function; absent without one.</param>
/// <param name="GradNorm">Before clipping.</param>
/// <param name="Clipped">Share of tokens whose ratio was clipped; absent with one update per batch.</param>
/// <param name="Rate">The policy's learning rate.</param>
/// <param name="Alpha">Weight of the step rewards, before it depends on the problem; absent without them.</param>
/// <param name="StepScale">Root mean square of the batch's step rewards before alpha; absent without them.</param>
/// <param name="Traces">Traces sampled so far for the policy's own updates.</param>
/// <param name="GeneratedTokens">Their tokens.</param>
/// <param name="ProverTokens">Tokens generated so far for oracle rollouts, values of segments and labels of refreshed verifiers.</param>
/// <param name="ProverRollouts">Those completions and traces.</param>
/// <param name="ScoredTokens">Tokens, prompts included, that learned verifiers read so far to score these traces; what traces of a batch
/// share, once.</param>
/// <param name="TrainedTokens">Tokens, prompts included, of the policy's updates so far; a batch counts once for each pass over it.</param>
/// <param name="VerifierTokens">Tokens that refreshed verifiers learned from so far, likewise.</param>
/// <param name="ValidAccuracy">Share of right samples on held-out problems.</param>
/// <param name="ValidPass">Share of held-out problems that some of the samples solves.</param>
public sealed record RlRow(
    int Iteration, double? Reward = null, double? Solved = null, double? Progress = null, double? NoProgress = null,
        double? Repeated = null, double? Steps = null, double? Length = null,
    double? Truncated = null, double? Entropy = null, double? Kl = null, double? ValueLoss = null, double? GradNorm = null,
        double? Clipped = null, double? Rate = null,
    double? Alpha = null, double? StepScale = null,
    long Traces = 0, long GeneratedTokens = 0, long ProverTokens = 0, long ProverRollouts = 0, long ScoredTokens = 0,
    long TrainedTokens = 0, long VerifierTokens = 0, double? ValidAccuracy = null, double? ValidPass = null)
{
    /// <summary>The lines that hold a held-out measure, each with the counts when it was taken: those of the line itself take in the batch,
    /// and the labels, that came after it.</summary>
    public static IEnumerable<(RlRow Row, RlRow Spent)> Measured(IReadOnlyList<RlRow> rows) =>
        rows.Select((row, i) => (row, row.Reward is null ? row : i == 0 ? new RlRow(0) : rows[i - 1]))
            .Where(m => m.row.ValidAccuracy is not null);

    /// <summary>The next iteration's line before anything is measured: its number, and the counts so far.</summary>
    internal RlRow Following() =>
        new(Iteration + 1, Traces: Traces, GeneratedTokens: GeneratedTokens, ProverTokens: ProverTokens, ProverRollouts: ProverRollouts,
            ScoredTokens: ScoredTokens, TrainedTokens: TrainedTokens, VerifierTokens: VerifierTokens);

    /// <summary>With what a batch shows before the update.</summary>
    internal RlRow WithBatch(
        IReadOnlyList<IReadOnlyList<Prefix>> groups, IReadOnlyList<IReadOnlyList<double[]>>? qMu, Grader grader, RlOptions options)
    {
        var traces = groups.SelectMany(g => g).ToList();
        double[]? progress = qMu is null ? null : [.. qMu.SelectMany(g => g).SelectMany(Advantage.OfSteps)];
        bool[] repeated = [.. traces.SelectMany(Repeats)];
        int[] lengths = [.. traces.Select(t => t.TokensSince())];
        return this with
        {
            Reward = traces.Average(grader.Rex),
            Solved = groups.Average(g => g.Max(grader.Rex)),
            Progress = progress?.Average(),
            NoProgress = repeated.Select((r, i) => r || progress is not null && Math.Abs(progress[i]) < options.NoProgress ? 1.0 : 0)
                .Average(),
            Repeated = repeated.Average(r => r ? 1.0 : 0),
            Steps = traces.Average(t => t.Depth),
            Length = lengths.Average(),
            Truncated = lengths.Average(l => l >= options.MaxTokens ? 1.0 : 0),
            Traces = Traces + traces.Count,
            GeneratedTokens = GeneratedTokens + lengths.Sum(l => (long)l),
        };
    }

    /// <summary>What TensorBoard shows, by its names there.</summary>
    internal IEnumerable<(string Name, double Value)> Scalars()
    {
        (string Name, double? Value)[] all =
        [
            ("train/reward", Reward), ("train/solved", Solved), ("train/progress", Progress), ("train/no_progress", NoProgress),
            ("train/repeated", Repeated), ("train/steps", Steps), ("train/length", Length), ("train/truncated", Truncated),
            ("policy/entropy", Entropy), ("policy/kl", Kl), ("policy/grad_norm", GradNorm), ("policy/clipped", Clipped),
            ("policy/rate", Rate), ("policy/alpha", Alpha), ("train/step_scale", StepScale),
            ("value/loss", ValueLoss), ("cost/generated_tokens", GeneratedTokens),
            ("cost/prover_tokens", ProverTokens), ("cost/traces", Traces), ("cost/prover_rollouts", ProverRollouts),
            ("cost/scored_tokens", ScoredTokens), ("cost/trained_tokens", TrainedTokens), ("cost/verifier_tokens", VerifierTokens),
            ("valid/accuracy", ValidAccuracy), ("valid/pass", ValidPass),
        ];
        return all.Where(s => s.Value is not null).Select(s => (s.Name, s.Value!.Value));
    }

    /// <summary>For each step, is it one that its trace has taken before?</summary>
    private static IEnumerable<bool> Repeats(Prefix trace)
    {
        var seen = new HashSet<string>();
        return trace.Steps.Select(step => !seen.Add(step)).ToList();
    }
}

/// <summary>One line of <c>valid.jsonl</c>: a held-out measure problem by problem.</summary>
/// <param name="Iteration">Updates done before.</param>
/// <param name="Samples">Of each problem.</param>
/// <param name="Right">Right ones among them, in the order of the held-out problems.</param>
public sealed record RlValidRow(int Iteration, int Samples, IReadOnlyList<int> Right);

/// <summary>One line of <c>timing.jsonl</c>: seconds of an iteration's parts.</summary>
internal sealed record RlTiming(int Iteration, double Sampling, double Scoring, double Update, double Evaluation, double Refresh,
    double TokensPerSecond);

/// <summary>Where RL stands.</summary>
/// <param name="Settled">Where alpha is matched to the step rewards, and this iteration was the last to be measured for it.</param>
public readonly record struct RlProgress(RlRow Row, double TokensPerSecond, HackingSigns? Signs, AlphaMatch? Settled = null);

/// <summary>How RL ended. <c>Finished</c> is false where it was cancelled: started again on the same folder, it goes on.</summary>
/// <param name="Stopped">The guard stopped it.</param>
/// <param name="Alpha">Where it was chosen.</param>
public record RlResult(bool Finished, bool Stopped, int Iterations, double? ValidAccuracy, double? BestAccuracy, int BestIteration,
    long GeneratedTokens, long ProverTokens, string Last, string Best, double? Alpha = null);
