using System.Text.Json.Serialization;

namespace Pav;

/// <summary>
/// α by the scale of what it weighs: <c>α·r = c·σ</c>, where r is the root mean square of the step rewards that a policy's first batches
/// earned, and σ the largest standard deviation of an outcome's credit: 1/2 for Rex, which is 0 or 1, at even chances. Not the outcome's
/// own spread at the start: that is near 0 where the start is nearly always wrong, which is where progress is needed most. Step rewards
/// that are k times as large get 1/k of the weight, within the limits. Worked: c = 0.06, r = √(0.01·(9 + 16)/2) = 0.354 of the rewards 0.3
/// and −0.4: α = 0.06·0.5/0.354 = 0.0849.
/// </summary>
/// <param name="Steps">Steps measured, of batches in which some step earned anything.</param>
/// <param name="Squares">Sum of their squared rewards.</param>
/// <param name="Before">r of the verifiers that were refreshed since; 0 for none. α never rises.</param>
public sealed record AlphaMatch(long Steps = 0, double Squares = 0, double Before = 0)
{
    /// <summary>c, chosen on the embedded models (docs/rl.md).</summary>
    public const double Share = 0.06;

    /// <summary>Steps after which r is known: batches are measured until there are so many.</summary>
    public const int Enough = 1000;

    /// <summary>Limits of α: rewards that are all but 0 are noise, or grow once the policy begins to solve problems.</summary>
    public const double Lowest = 0.01, Highest = 1;

    [JsonIgnore]
    public bool Settled => Steps >= Enough;

    /// <summary>r; 0 where no step has earned anything yet.</summary>
    [JsonIgnore]
    public double Scale => Math.Max(Before, Steps == 0 ? 0 : Math.Sqrt(Squares / Steps));

    /// <summary>With a batch's step rewards as they are before α; without them where r is known.</summary>
    public AlphaMatch With(IEnumerable<double> rewards)
    {
        if (Settled) return this;
        double[] earned = [.. rewards];
        return earned.All(r => r == 0) ? this : this with { Steps = Steps + earned.Length, Squares = Squares + earned.Sum(r => r * r) };
    }

    /// <summary>The verifier changed, and its scale perhaps with it: the next batches are measured anew.</summary>
    public AlphaMatch Anew() => new(Before: Scale);

    /// <param name="outcome">σ, above 0.</param>
    public double Alpha(double outcome) => Scale == 0 ? Highest : Math.Clamp(Share * outcome / Scale, Lowest, Highest);
}
