using System.Collections.Concurrent;
using System.Globalization;

namespace Pav;

/// <summary>
/// When to stop rolling out a prefix. After every First completions its counts are looked at: it has enough when the 95% interval of its Q̂
/// (Wilson's) is at most ± HalfWidth, when that of Border standard errors does not hold 0.5, the border of the label buckets, or when it
/// has had Most.
/// <para>
/// c / n is biased under such a rule: a run of luck ends the count early. From the counts at the stop the unbiased estimate is used instead
/// (Girshick, Mosteller and Savage 1946): of all orders of right and wrong completions that lead to (n, c) without stopping before, the
/// share that begins with a right one. Worked: First 1, Most 2, stop at a right first completion (never at a wrong one) gives 1 at (1, 1),
/// and at (2, 1) only "wrong, right" leads there: 0, where c / n says 0.5.
/// </para>
/// </summary>
/// <param name="First">Completions before the first look and between two of them, at least 1.</param>
/// <param name="Most">Most completions, at most <see cref="Limit"/>.</param>
/// <param name="HalfWidth">In (0, 0.5).</param>
/// <param name="Border">Standard errors; 0 leaves the border out of it.</param>
public sealed record SequentialPlan(int First, int Most, double HalfWidth, double Border = 0)
{
    /// <summary>Orders of more completions are too many for floating point.</summary>
    public const int Limit = 1000;

    private static readonly ConcurrentDictionary<SequentialPlan, Dictionary<(int, int), double>> Estimates = new();

    private static readonly ConcurrentDictionary<string, SequentialPlan> Known = new();

    public void Check()
    {
        if (First < 1 || Most < First || Most > Limit) throw new UserError($"adaptive allocation looks after {First} completions and "
            + $"ends at {Most}; it needs 1 ≤ n_mc ≤ its maximum ≤ {Limit}");
        if (!(HalfWidth is > 0 and < 0.5))
            throw new UserError($"the half-width at which a prefix has enough completions is {HalfWidth}; it must lie between 0 and 0.5");
        if (!(Border >= 0)) throw new UserError($"the distance from the border is {Border} standard errors; it must be at least 0");
    }

    /// <summary>As labels keep it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{First}:{Most}:{HalfWidth}:{Border}");

    /// <summary>What <see cref="ToString"/> wrote.</summary>
    public static SequentialPlan Parse(string text) => Known.GetOrAdd(text, t =>
    {
        var parts = t.Split(':');
        var c = CultureInfo.InvariantCulture;
        if (parts.Length != 4 || !int.TryParse(parts[0], c, out var first) || !int.TryParse(parts[1], c, out var most)
            || !double.TryParse(parts[2], c, out var width) || !double.TryParse(parts[3], c, out var border))
            throw new UserError($"'{t}' is no plan of adaptive allocation (first:most:half-width:border)");
        var plan = new SequentialPlan(first, most, width, border);
        plan.Check();
        return plan;
    });

    /// <summary>Completions at the look after n.</summary>
    public int Next(int n) => Math.Min(Most, n + First);

    /// <summary>Are n completions, c of them right, enough? Asked at looks only.</summary>
    public bool Enough(int n, int c)
    {
        if (n >= Most) return true;
        var around = Wilson.Interval(c, n);
        if ((around.High - around.Low) / 2 <= HalfWidth) return true;
        if (Border == 0) return false;
        around = Wilson.Interval(c, n, Border);
        return around.Low > 0.5 || around.High < 0.5;
    }

    /// <summary>The unbiased estimate of Q at a stop; c / n where the plan does not stop (the outcome of an ended trace).</summary>
    public double Estimate(int n, int c) =>
        Estimates.GetOrAdd(this, static plan => plan.AtStops().ToDictionary(s => (s.N, s.C), s => s.Estimate))
        .TryGetValue((n, c), out var estimate) ? estimate : (double)c / n;

    /// <summary>Every (n, c) at which the plan stops, with its estimate and the number of orders that lead there, as a power of 2:
    /// log₂.</summary>
    public IEnumerable<(int N, int C, double Estimate, double Log2Orders)> AtStops()
    {
        // Orders that lead to c right ones of n, and those of them that begin with a right one; both divided by 2ⁿ, so that they stay in
        // range.
        var (all, right) = (new double[Most + 2], new double[Most + 2]);
        all[0] = 1;
        for (var n = 1; n <= Most; n++)
        {
            for (var c = n; c >= 0; c--)
            {
                all[c] = (all[c] + (c > 0 ? all[c - 1] : 0)) / 2;
                right[c] = n == 1 ? (c == 1 ? 0.5 : 0) : (right[c] + (c > 0 ? right[c - 1] : 0)) / 2;
            }

            if (n % First != 0 && n != Most) continue;
            for (var c = 0; c <= n; c++)
            {
                if (all[c] == 0 || !Enough(n, c)) continue;
                yield return (n, c, right[c] / all[c], Math.Log2(all[c]) + n);
                (all[c], right[c]) = (0, 0);
            }
        }
    }
}
