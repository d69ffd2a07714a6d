namespace Pav;

/// <summary>
/// How far a verifier's scores tell right traces of a problem from wrong ones, in units of their noise, on the scale of logits: Δ is the
/// mean over problems of (mean of the right − mean of the wrong), σ² the pooled variance of the right and of the wrong within their
/// problem. Problems without both say nothing. Worked: one problem with logits 2, 4 of right and −1, 1 of wrong traces: Δ = 3, σ² = (2 + 2)
/// / 2 = 2.
/// </summary>
/// <param name="Delta">Δ; NaN without a problem that has both.</param>
/// <param name="Sigma">σ; NaN where no problem has two right or two wrong traces.</param>
/// <param name="Ratio">Δ/σ with its interval over problems.</param>
public sealed record SignalToNoise(double Delta, double Sigma, Interval Ratio)
{
    private readonly record struct Parts(double Gap, double Squares, double Freedom);

    public static SignalToNoise From(IEnumerable<Judged> traces, ulong seed = 1)
    {
        var parts = traces.GroupBy(t => t.Problem).Select(Part).OfType<Parts>().ToList();
        double Delta(IEnumerable<int> problems) => problems.Average(i => parts[i].Gap);
        double Sigma(IReadOnlyCollection<int> problems) =>
            Math.Sqrt(problems.Sum(i => parts[i].Squares) / problems.Sum(i => parts[i].Freedom));
        if (parts.Count == 0) return new(double.NaN, double.NaN, new(double.NaN, double.NaN, double.NaN));
        int[] all = [.. Enumerable.Range(0, parts.Count)];
        return new(Delta(all), Sigma(all), Bootstrap.Interval(parts.Count, drawn => Delta(drawn) / Sigma([.. drawn]), seed));
    }

    /// <summary>What it says of searches, in one sentence.</summary>
    public override string ToString() => double.IsFinite(Ratio.Value)
        ? FormattableString.Invariant($"signal to noise Δ/σ = {Ratio.Value:0.00} [{Ratio.Low:0.00}, {Ratio.High:0.00}]: ")
          + FormattableString.Invariant($"a right trace scores above {UsefulWidth.Largest(Ratio.Value):N0} wrong ones half the time")
        : "signal to noise unknown: no problem has both right and wrong traces, and two of one kind";

    private static Parts? Part(IEnumerable<Judged> traces)
    {
        var kinds = traces.GroupBy(t => t.Right).ToDictionary(g => g.Key, g => g.Select(t => Platt.Logit(t.Score)).ToList());
        if (kinds.Count < 2) return null;
        var squares = kinds.Values.Sum(v => v.Sum(x => Math.Pow(x - v.Average(), 2)));
        return new(kinds[true].Average() - kinds[false].Average(), squares, kinds.Values.Sum(v => v.Count - 1));
    }
}
