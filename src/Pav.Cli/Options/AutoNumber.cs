using System.Globalization;

namespace Pav.Cli.Options;

/// <summary>Options that are a number, or the word auto.</summary>
internal static class AutoNumber
{
    public const string Auto = "auto";

    /// <summary>The number; null for auto.</summary>
    public static double? Parse(string option, string text, double max) =>
        text == Auto ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= 0 && value <= max ? value
        : throw new UserError(string.Create(CultureInfo.InvariantCulture,
            $"{option} is '{text}', but must be a number from 0 to {max}, or auto."));
}
