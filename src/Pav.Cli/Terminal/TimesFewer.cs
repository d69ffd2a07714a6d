using System.Globalization;

namespace Pav.Cli.Terminal;

/// <summary>A ratio of costs, the other way's over this one's, in words: above 1 a saving, below 1 turned round.</summary>
internal static class TimesFewer
{
    /// <summary>
    /// <c>4.1 times fewer [1.3 to 11.2]</c>, or for 0.3 <c>3.3 times as many [1.8 to 6.0]</c>; a bound of 0 is a cost that was never
    /// enough.
    /// </summary>
    public static string Words(double ratio, double? low = null, double? high = null, string unit = "")
    {
        var saves = ratio >= 1;
        var range = low is not { } l || high is not { } h ? ""
            : saves ? $" [{Bound(l)} to {Bound(h)}]"
            : $" [{Bound(1 / h)} to {Bound(1 / l)}]";
        return $"{Text(saves ? ratio : 1 / ratio)} times {(saves ? "fewer" : "as many")}{(unit == "" ? "" : " " + unit)}{range}";
    }

    /// <summary>Does the interval keep clear of 1?</summary>
    public static bool IsShown(double? low, double? high) => low > 1 || high < 1;

    private static string Bound(double x) => x == 0 || double.IsPositiveInfinity(x) ? "never" : Text(x);

    private static string Text(double x) => x.ToString("0.0", CultureInfo.InvariantCulture);
}
