namespace Pav;

/// <summary>How the weight α of step rewards depends on the problem.</summary>
public enum AlphaRule
{
    /// <summary>It does not.</summary>
    Same,

    /// <summary>
    /// α·(1 − V^μ(x)). A trace's progress sums to Q^μ(end) − V^μ(x) and so to at most 1 − V^μ(x): α falls with what is left to gain. For
    /// μ = BoK(π) this is α·(1 − V^π(x))^K, the chance that K traces are all wrong and outcomes tell nothing.
    /// </summary>
    Value,
}

/// <summary>What a problem's α is of the run's.</summary>
public static class ProblemAlpha
{
    /// <summary>
    /// In [0, 1]. Worked: V^π(x) = 0.2 and Bo4 give V^μ(x) = 1 − 0.8⁴ = 0.5904 and a share of 0.4096; α = 3 becomes 1.2288.
    /// </summary>
    /// <param name="value">V^μ(x) in [0, 1]. An unbiased estimate leaves the policy gradient that of the exact share: it may vary along
    /// with A of the first step, by the same for all steps that could have been taken.</param>
    public static double Share(AlphaRule rule, double value) => rule == AlphaRule.Value ? 1 - value : 1;
}
