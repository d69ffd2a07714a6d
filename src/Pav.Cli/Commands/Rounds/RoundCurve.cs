namespace Pav.Cli.Commands.Rounds;

/// <summary>Accuracy of one method at one size, with its 95% interval over problems.</summary>
internal sealed record RoundPoint(string Method, int N, double Accuracy, double Low, double High, double GeneratedTokens);

/// <summary>A difference of accuracies with its 95% interval over problems.</summary>
internal sealed record RoundGain(double Value, double Low, double High);

/// <summary>The curve of a round: for each problem whether it was answered, by method and size.</summary>
internal sealed class RoundCurve
{
    private readonly IReadOnlyList<string> problems;
    private readonly IReadOnlyDictionary<string, double> means;

    public RoundCurve(IReadOnlyList<SearchRow> rows)
    {
        problems = [.. rows.Select(r => r.Problem).Distinct().Order(StringComparer.Ordinal)];
        means = rows.GroupBy(r => r.Problem).ToDictionary(g => g.Key, g => g.Average(r => r.Correct));
        Points = [.. rows.GroupBy(r => (r.Method, r.N)).OrderBy(g => SearchMethods.Order(g.Key.Method)).ThenBy(g => g.Key.N).Select(g =>
        {
            var accuracy = Bootstrap.Mean([.. g.OrderBy(r => r.Problem, StringComparer.Ordinal).Select(r => (double)r.Correct)]);
            return new RoundPoint(g.Key.Method, g.Key.N, accuracy.Value, accuracy.Low, accuracy.High, g.Average(r => r.GeneratedTokens));
        })];
    }

    public IReadOnlyList<RoundPoint> Points { get; }

    /// <summary>Accuracy, every method and size alike.</summary>
    public double Mean => problems.Average(p => means[p]);

    /// <summary>Mean accuracy above another curve's, problem by problem. Worked: problems 0.5 and 1 against 0.5 and 0.25 are
    /// +0.375.</summary>
    public RoundGain Above(RoundCurve other)
    {
        var gain = Bootstrap.Mean([.. problems.Select(p => means[p] - other.means[p])]);
        return new(gain.Value, gain.Low, gain.High);
    }
}
