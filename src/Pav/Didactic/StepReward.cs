namespace Pav.Didactic;

/// <summary>What a step is credited with besides Rex.</summary>
public enum StepReward
{
    /// <summary>Nothing: outcome reward only.</summary>
    Outcome,

    /// <summary>αA^μ of the sampled action (Eq. 5).</summary>
    AMu,

    /// <summary>αA^μ, summed over all actions of the state with π's probabilities: the same expectation, no sampling of the action.</summary>
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
public static class StepCredit
{
    /// <summary>
    /// One weight for each of H steps, from H + 1 values along the sequence: of the policy itself for <see cref="StepReward.APi"/>, else of the prover.
    /// Worked: Rex = 1, α = 2, q = (0.3, 0.5, 1). AMu: (1.4, 2). QMu: (2, 3). AMuToGo: (2.4, 2). QMuToGo: (4, 3).
    /// </summary>
    public static double[] OfSteps(StepReward reward, int rex, double alpha, IReadOnlyList<double> q)
    {
        var weights = new double[q.Count - 1];
        var toGo = 0.0;
        for (var h = weights.Length; h >= 1; h--)
        {
            toGo += q[h];
            weights[h - 1] = rex + alpha * reward switch
            {
                StepReward.Outcome => 0,
                StepReward.AMu or StepReward.AMuAllActions or StepReward.APi => q[h] - q[h - 1],
                StepReward.QMu => q[h],
                StepReward.AMuToGo => q[^1] - q[h - 1],
                StepReward.QMuToGo => toGo,
                _ => throw new ArgumentOutOfRangeException(nameof(reward), reward, null),
            };
        }

        return weights;
    }
}
