namespace Pav.Didactic;

/// <summary>
/// Policy gradient without sampling and without a network: θ ← θ + η·(exact gradient) on the logits of a tabular policy that starts
/// uniform. Plain ascent does not rescale the gradient, so the size of A^μ counts and a prover can be too strong as well as too weak; Adam
/// (β = 0.9, 0.999) undoes that.
/// </summary>
/// <param name="Rate">η.</param>
internal sealed record TabularAscent(StepReward Reward, double Gamma, double Alpha = 1, double Rate = 1,
    GradientMethod Method = GradientMethod.Sgd)
{
    private const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;

    /// <summary>Accuracy of the policy after 0, 1, … <paramref name="steps"/> updates.</summary>
    public IEnumerable<double> Accuracies(PlantedTask task, int steps)
    {
        var prover = ExactValues.From(TabularPolicy.Prover(task, Gamma));
        var (logits, first, second) = (new double[task.TableSize], new double[task.TableSize], new double[task.TableSize]);
        for (var step = 0; ; step++)
        {
            var policy = TabularPolicy.Softmax(task, logits);
            yield return ExactValues.From(policy).Accuracy;
            if (step == steps) yield break;
            var gradient = TabularGradient.Exact(policy, Reward, Alpha, prover);
            var (unbias1, unbias2) = (1 - Math.Pow(Beta1, step + 1), 1 - Math.Pow(Beta2, step + 1));
            for (var i = 0; i < logits.Length; i++)
            {
                first[i] = Beta1 * first[i] + (1 - Beta1) * gradient[i];
                second[i] = Beta2 * second[i] + (1 - Beta2) * gradient[i] * gradient[i];
                logits[i] += Rate * (Method == GradientMethod.Sgd
                    ? gradient[i] : first[i] / unbias1 / (Math.Sqrt(second[i] / unbias2) + Epsilon));
            }
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

    /// <summary>The sweep over γ with the exact gradient, and outcome reward alone, for each length of y*: which tokens y* has makes no
    /// difference here.</summary>
    public static IReadOnlyList<TabularRow> Sweep(IReadOnlyList<int> lengths, IReadOnlyList<double> gammas, GradientMethod method,
        double rate, int cap) =>
        [.. from length in lengths
            let task = new PlantedTask([.. Enumerable.Range(0, length)])
            from gamma in gammas.Select(g => (double?)g).Append(null)
            let reward = gamma is null ? StepReward.Outcome : StepReward.AMuAllActions
            select new TabularRow(length, reward, gamma, method, rate, new TabularAscent(reward, gamma ?? 1, 1, rate, method)
                .StepsTo(task, 0.99, cap), cap)];
}
