namespace Pav.Cli.Installation;

/// <summary>Words as a shell reads them.</summary>
internal static class Shell
{
    public static string Quote(string text) => text.Length > 0 && text.All(c => char.IsLetterOrDigit(c) || Plain.Contains(c)) ? text
        : OperatingSystem.IsWindows() ? $"\"{text.Replace("\"", "\\\"")}\"" : $"'{text.Replace("'", "'\\''")}'";

    private static readonly string Plain = OperatingSystem.IsWindows() ? @"-_./,:+@=\" : "-_./,:+@=";
}
