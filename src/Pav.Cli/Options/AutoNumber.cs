using System.Globalization;

namespace Pav.Cli.Options;

/// <summary>Options that are a number, or the word auto; perhaps another word too.</summary>
internal static class AutoNumber
{
    public const string Auto = "auto";

    /// <summary>The number; null for a word.</summary>
    public static double? Parse(string option, string text, double max, string word = "") =>
        text == Auto || text == word && word != "" ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= 0 && value <= max ? value
        : throw new UserError(string.Create(CultureInfo.InvariantCulture,
            $"{option} is '{text}', but must be a number from 0 to {max}, {(word == "" ? "or auto" : $"auto or {word}")}."));
}
