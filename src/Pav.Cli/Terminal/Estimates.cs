namespace Pav.Cli.Terminal;

/// <summary>How what is only estimated is written.</summary>
internal static class Estimates
{
    /// <summary>1.2 M, 340 k, 512.</summary>
    public static string Count(double count) => count switch
    {
        >= 1e9 => $"{count / 1e9:0.0} G", >= 1e6 => $"{count / 1e6:0.0} M", >= 1e4 => $"{count / 1e3:0} k", _ => $"{count:N0}",
    };

    /// <summary>3 h 20 min, 12 min, 4.5 s.</summary>
    public static string Time(double seconds) => seconds switch
    {
        >= 3600 => $"{Math.Floor(seconds / 3600):0} h {Math.Floor(seconds % 3600 / 60):0} min", >= 120 => $"{seconds / 60:0} min",
        >= 10 => $"{seconds:0} s", _ => $"{seconds:0.0} s",
    };
}
