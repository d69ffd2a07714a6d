namespace Pav.Didactic;

/// <summary>What a step is credited with besides Rex.</summary>
internal enum StepReward
{
    /// <summary>Nothing: outcome reward only.</summary>
    Outcome,

    /// <summary>αA^μ of the sampled action (Eq. 5).</summary>
    AMu,

    /// <summary>αA^μ, summed over all actions of the state with π's probabilities: the same expectation, no sampling of the
    /// action.</summary>
    AMuAllActions,

    /// <summary>αQ^μ of the sampled action (App. G).</summary>
    QMu,

    /// <summary>αA^π of the sampled action: progress under the policy itself.</summary>
    APi,

    /// <summary>α times the sum of A^μ from this step on, which telescopes to Rex − V^μ(s).</summary>
    AMuToGo,

    /// <summary>α times the sum of Q^μ from this step on.</summary>
    QMuToGo,
}

/// <summary>The weight of ∇log π(a_h | s_h) in REINFORCE.</summary>
internal static class StepCredit
{
    /// <summary>
    /// One weight for each of H steps, from H + 1 values along the sequence: of the policy itself for <see cref="StepReward.APi"/>, else of
    /// the prover.
    /// Worked: Rex = 1, α = 2, q = (0.3, 0.5, 1). AMu: (1.4, 2). QMu: (2, 3). AMuToGo: (2.4, 2). QMuToGo: (4, 3).
    /// </summary>
    public static double[] OfSteps(StepReward reward, int rex, double alpha, IReadOnlyList<double> q)
    {
        var (dense, credit) = reward switch
        {
            StepReward.Outcome => (DenseReward.None, Credit.Own),
            StepReward.AMu or StepReward.AMuAllActions or StepReward.APi => (DenseReward.Progress, Credit.Own),
            StepReward.QMu => (DenseReward.Q, Credit.Own),
            StepReward.AMuToGo => (DenseReward.Progress, Credit.ToGo),
            StepReward.QMuToGo => (DenseReward.Q, Credit.ToGo),
            _ => throw new ArgumentOutOfRangeException(nameof(reward), reward, null),
        };
        return [.. Returns.Dense(dense, credit, alpha, q, q.Count - 1).Select(d => rex + d)];
    }
}
