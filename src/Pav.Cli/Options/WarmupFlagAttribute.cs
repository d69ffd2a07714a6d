using System.Globalization;

namespace Pav.Cli.Options;

/// <summary>
/// The warm-up of a training or of RL: steps (of RL: iterations), or a share of them all, <c>10%</c>. A number between 0 and 1 is a share,
/// too: <c>0.1</c>, as RL's recipes and runs had it before, is 10%.
/// </summary>
internal sealed class WarmupFlagAttribute(string steps)
    : FlagAttribute($"{steps} over which the rate rises to its peak: a number of them, or a share of them all, as 10%")
{
    public override string Kind => "a whole number, or a share from 0% to 100%";

    public override bool Allows(string word) => Parse(word, 1) is not null;

    public override string Read(string text) =>
        decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is > 0 and < 1
            ? string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.############}%")
            : text;

    /// <summary>Steps of the warm-up, all of them at most.</summary>
    public static int Steps(string text, int total) => Parse(text, total) ?? throw new UserError($"--warmup is '{text}'.");

    private static int? Parse(string text, int total) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var steps) ? Math.Min(steps, total)
        : text.EndsWith('%') && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
            && percent <= 100
            ? (int)Math.Round(percent / 100 * total)
        : null;
}
