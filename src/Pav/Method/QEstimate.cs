namespace Pav;

/// <summary>
/// Monte Carlo estimate of Q(s, a): <c>Q̂ = c / n</c> (Sec. 4.2). n ≥ 0 completions, 0 ≤ c ≤ n of them right; counts are kept, the ratio is
/// derived. Worked: n = 20, c = 5 gives 0.25.
/// </summary>
/// <param name="N">Completions.</param>
/// <param name="C">Right ones.</param>
/// <param name="Sequential">The unbiased estimate where n came from a rule that looked at the counts (<see cref="SequentialPlan"/>): c / n
/// is biased then.</param>
public readonly record struct QEstimate(int N, int C, double? Sequential = null)
{
    /// <summary>False where nothing was rolled out.</summary>
    public bool Known => N > 0;

    /// <summary>Q̂ in [0, 1].</summary>
    public double Value => N > 0 ? Sequential ?? (double)C / N : throw new InvalidOperationException("Q̂ without completions: n = 0");
}
