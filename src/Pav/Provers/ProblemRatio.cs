namespace Pav;

/// <summary>A mean that can be drawn again problem by problem: Σ <paramref name="Above"/> / Σ <paramref name="Below"/>, one entry of each
/// per problem.</summary>
public sealed record ProblemRatio(double[] Above, double[] Below)
{
    public double Value => Over(Enumerable.Range(0, Above.Length).ToArray());

    public double Over(IReadOnlyList<int> problems)
    {
        var (above, below) = (0.0, 0.0);
        for (var i = 0; i < problems.Count; i++) (above, below) = (above + Above[problems[i]], below + Below[problems[i]]);
        return above / below;
    }

    /// <summary>With its bootstrap interval; not a number where the labels do not allow the measure.</summary>
    public Interval Interval(ulong seed) => double.IsFinite(Value)
        ? Bootstrap.Interval(Above.Length, Over, seed) : new(double.NaN, double.NaN, double.NaN);

    /// <summary>This one less another of the same problems, drawn together.</summary>
    public Interval Less(ProblemRatio other, ulong seed) =>
        Bootstrap.Interval(Above.Length, drawn => Over(drawn) - other.Over(drawn), seed);
}
