namespace Pav.Didactic;

/// <summary>
/// Policy gradient without sampling and without a network: θ ← θ + η·(exact gradient) on the logits of a tabular policy that starts uniform. Nothing rescales the
/// gradient, so the size of A^μ counts, and a prover can be too strong as well as too weak.
/// </summary>
public sealed record TabularAscent(StepReward Reward, double Gamma, double Alpha = 1, double Rate = 1)
{
    /// <summary>Accuracy of the policy after 0, 1, … <paramref name="steps"/> updates.</summary>
    public IEnumerable<double> Accuracies(PlantedTask task, int steps)
    {
        var prover = ExactValues.Of(TabularPolicy.Prover(task, Gamma));
        var logits = new double[task.TableSize];
        for (var step = 0; ; step++)
        {
            var policy = TabularPolicy.Softmax(task, logits);
            yield return ExactValues.Of(policy).Accuracy;
            if (step == steps) yield break;
            var gradient = TabularGradient.Exact(policy, Reward, Alpha, prover);
            for (var i = 0; i < logits.Length; i++) logits[i] += Rate * gradient[i];
        }
    }

    /// <summary>Updates until the accuracy reaches a level; null where the cap is not enough.</summary>
    public int? StepsTo(PlantedTask task, double accuracy, int cap)
    {
        var step = 0;
        foreach (var reached in Accuracies(task, cap))
        {
            if (reached >= accuracy) return step;
            step++;
        }

        return null;
    }
}
