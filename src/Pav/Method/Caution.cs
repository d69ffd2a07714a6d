using System.Globalization;
using System.Text.Json.Serialization;

namespace Pav;

/// <summary>
/// How a value is lowered where several judges of it (score heads, verifiers) disagree, so that a search that looks for the highest of many
/// does not find their mistakes: mean − Lambda·std, or the worst of them; or one that is drawn for each problem (Thompson). Worked: 0.4 and
/// 0.6 have the mean 0.5 and std 0.1414; with Lambda 1 that is 0.3586, the worst is 0.4.
/// </summary>
/// <param name="Lambda">Weight of the standard deviation between judges, at least 0.</param>
/// <param name="Worst">The lowest of the judges, whatever Lambda.</param>
/// <param name="DrawnBy">The seed that draws one judge for each problem, whatever else; null: all judge.</param>
public sealed record Caution(
    [property: JsonPropertyName("lambda")] double Lambda = 0, [property: JsonPropertyName("worst")] bool Worst = false,
    [property: JsonPropertyName("drawn_by"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ulong? DrawnBy = null)
{
    public const string WorstWord = "worst", ThompsonWord = "thompson";

    public static Caution None { get; } = new();

    /// <summary>A number from 0, "worst", or "thompson", which draws by the seed.</summary>
    public static Caution Parse(string option, string text, ulong seed = 1) =>
        text == WorstWord ? new(Worst: true)
        : text == ThompsonWord ? new(DrawnBy: seed)
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var lambda) && lambda is >= 0 and <= 100 ? new(lambda)
        : throw new UserError($"{option} is '{text}', but must be a number from 0 to 100, {WorstWord} or {ThompsonWord}.");

    /// <summary>Who judges this problem alone, from 0; null where all judge. The same for every state of the problem.</summary>
    /// <param name="problem">Its text.</param>
    /// <param name="judges">How many there are, at least 1.</param>
    public int? Draw(string problem, int judges) =>
        DrawnBy is { } seed ? (int)(Seeds.Derive(seed, problem, "judge", 0) % (ulong)judges) : null;

    /// <param name="mean">Of the judges, in whatever sense they are averaged, in [0, 1].</param>
    /// <param name="values">What each judge says; at least one.</param>
    /// <returns>In [0, 1].</returns>
    public double Apply(double mean, ReadOnlySpan<double> values)
    {
        if (Worst)
        {
            var lowest = values[0];
            foreach (var value in values) lowest = Math.Min(lowest, value);
            return lowest;
        }

        if (Lambda == 0 || values.Length == 1) return mean;
        var (sum, squares) = (0.0, 0.0);
        foreach (var value in values) sum += value;
        foreach (var value in values) squares += (value - sum / values.Length) * (value - sum / values.Length);
        return Math.Max(0, mean - Lambda * Math.Sqrt(squares / (values.Length - 1)));
    }

    public override string ToString() =>
        DrawnBy is not null ? ThompsonWord : Worst ? WorstWord : Lambda.ToString(CultureInfo.InvariantCulture);
}
