namespace Pav.Didactic;

/// <summary>
/// Policy gradients of a tabular softmax policy with respect to its logits θ, laid out [L, |y*|, vocabulary]:
/// <c>∂/∂θ(s, a) = d(s)·π(a|s)·(C(s, a) − Σ_b π(b|s)·C(s, b))</c>, where d(s) is the chance to visit s and C(s, a) the expected credit of
/// taking a there.
/// </summary>
internal static class TabularGradient
{
    /// <summary>The expectation of <see cref="Reinforce"/> over sequences of the policy, for <see cref="StepCredit"/> with oracle values;
    /// any baseline that depends on the state alone leaves it as it is.</summary>
    /// <param name="prover">Values of μ; not looked at for <see cref="StepReward.Outcome"/> and <see cref="StepReward.APi"/>.</param>
    public static double[] Exact(TabularPolicy policy, StepReward reward, double alpha, ExactValues prover)
    {
        var task = policy.Task;
        var (credit, visits) = (ExpectedCredit(policy, reward, alpha, prover), Visits(policy));
        var gradient = new double[task.TableSize];
        for (var t = 0; t < task.Length; t++)
            for (var k = 0; k < task.LiveStates; k++)
            {
                var (row, mean) = (task.Row(t, k), 0.0);
                for (var a = row; a < row + task.Vocabulary; a++) mean += policy.Probabilities[a] * credit[a];
                for (var a = row; a < row + task.Vocabulary; a++) gradient[a] = visits[t, k] * policy.Probabilities[a] * (credit[a] - mean);
            }

        return gradient;
    }

    /// <summary>Adds Σ_h weight_h·∇log π(a_h | s_h) of one sequence from the start: weights as of <see cref="StepCredit"/>, with or without
    /// a baseline.</summary>
    public static void Reinforce(TabularPolicy policy, Episode episode, IReadOnlyList<double> weights, double[] gradient)
    {
        for (var t = 0; t < episode.Steps; t++)
        {
            var row = policy.Task.Row(t, episode.States[t]);
            for (var a = 0; a < policy.Task.Vocabulary; a++)
                gradient[row + a] += weights[t] * ((a == episode.Tokens[t] ? 1 : 0) - policy.Probabilities[row + a]);
        }
    }

    /// <summary>d(t, k): the chance that a sequence of the policy is in live state k after t tokens.</summary>
    public static double[,] Visits(TabularPolicy policy)
    {
        var task = policy.Task;
        var visits = new double[task.Length + 1, task.Lost + 1];
        visits[0, 0] = 1;
        for (var t = 0; t < task.Length; t++)
            for (var k = 0; k < task.LiveStates; k++)
                for (var a = 0; a < task.Vocabulary; a++)
                    visits[t + 1, task.Next(k, a)] += visits[t, k] * policy.At(t, k)[a];
        return visits;
    }

    /// <summary>C(s, a): what <see cref="StepCredit"/> gives to a step on average, up to a constant of the state.</summary>
    private static double[] ExpectedCredit(TabularPolicy policy, StepReward reward, double alpha, ExactValues prover)
    {
        var exact = ExactValues.From(policy);
        var extra = reward switch
        {
            StepReward.Outcome => null,
            StepReward.AMu or StepReward.AMuAllActions or StepReward.QMu => prover.Table,
            StepReward.APi or StepReward.AMuToGo => exact.Table,
            StepReward.QMuToGo => SumToGo(policy, prover.Table),
            _ => throw new ArgumentOutOfRangeException(nameof(reward), reward, null),
        };
        var credit = exact.Table.ToArray();
        for (var i = 0; extra is not null && i < credit.Length; i++) credit[i] += alpha * extra[i];
        return credit;
    }

    /// <summary>The expected sum of a reward r(s, a) from (s, a) on.</summary>
    private static double[] SumToGo(TabularPolicy policy, IReadOnlyList<double> reward)
    {
        var task = policy.Task;
        var sum = reward.ToArray();
        for (var t = task.Length - 2; t >= 0; t--)
            for (var k = 0; k < task.LiveStates; k++)
                for (var a = 0; a < task.Vocabulary; a++)
                {
                    var next = task.Next(k, a);
                    if (!task.IsLive(t + 1, next)) continue;
                    var row = task.Row(t + 1, next);
                    for (var b = row; b < row + task.Vocabulary; b++) sum[task.Row(t, k) + a] += policy.Probabilities[b] * sum[b];
                }

        return sum;
    }
}
