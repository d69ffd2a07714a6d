namespace Pav.Serve.Rewards;

/// <summary>Where a step stands in its response.</summary>
/// <param name="Start">Its first character, counted in Unicode code points from 0.</param>
/// <param name="End">One past its last character.</param>
/// <param name="TokenStart">Its first token; null where tokens are not known.</param>
/// <param name="TokenEnd">One past its last token.</param>
internal readonly record struct StepSpan(int Start, int End, int? TokenStart, int? TokenEnd);

/// <summary>What a step is worth.</summary>
/// <param name="Span">Where it stands.</param>
/// <param name="Q">Q^π after it, in [0, 1].</param>
/// <param name="Progress">A^μ of the step, in [−1, 1].</param>
/// <param name="Reward">The effective reward Q^π + α·A^μ.</param>
internal sealed record StepReward(StepSpan Span, double Q, double Progress, double Reward);

/// <summary>What a trace and its steps are worth.</summary>
/// <param name="Q0">V^π of the problem.</param>
/// <param name="Steps">In order; none for an empty response.</param>
/// <param name="Outcome">Rex: 0 or 1; null without a label.</param>
internal sealed record TraceReward(double Q0, IReadOnlyList<StepReward> Steps, int? Outcome)
{
    /// <summary>Q^π at the end of the trace.</summary>
    public double Q => Steps.Count > 0 ? Steps[^1].Q : Q0;

    /// <summary>Sum of all progress, which is Q^μ(end) − V^μ(x).</summary>
    public double ProgressSum => Steps.Sum(s => s.Progress);

    /// <summary>The least progress of a step; 0 where there is none.</summary>
    public double ProgressMin => Steps.Count > 0 ? Steps.Min(s => s.Progress) : 0;

    /// <summary>
    /// Worked, with the prover bo2, which makes of q = (0.3, 0.5, 0.2) q^μ = (0.51, 0.75, 0.36), and α = 0.5: progress (0.24, −0.39) and
    /// effective rewards (0.62, 0.005).
    /// </summary>
    /// <param name="spans">Of the H steps.</param>
    /// <param name="q">H + 1 values of Q^π.</param>
    /// <param name="qMu">H + 1 values of the prover's Q^μ.</param>
    /// <param name="alpha">Weight of progress, at least 0.</param>
    /// <param name="outcome">Rex, where it is known.</param>
    public static TraceReward From(
        IReadOnlyList<StepSpan> spans, IReadOnlyList<double> q, IReadOnlyList<double> qMu, double alpha, int? outcome)
    {
        if (q.Count != spans.Count + 1 || qMu.Count != q.Count)
            throw new ArgumentException($"{spans.Count} steps need {spans.Count + 1} values, there are {q.Count}, {qMu.Count}", nameof(q));
        var progress = Advantage.OfSteps(qMu);
        return new(q[0], [.. spans.Select((span, h) => new StepReward(span, q[h + 1], progress[h],
            EffectiveReward.Compute(q[h + 1], progress[h], alpha)))], outcome);
    }
}

/// <summary>Which one number of a trace a framework gets that takes no more than one.</summary>
internal enum TraceScore
{
    /// <summary>Q^π at the end, in [0, 1].</summary>
    Q,

    /// <summary>Rex, 0 or 1: needs a label.</summary>
    Outcome,

    /// <summary>The least progress of a step, in [−1, 1].</summary>
    MinProgress,
}
