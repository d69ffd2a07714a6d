namespace Pav;

/// <summary>A step's score and its Monte Carlo value Q̂.</summary>
public readonly record struct RankedStep(double Score, double Q);

/// <summary>
/// Ranking accuracy within a state: over pairs of sibling steps with different Q̂, how often the better one scores higher (ties half), each
/// pair weighing |ΔQ̂|, since small differences are mostly noise. Worked: Q̂ = (1, 0.5, 0), scores (0.7, 0.9, 0.1): (0 + 1·1 + 0.5·1)/(0.5
/// + 1 + 0.5) = 0.75.
/// </summary>
public static class RankWithinState
{
    /// <summary>Over all states, each given by its sibling steps; NaN if no pair differs.</summary>
    public static double Compute(IEnumerable<IReadOnlyList<RankedStep>> states)
    {
        var (right, all) = (0.0, 0.0);
        foreach (var steps in states)
        {
            for (var i = 0; i < steps.Count; i++)
            {
                for (var j = 0; j < i; j++)
                {
                    var weight = Math.Abs(steps[i].Q - steps[j].Q);
                    all += weight;
                    right += weight * (Math.Sign(steps[i].Score - steps[j].Score) * Math.Sign(steps[i].Q - steps[j].Q) + 1) / 2;
                }
            }
        }

        return right / all;
    }
}
